// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What a filter holds: hashes of a path with a value or a word there. Values are hashed decoded
/// and in lower case, numbers by their value, so that a filter never misses what a query may mean.

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include <logdb/format/bytes.hpp>
#include <logdb/format/hash.hpp>
#include <logdb/query/evaluate/strings.hpp>
#include <logdb/query/json_number.hpp>
#include <logdb/query/summary/bytes/layout.hpp>
#include <logdb/types.hpp>

namespace logdb::query::detail {

/// Calls `tell(word)` for each word of a text: a run of word characters, as long as it goes.
template <class Tell>
void for_each_word(std::string_view text, Tell&& tell) {
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = begin;
    while (end < text.size() && is_of_word(text[end])) ++end;
    if (end > begin) tell(text.substr(begin, end - begin));
    begin = end + 1;
  }
}

/// The text that stands for an integer in a filter, however it was written.
class integer_text {
 public:
  /// Makes it of a number; none of one that is no integer of 64 bits.
  static std::optional<integer_text> of(const json_number& number) {
    using form = json_number::form;
    integer_text made;
    if (number.kind == form::integer) return made.write(number.integer), made;
    if (number.kind == form::natural) return made.write(number.natural), made;
    const double real = number.real;
    if (number.beyond || std::floor(real) != real) return std::nullopt;
    if (real >= -9223372036854775808.0 && real < 9223372036854775808.0) {
      return made.write(static_cast<std::int64_t>(real)), made;
    }
    if (real < 0 || real >= 18446744073709551616.0) return std::nullopt;
    return made.write(static_cast<std::uint64_t>(real)), made;
  }

  [[nodiscard]] std::string_view text() const { return {digits_.data(), size_}; }

 private:
  template <class Integer>
  void write(Integer value) {
    const auto end = std::to_chars(digits_.data(), digits_.data() + digits_.size(), value).ptr;
    size_ = static_cast<std::size_t>(end - digits_.data());
  }

  std::array<char, 20> digits_{};
  std::size_t size_ = 0;
};

/// Hashes the values and words at one path.
class pair_hash {
 public:
  pair_hash(std::string_view path, logdb::detail::hash_seed store)
      : seed_{logdb::detail::hash_key(as_bytes(path), store) | 1, store.high} {}

  /// @param text  in lower case
  [[nodiscard]] std::uint64_t of(std::string_view text) const {
    return logdb::detail::hash_key(as_bytes(text), seed_);
  }

 private:
  logdb::detail::hash_seed seed_;
};

/// The doubles nearest to a number that are not above and not below it.
struct number_bounds {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  static number_bounds of(const json_number& number) {
    using form = json_number::form;
    if (number.kind == form::real) return {number.real, number.real};
    const double near = number.kind == form::integer ? static_cast<double>(number.integer)
                                                     : static_cast<double>(number.natural);
    json_number rounded;
    rounded.kind = form::real;
    rounded.real = near;
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const auto order = compare(rounded, number);
    return {order > 0 ? std::nextafter(near, -infinity) : near,
            order < 0 ? std::nextafter(near, infinity) : near};
  }

  void include(const number_bounds& other) {
    low = std::min(low, other.low);
    high = std::max(high, other.high);
  }
  [[nodiscard]] bool empty() const { return !(low <= high); }
};

inline void encode(byte_sink& out, const number_bounds& of) {
  out.put(std::bit_cast<std::uint64_t>(of.low)).put(std::bit_cast<std::uint64_t>(of.high));
}

/// Reads bounds of 16 bytes; NaN, which none has, makes them empty.
inline number_bounds decode_bounds(bytes_view bytes) {
  return {std::bit_cast<double>(format::load<std::uint64_t>(bytes.data())),
          std::bit_cast<double>(format::load<std::uint64_t>(bytes.data() + 8))};
}

}  // namespace logdb::query::detail
