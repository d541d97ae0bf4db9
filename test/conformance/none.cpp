// SPDX-License-Identifier: BSL-1.0
/// @file
/// Every coherent combination with Durability<None> on a directory.

#include "conformance/typed.hpp"

namespace logdb::test {

std::vector<tested_kind> tested_kinds() {
  return kinds_of<basic_log<Durability<None>, Index<Sparse>, Locking<Flock>>,
                  basic_log<Durability<None>, Index<Sparse>, Locking<None>>,
                  basic_log<Durability<None>, Index<None>, Locking<Flock>>,
                  basic_log<Durability<None>, Index<None>, Locking<None>>>();
}

}  // namespace logdb::test
