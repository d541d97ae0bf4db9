// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The figures of `stats` over the numbers of one group: exact sums, extremes, ranks.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include <logdb/error.hpp>
#include <logdb/query/evaluate/answer.hpp>
#include <logdb/query/json_number.hpp>
#include <logdb/query/language/tree.hpp>

namespace logdb::query::detail {

__extension__ using wide_integer = __int128;

inline std::string to_string(wide_integer value) {
  if (value == 0) return "0";
  std::string digits;
  for (wide_integer rest = value; rest != 0; rest /= 10) {
    const auto digit = static_cast<int>(rest % 10);
    digits += static_cast<char>('0' + (digit < 0 ? -digit : digit));
  }
  if (value < 0) digits += '-';
  std::reverse(digits.begin(), digits.end());
  return digits;
}

/// How many bytes the values may take that a percentile or a count of distinct ones needs.
struct value_room {
  std::size_t left;

  void take(std::size_t bytes) {
    if (bytes > left) {
      throw error{errc::too_large,
                  "percentiles and distinct values need more than quantile_bytes_max"};
    }
    left -= bytes;
  }
};

/// One figure of one group, fed value after value.
class figure_tally {
 public:
  explicit figure_tally(const figure& of) : of_{of} {}

  void add(const answer_value& value, value_room& room) {
    if (of_.is == figure::kind::distinct) return add_distinct(value, room);
    if (value.is != answer_value::kind::number) return;
    ++numbers_;
    switch (of_.is) {
      case figure::kind::sum:
      case figure::kind::avg: add_up(value.number); break;
      case figure::kind::min: keep(value, numbers_ == 1 || value < kept_); break;
      case figure::kind::max: keep(value, numbers_ == 1 || value > kept_); break;
      default:
        room.take(sizeof(answer_value) + value.text.capacity());
        sample_.push_back(value);
        break;
    }
  }

  /// Returns the figure of a group with so many events.
  [[nodiscard]] answer_value result(std::uint64_t events) {
    if (of_.is == figure::kind::count) return count(events);
    if (of_.is == figure::kind::distinct) return count(distinct_.size());
    if (numbers_ == 0) return {};
    switch (of_.is) {
      case figure::kind::sum: return sum();
      case figure::kind::avg:
        return real_or_absent((static_cast<long double>(whole_) + real_) /
                              static_cast<long double>(numbers_));
      case figure::kind::percentile: return ranked();
      default: return kept_;
    }
  }

 private:
  static answer_value count(std::uint64_t value) {
    const std::string digits = std::to_string(value);
    return make_number(parse_number(digits), digits);
  }

  void add_distinct(const answer_value& value, value_room& room) {
    std::string key;
    add_to_key(key, value);
    const std::size_t bytes = key.size() + 4 * sizeof(void*) + sizeof(std::string);
    if (distinct_.insert(std::move(key)).second) room.take(bytes);
  }

  void add_up(const json_number& number) {
    switch (number.kind) {
      case json_number::form::integer: whole_ += number.integer; break;
      case json_number::form::natural: whole_ += number.natural; break;
      case json_number::form::real:
        real_ += static_cast<long double>(number.real);
        any_real_ = true;
        break;
    }
  }

  void keep(const answer_value& value, bool better) {
    if (better) kept_ = value;
  }

  /// Returns the value; absent for what ∞ and −∞ come to.
  static answer_value real_or_absent(long double real) {
    return std::isnan(real) ? answer_value{} : make_real(static_cast<double>(real));
  }

  [[nodiscard]] answer_value sum() const {
    if (any_real_) return real_or_absent(static_cast<long double>(whole_) + real_);
    const std::string digits = to_string(whole_);
    const json_number number = parse_number(digits);
    return {answer_value::kind::number, digits, number};
  }

  /// Returns the value of nearest rank: the least one with so many percent at or below it.
  [[nodiscard]] answer_value ranked() {
    const std::size_t values = sample_.size();
    const std::size_t whole = values / 100 * of_.percent + (values % 100 * of_.percent + 99) / 100;
    const std::size_t rank = std::max<std::size_t>(whole, 1);
    const auto at = sample_.begin() + static_cast<std::ptrdiff_t>(rank - 1);
    std::nth_element(sample_.begin(), at, sample_.end());
    return *at;
  }

  figure of_;
  std::uint64_t numbers_ = 0;
  wide_integer whole_ = 0;  // of integers: 2⁶⁴ events with 2⁶⁴ values each would not fill it
  long double real_ = 0;    // of the others
  bool any_real_ = false;
  answer_value kept_{};                         // the least or the greatest
  std::vector<answer_value> sample_{};          // of a percentile: all numbers
  std::unordered_set<std::string> distinct_{};  // keys
};

}  // namespace logdb::query::detail
