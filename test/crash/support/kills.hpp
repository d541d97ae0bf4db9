// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// How often a test kills a process.

#include <cstdlib>

namespace logdb::test {

/// Returns what the environment wants, or what a short run makes.
inline int kills(int usual, const char* option = "LOGDB_KILLS") {
  const char* const wanted = std::getenv(option);
  return wanted != nullptr ? std::atoi(wanted) : usual;
}

}  // namespace logdb::test
