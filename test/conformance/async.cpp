// SPDX-License-Identifier: BSL-1.0
/// @file
/// Every coherent combination with Durability<Async> on a directory.

#include <logdb/event_log.hpp>

#include "conformance/typed.hpp"

namespace logdb::test {

std::vector<tested_kind> tested_kinds() {
  return kinds_of<basic_log<Durability<Async>, Index<Sparse>, Locking<Flock>>,
                  basic_log<Durability<Async>, Index<Sparse>, Locking<None>>,
                  basic_log<Durability<Async>, Index<None>, Locking<Flock>>,
                  basic_log<Durability<Async>, Index<None>, Locking<None>>, event_log>();
}

}  // namespace logdb::test
