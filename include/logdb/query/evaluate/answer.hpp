// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What an aggregate answers: values, their order, groups, figures and buckets.

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/query/json_number.hpp>
#include <logdb/types.hpp>

namespace logdb::query {

/// A value of a group or a figure. Numbers are the same by value, and apart from strings.
struct answer_value {
  enum class kind : std::uint8_t { number, text, false_, true_, absent };

  kind is = kind::absent;
  std::string text{};    ///< what a string says; of a number, how it is shown
  json_number number{};  ///< of a number: its value; of a sum over 64 bits, the nearest double

  /// The order of groups with the same count: numbers by value, strings byte by byte, false, true,
  /// and what is absent.
  friend std::strong_ordering operator<=>(const answer_value& a, const answer_value& b) {
    if (a.is != b.is) return a.is <=> b.is;
    if (a.is == kind::number) {
      if (const auto order = compare(a.number, b.number); order != 0) return order;
    }
    return a.text <=> b.text;
  }
  friend bool operator==(const answer_value& a, const answer_value& b) { return (a <=> b) == 0; }
};

/// A group of `count`, `top` or `stats`.
struct answer_row {
  std::vector<answer_value> values{};   ///< of the paths that it is by, in their order
  std::uint64_t count = 0;              ///< events in it
  std::vector<answer_value> figures{};  ///< of `stats`, in their order
};

/// The events of one value in each bucket of a histogram.
struct answer_series {
  answer_value value{};                 ///< absent, too, where the histogram is by nothing
  std::vector<std::uint64_t> counts{};  ///< a bucket each
};

/// The answer of an aggregate: rows of `count`, `top` and `stats`, series of `histogram`.
struct answer {
  std::vector<answer_row> rows{};  ///< the largest count first, then by value

  timestamp begin{};                    ///< of the first bucket; the others follow without a gap
  std::chrono::nanoseconds width{0};    ///< of a bucket
  std::size_t buckets = 0;              ///< from that of the first event to that of the last
  std::vector<answer_series> series{};  ///< ordered by value
};

namespace detail {

/// Writes a number the one way that its value has; one that no double is near stays as written.
inline std::string show_number(const json_number& number, std::string_view written) {
  if (number.beyond) return std::string{written};
  std::array<char, 40> digits{};
  char* const end = digits.data() + digits.size();
  std::to_chars_result made{digits.data(), std::errc{}};
  switch (number.kind) {
    case json_number::form::integer:
      made = std::to_chars(digits.data(), end, number.integer);
      break;
    case json_number::form::natural:
      made = std::to_chars(digits.data(), end, number.natural);
      break;
    case json_number::form::real: made = std::to_chars(digits.data(), end, number.real); break;
  }
  return {digits.data(), made.ptr};
}

/// Returns a number in the form that its value has: a double that is an integer of 64 bits is one.
inline json_number normal(json_number number) {
  if (number.kind != json_number::form::real || number.beyond) return number;
  const double real = number.real;
  if (std::floor(real) != real) return number;
  if (real >= -9223372036854775808.0 && real < 9223372036854775808.0) {
    number.kind = json_number::form::integer;
    number.integer = static_cast<std::int64_t>(real);
  } else if (real >= 0 && real < 18446744073709551616.0) {
    number.kind = json_number::form::natural;
    number.natural = static_cast<std::uint64_t>(real);
  }
  return number;
}

inline answer_value make_number(const json_number& number, std::string_view written) {
  const json_number made = normal(number);
  return {answer_value::kind::number, show_number(made, written), made};
}

inline answer_value make_real(double real) {
  json_number number;
  number.kind = json_number::form::real;
  number.real = real;
  return make_number(number, {});
}

/// Adds a value to a key, so that equal values, and no others, make the same key.
inline void add_to_key(std::string& key, const answer_value& value) {
  key += static_cast<char>('0' + static_cast<int>(value.is));
  if (value.is == answer_value::kind::number) key += value.number.beyond ? '!' : '=';
  const auto bytes = static_cast<std::uint64_t>(value.text.size());
  std::array<char, sizeof bytes> size{};
  std::memcpy(size.data(), &bytes, sizeof bytes);
  key.append(size.data(), size.size()).append(value.text);
}

}  // namespace detail
}  // namespace logdb::query
