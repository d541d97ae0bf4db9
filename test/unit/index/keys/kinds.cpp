// SPDX-License-Identifier: BSL-1.0
/// @file
/// The logs that the tests of KeyDir run on; each group is a unit of its own.

#include "unit/index/keys/kinds.hpp"

namespace logdb::test {

const std::vector<key_kind>& key_kinds() {
  static const std::vector<key_kind> all = [] {
    auto kinds = kinds_of_one_process();
    for (auto& each : kinds_of_many_processes()) kinds.push_back(std::move(each));
    return kinds;
  }();
  return all;
}

}  // namespace logdb::test
