// SPDX-License-Identifier: BSL-1.0
/// @file
/// Logs in one file that several processes may write, with one that does.

#include "conformance/typed.hpp"

namespace logdb::test {

std::vector<tested_kind> tested_kinds() {
  return kinds_of<shared_wal::with<Storage<SingleFile>>,
                  basic_log<Storage<SingleFile>, Durability<Async>, Locking<Fcntl>>,
                  basic_log<Storage<SingleFile>, Durability<None>, Index<None>, Locking<Fcntl>>>();
}

}  // namespace logdb::test
