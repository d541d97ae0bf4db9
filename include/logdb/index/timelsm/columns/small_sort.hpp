// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Stable sorting of few rows.

#include <algorithm>
#include <array>
#include <bit>

#include <logdb/index/timelsm/columns/merge.hpp>

namespace logdb::timelsm {

/// Sorts rows by time, stably.
///
/// @tparam RowsMax  how many at most; a power of two, 16 at least
/// @source  fours by counting, then merges from the bottom up: no branch depends on the times
template <class V, std::size_t RowsMax>
class small_sort {
 public:
  static constexpr std::size_t rows_max = RowsMax;

  /// Sorts n rows, 1 .. rows_max; leaves them where the result says.
  /// @cost  8 ns a row for 1,000 of them
  columns<V> run(const time_type* times, const V* values, std::size_t n) {
    const std::size_t padded = sort_fours(times, values, n);
    bool second = false;
    for (std::size_t width = four; width < padded; width *= 2, second = !second) {
      merge_level(sides_[second], sides_[!second], width, padded);
    }
    return sides_[second].rows(0, n);
  }

 private:
  static constexpr std::size_t four = 4;

  struct side {
    std::array<time_type, rows_max> times;
    std::array<V, rows_max> values;

    [[nodiscard]] columns<V> rows(std::size_t first, std::size_t last) const {
      return {times.data() + first, values.data() + first, last - first};
    }
    [[nodiscard]] output<V> place(std::size_t at) {
      return {times.data() + at, values.data() + at};
    }
  };

  /// Shows a side to the steps of a merge.
  struct rows_of_side {
    const side* of;

    [[nodiscard]] time_type time(std::size_t at) const { return of->times[at]; }
    [[nodiscard]] const V* values(std::size_t at, std::size_t) const {
      return of->values.data() + at;
    }
  };

  /// Sorts fours; puts rows behind the last one of all, so that most merges are of equal sides.
  /// @return  how many rows there are then
  std::size_t sort_fours(const time_type* times, const V* values, std::size_t n) {
    const std::size_t whole = n / four * four;
    for (std::size_t at = 0; at < whole; at += four) rank(times + at, values + at, at);
    const std::size_t unit = std::max(four, std::bit_ceil(n) / 8);
    const std::size_t padded = (n + unit - 1) / unit * unit;
    if (padded == n) return n;
    const output<V> rest = sides_[0].place(whole);
    std::fill_n(rest.times, padded - whole, time_last);
    std::fill_n(rest.values, padded - whole, V{});
    if (n != whole) rank_last(times + whole, values + whole, n - whole, whole);
    return padded;
  }

  void rank_last(const time_type* times, const V* values, std::size_t n, std::size_t at) {
    std::array<time_type, four> last_times;
    std::array<V, four> last_values{};
    last_times.fill(time_last);
    std::copy_n(times, n, last_times.begin());
    std::copy_n(values, n, last_values.begin());
    rank(last_times.data(), last_values.data(), at);
  }

  /// Puts four rows where as many of them come before each.
  void rank(const time_type* times, const V* values, std::size_t at) {
    std::array<std::size_t, four> before{0, 1, 2, 3};
    for (std::size_t i = 0; i < four; ++i) {
      for (std::size_t j = i + 1; j < four; ++j) {
        const std::size_t less = times[j] < times[i] ? 1 : 0;
        before[i] += less;
        before[j] -= less;
      }
    }
    for (std::size_t i = 0; i < four; ++i) {
      sides_[0].times[at + before[i]] = times[i];
      sides_[0].values[at + before[i]] = values[i];
    }
  }

  static void merge_level(const side& from, side& to, std::size_t width, std::size_t n) {
    std::size_t at = 0;
    for (; at + 4 * width <= n; at += 4 * width) {
      auto first = pair(to, at, width);
      auto second = pair(to, at + 2 * width, width);
      make_steps(rows_of_side{&from}, width, first, second);
    }
    if (at + 2 * width <= n) {
      auto first = pair(to, at, width);
      make_steps(rows_of_side{&from}, width, first);
      at += 2 * width;
    }
    const std::size_t middle = std::min(at + width, n);
    merge_two(from.rows(at, middle), from.rows(middle, n), to.place(at));
  }

  static lane<V> pair(side& to, std::size_t at, std::size_t width) {
    const std::size_t middle = at + width;
    const std::size_t end = middle + width;
    return {at, middle, middle, end, to.place(at), to.place(end - 1)};
  }

  std::array<side, 2> sides_;
};

}  // namespace logdb::timelsm
