// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The number that a JSON text stands for: exact where 64 bits hold it, and how two compare.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <system_error>

namespace logdb::query {

/// A number of JSON: an integer that fits into 64 bits, or else the nearest double.
struct json_number {
  enum class form : std::uint8_t {
    integer,  ///< `integer`: below zero, or up to 2⁶³ − 1
    natural,  ///< `natural`: from 2⁶³ on
    real,     ///< `real`: has a fraction or an exponent, or does not fit into 64 bits
  };

  form kind = form::integer;
  bool canonical = false;  ///< written the one way that has no exponent and no zero too many
  bool beyond = false;  ///< no double is near: ±∞, or 0 for what is too small; equal only as text
  union {
    std::int64_t integer = 0;
    std::uint64_t natural;
    double real;
  };
};

namespace detail {

/// The parts of a number as written: `-` digits `.` digits `e` exponent.
struct number_parts {
  bool negative = false;
  std::string_view whole{};
  std::string_view fraction{};
  std::string_view exponent{};

  explicit number_parts(std::string_view text) {
    negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    const std::size_t e = std::min(text.find_first_of("eE"), text.size());
    if (e < text.size()) exponent = text.substr(e + 1);
    whole = text.substr(0, e);
    const std::size_t point = std::min(whole.find('.'), whole.size());
    if (point < whole.size()) fraction = whole.substr(point + 1);
    whole = whole.substr(0, point);
  }

  [[nodiscard]] bool is_integer() const {
    return exponent.empty() && fraction.find_first_not_of('0') == std::string_view::npos;
  }
  [[nodiscard]] bool is_canonical() const {
    const bool zero = whole == "0" && fraction.empty();
    return exponent.empty() && !(negative && zero) && !fraction.ends_with('0');
  }
};

/// Returns whether what no double holds is too large for one, and not too small: by its exponent
/// once the first digit that is not 0 stands before the point.
inline bool overflows(const number_parts& parts) {
  std::int64_t exponent = 0;
  std::string_view text = parts.exponent;
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto read = std::from_chars(text.data(), text.data() + text.size(), exponent);
  if (read.ec == std::errc::result_out_of_range) return !text.starts_with('-');
  if (parts.whole != "0") return exponent > -static_cast<std::int64_t>(parts.whole.size());
  const std::size_t zeros = std::min(parts.fraction.find_first_not_of('0'), parts.fraction.size());
  return exponent > static_cast<std::int64_t>(zeros);
}

inline json_number real_number(std::string_view text, const number_parts& parts) {
  json_number number;
  number.kind = json_number::form::real;
  number.canonical = parts.is_canonical();
  double real = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), real);
  if (read.ec == std::errc::result_out_of_range) {
    number.beyond = true;
    real = overflows(parts) ? std::numeric_limits<double>::infinity() : 0.0;
    if (parts.negative) real = -real;
  }
  number.real = real;
  return number;
}

/// Returns how an integer and a double compare, exactly; `real` is not NaN.
template <class Integer>
std::strong_ordering compare_exactly(Integer integer, double real) {
  constexpr double past = sizeof(Integer) == 8 && std::numeric_limits<Integer>::is_signed
                              ? 9223372036854775808.0
                              : 18446744073709551616.0;
  if (real >= past) return std::strong_ordering::less;
  if (real < static_cast<double>(std::numeric_limits<Integer>::min())) {
    return std::strong_ordering::greater;
  }
  const double whole = std::floor(real);
  const auto same = integer <=> static_cast<Integer>(whole);
  return same != 0 || whole == real ? same : std::strong_ordering::less;
}

}  // namespace detail

/// Returns the number that a checked text of JSON stands for. `250.0` is the integer 250, `-0` is
/// 0; `2.5e2` is the double 250.
/// @cost  O(bytes); no allocation, no locale
inline json_number parse_number(std::string_view text) {
  const detail::number_parts parts{text};
  if (!parts.is_integer()) return detail::real_number(text, parts);
  std::uint64_t natural = 0;
  const char* const end = parts.whole.data() + parts.whole.size();
  const bool fits = std::from_chars(parts.whole.data(), end, natural).ec == std::errc{};
  constexpr std::uint64_t lowest = std::uint64_t{1} << 63;
  if (!fits || (parts.negative && natural > lowest)) return detail::real_number(text, parts);
  json_number number;
  number.canonical = parts.is_canonical();
  if (parts.negative) {
    number.integer = static_cast<std::int64_t>(0 - natural);
  } else if (natural < lowest) {
    number.integer = static_cast<std::int64_t>(natural);
  } else {
    number.kind = json_number::form::natural;
    number.natural = natural;
  }
  return number;
}

/// Returns how two numbers compare by value, exactly: an integer is not rounded to compare it with
/// a double. Two that are `beyond` on the same side are equal here; as numbers they are not known.
inline std::strong_ordering compare(const json_number& a, const json_number& b) {
  using form = json_number::form;
  if (a.kind == form::real && b.kind == form::real) {
    return a.real < b.real   ? std::strong_ordering::less
           : a.real > b.real ? std::strong_ordering::greater
                             : std::strong_ordering::equal;
  }
  if (a.kind == form::real) return 0 <=> compare(b, a);
  if (b.kind == form::real) {
    return a.kind == form::integer ? detail::compare_exactly(a.integer, b.real)
                                   : detail::compare_exactly(a.natural, b.real);
  }
  if (a.kind != b.kind) {
    return a.kind == form::integer ? std::strong_ordering::less : std::strong_ordering::greater;
  }
  return a.kind == form::integer ? a.integer <=> b.integer : a.natural <=> b.natural;
}

}  // namespace logdb::query
