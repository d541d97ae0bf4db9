// SPDX-License-Identifier: BSL-1.0
/// @file
/// Logs that several processes may write, with one that does.

#include <logdb/event_log.hpp>

#include "conformance/typed.hpp"

namespace logdb::test {

std::vector<tested_kind> tested_kinds() {
  return kinds_of<shared_wal, basic_log<Durability<Async>, Index<Sparse>, Locking<Fcntl>>,
                  basic_log<Durability<None>, Index<None>, Locking<Fcntl>>,
                  basic_log<Durability<Fsync>, Index<Events>, Locking<Fcntl>>>();
}

}  // namespace logdb::test
