// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The keys that tests of logs of keys write, and what they hold.

#include <cstdint>
#include <map>
#include <string>

#include <boost/test/test_tools.hpp>

namespace logdb::test {

inline std::string key_of(std::uint64_t n) { return "key:" + std::to_string(n); }

template <class Log>
std::map<std::string, std::string> contents(const Log& log) {
  std::map<std::string, std::string> found;
  for (const auto& [key, value] : log.entries()) {
    BOOST_TEST(found.emplace(key.text(), value.text()).second);
  }
  return found;
}

}  // namespace logdb::test
