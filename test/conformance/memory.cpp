// SPDX-License-Identifier: BSL-1.0
/// @file
/// Every coherent combination in memory.

#include <logdb/event_log.hpp>

#include "conformance/typed.hpp"

namespace logdb::test {

std::vector<tested_kind> tested_kinds() {
  return kinds_of<basic_log<Storage<Memory>, Durability<None>, Index<Sparse>, Locking<None>>,
                  basic_log<Storage<Memory>, Durability<None>, Index<None>, Locking<None>>,
                  basic_log<Storage<Memory>, Index<Events>>>();
}

}  // namespace logdb::test
