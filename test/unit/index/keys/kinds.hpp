// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The logs of key_kinds(), by the unit that compiles them.

#include <vector>

#include "unit/index/keys/tested_keys.hpp"

namespace logdb::test {

std::vector<key_kind> kinds_of_one_process();
std::vector<key_kind> kinds_of_many_processes();

}  // namespace logdb::test
