// SPDX-License-Identifier: BSL-1.0
/// @file
/// Every durability and every locking on one file.

#include <logdb/event_log.hpp>

#include "conformance/typed.hpp"

namespace logdb::test {

std::vector<tested_kind> tested_kinds() {
  return kinds_of<basic_log<Storage<SingleFile>, Durability<Fsync>, Locking<Flock>>,
                  basic_log<Storage<SingleFile>, Durability<Async>, Locking<None>>,
                  basic_log<Storage<SingleFile>, Durability<None>, Locking<Flock>>,
                  basic_log<Storage<SingleFile>, Index<None>, Durability<Fsync>, Locking<None>>,
                  event_log::with<Storage<SingleFile>>>();
}

}  // namespace logdb::test
