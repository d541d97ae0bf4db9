// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What a time index holds and shows: rows of a time and a value, spans of columns, byte values,
/// bounds.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>

#include <logdb/stored_bytes.hpp>
#include <logdb/types.hpp>

namespace logdb {

/// A view of the bytes of a value that a time index keeps.
///
/// Valid as long as the range that showed it, or its span or a copy of that; as an argument of a
/// callback, during the call. What is to live longer is copied: `time_row::keep()`.
class bytes_value {
 public:
  bytes_value() = default;
  explicit bytes_value(bytes_view bytes) : data_{bytes.data()}, size_{bytes.size()} {}

  [[nodiscard]] bytes_view bytes() const { return {data_, size_}; }
  [[nodiscard]] std::string_view text() const { return as_text(bytes()); }
  [[nodiscard]] std::size_t size() const { return size_; }

  friend bool operator==(const bytes_value& a, const bytes_value& b) {
    return a.text() == b.text();
  }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// The bytes of a value of a time index, copied: readable as long as this or a copy of it.
/// @cost  up to 128 bytes lie within it; more are one allocation, which copies share
class kept_value : public stored_bytes {
 public:
  kept_value() = default;
  explicit kept_value(const bytes_value& of) : stored_bytes{copy_of(of.bytes())} {}

  friend bool operator==(const kept_value& a, const kept_value& b) { return a.text() == b.text(); }
};

/// A time and its value; binds to `auto [time, value]`.
///
/// A byte value is a view, valid as long as `bytes_value` says. Any other value is a copy.
template <class V>
struct time_row {
  std::int64_t time{};
  V value{};

  /// Returns the row with a copy of its bytes, to be kept as long as one likes.
  [[nodiscard]] auto keep() const {
    using kept = std::conditional_t<std::is_same_v<V, bytes_value>, kept_value, V>;
    return time_row<kept>{time, static_cast<kept>(value)};
  }

  friend bool operator==(const time_row&, const time_row&) = default;
};

/// A row that needs nothing else to stay readable: of byte values it has a `kept_value`.
template <class V>
using kept_row = decltype(time_row<V>{}.keep());

/// A stretch of rows where they lie: a column of times and one of values, equally long. Valid as
/// long as the range that it is from, or as itself or a copy of it.
template <class V>
struct time_span {
  std::span<const std::int64_t> times{};
  std::span<const V> values{};
  std::shared_ptr<const void> pin{};  ///< keeps columns that were read from the log; else null

  [[nodiscard]] std::size_t size() const { return times.size(); }
};

/// Satisfied by what can lie in a column: a type of fixed size that can be copied as bytes.
template <class V>
concept column_value = std::is_trivially_copyable_v<V> && std::is_default_constructible_v<V>;

namespace timelsm {

using time_type = std::int64_t;

inline constexpr time_type time_first = std::numeric_limits<time_type>::min();
inline constexpr time_type time_last = std::numeric_limits<time_type>::max();

/// Tells whether values own bytes elsewhere, which move with them from block to block.
template <class V>
inline constexpr bool owns_bytes = std::is_same_v<V, bytes_value>;

/// A closed range of times, so that the last time of all can be in it; empty when inverted.
struct bounds {
  time_type first = time_first;
  time_type last = time_last;

  [[nodiscard]] bool empty() const { return first > last; }
  [[nodiscard]] bool has(time_type time) const { return first <= time && time <= last; }
};

/// Turns [from, to) into closed bounds.
constexpr bounds half_open(time_type from, time_type to) {
  return from < to ? bounds{from, to - 1} : bounds{time_last, time_first};
}

/// Columns of rows, not owned, sorted by time.
template <class V>
struct columns {
  const time_type* times = nullptr;
  const V* values = nullptr;
  std::size_t size = 0;

  [[nodiscard]] columns drop(std::size_t n) const { return {times + n, values + n, size - n}; }
  [[nodiscard]] columns take(std::size_t n) const { return {times, values, n}; }
};

/// Shows two columns to the writer.
template <class V>
struct column_pair {
  std::span<const time_type> times;
  std::span<const V> values;

  [[nodiscard]] std::size_t size() const { return times.size(); }
  [[nodiscard]] time_type time(std::size_t i) const { return times[i]; }
  [[nodiscard]] const V& value(std::size_t i) const { return values[i]; }
};

/// Returns the first of n sorted times that is not below one.
inline const time_type* lower_bound(const time_type* first, std::size_t n, time_type time) {
  while (n > 1) {
    const std::size_t half = n / 2;
    first += first[half - 1] < time ? half : 0;  // no branch: its direction is a coin's
    n -= half;
  }
  return first + (n == 1 && *first < time ? 1 : 0);
}

/// Asks for the cache lines of so many elements, all at once.
template <class T>
void prefetch(const T* first, std::size_t n) {
  const auto* const begin = reinterpret_cast<const char*>(first);
  for (std::size_t at = 0; at < n * sizeof(T); at += 64) __builtin_prefetch(begin + at);
}

/// Does what lower_bound() does in memory that is not in the cache: a search without branches waits
/// for each line before it asks for the next.
inline const time_type* lower_bound_far(const time_type* first, std::size_t n, time_type time) {
  constexpr std::size_t near = 64;
  while (n > near) {
    const std::size_t half = n / 2;
    first += first[half - 1] < time ? half : 0;
    n -= half;
  }
  prefetch(first, n);
  return lower_bound(first, n, time);
}

/// Returns the first of the sorted times in [first, last) that is not below one.
inline const time_type* lower_bound(const time_type* first, const time_type* last, time_type time) {
  return lower_bound(first, static_cast<std::size_t>(last - first), time);
}

/// Returns the first of the sorted times in [first, last) that is above one.
inline const time_type* upper_bound(const time_type* first, const time_type* last, time_type time) {
  return time == time_last ? last : lower_bound(first, last, time + 1);
}

/// Does what upper_bound() does, in a time that grows with how far away the place is.
inline const time_type* gallop_upper(const time_type* first, const time_type* last,
                                     time_type time) {
  std::size_t step = 1;
  const auto left = static_cast<std::size_t>(last - first);
  while (step < left && first[step] <= time) step *= 2;
  return upper_bound(first + step / 2, first + (step < left ? step : left), time);
}

/// Does what lower_bound() does, in a time that grows with how far from the end the place is.
inline const time_type* gallop_lower(const time_type* first, const time_type* last,
                                     time_type time) {
  std::size_t step = 1;
  const auto left = static_cast<std::size_t>(last - first);
  while (step < left && last[-static_cast<std::ptrdiff_t>(step)] >= time) step *= 2;
  return lower_bound(last - (step < left ? step : left), last - step / 2, time);
}

}  // namespace timelsm

}  // namespace logdb
