// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The codes of a path that has few different values.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace logdb::query::detail {

inline constexpr std::size_t coded_values_max = 255;
inline constexpr std::size_t coded_bytes_max = 256;  // of all values of an event at the path

/// A code for each different value at one path, and the code of each record.
class field_codes {
 public:
  /// @param values_max  different values that get codes, at most coded_values_max
  explicit field_codes(std::size_t values_max)
      : values_max_{std::min(values_max, coded_values_max)} {}

  /// Gives a record the code of its values; false: there are too many, or these are too long.
  bool give(const std::string& values, std::size_t record) {
    if (values.size() > coded_bytes_max) return false;
    const std::size_t code = code_of(values);
    if (code == 0) return false;
    last_ = code;
    codes_.resize(record + 1);
    codes_[record] = static_cast<std::uint8_t>(code);
    return true;
  }

  /// The different values, from code 1 on.
  [[nodiscard]] const std::vector<std::string>& values() const { return values_; }
  /// The code of each record; those behind the end have none.
  [[nodiscard]] const std::vector<std::uint8_t>& codes() const { return codes_; }
  [[nodiscard]] std::uint64_t memory_bytes() const { return codes_.capacity() + value_bytes_; }

  void clear() { *this = field_codes{values_max_}; }

 private:
  /// Returns the code of values, a new one where it can; 0: there are too many.
  std::size_t code_of(const std::string& values) {
    if (last_ != 0 && values_[last_ - 1] == values) return last_;
    if (const auto known = known_.find(values); known != known_.end()) return known->second;
    if (values_.size() >= values_max_) return 0;
    values_.push_back(values);
    value_bytes_ += 2 * (values.size() + 64);  // there, and in the table
    return known_[values] = values_.size();
  }

  std::size_t values_max_;
  std::vector<std::string> values_{};
  std::unordered_map<std::string, std::size_t> known_{};
  std::size_t last_ = 0;
  std::uint64_t value_bytes_ = 0;
  std::vector<std::uint8_t> codes_{};
};

}  // namespace logdb::query::detail
