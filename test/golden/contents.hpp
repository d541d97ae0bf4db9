// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What stands in the golden stores: written by make.cpp, expected by golden.cpp.

#include <string>
#include <vector>

#include <logdb/logdb.hpp>

namespace logdb::test {

inline constexpr std::uint64_t golden_singles = 100;
inline constexpr std::uint64_t golden_batch = 10;
inline constexpr std::size_t golden_large_bytes =
    70'000;  // needs 32-bit lengths, and no staging holds it
inline constexpr std::uint64_t golden_acknowledged = 50;

/// Returns the records of a golden store in lsn order.
inline std::vector<std::string> golden_records() {
  std::vector<std::string> records;
  for (std::uint64_t i = 1; i <= golden_singles; ++i) {
    records.push_back("golden record " + std::to_string(i) + std::string(i % 17, '.'));
  }
  for (std::uint64_t i = 1; i <= golden_batch; ++i) records.push_back(std::string(i * 3, 'b'));
  records.emplace_back();  // an empty record
  records.push_back(std::string(golden_large_bytes, 'L'));
  records.emplace_back("the last");
  return records;
}

/// Returns options that keep the files of a store small.
template <class Log>
typename Log::options golden_options() {
  typename Log::options options;
  options.segment_bytes = 16 << 10;
  options.durability.staging_bytes = 32 << 10;
  return options;
}

}  // namespace logdb::test
