// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Stable sorting of few rows.

#include <algorithm>
#include <array>
#include <bit>

#include <logdb/index/timelsm/merge.hpp>

namespace logdb::timelsm {

/// Sorts up to so many rows by time, stably. A power of two.
///
/// @source  fours by counting, then merges from the bottom up: no branch depends on the times
template <class V, std::size_t RowsMax>
class small_sort {
 public:
  static constexpr std::size_t rows_max = RowsMax;

  /// Leaves the sorted rows where the result says.
  columns<V> run(const time_type* times, const V* values, std::size_t n) {
    const std::size_t padded = pad(times, values, n);
    bool second = false;
    for (std::size_t width = four; width < padded; width *= 2, second = !second) {
      merge_level(sides_[second], sides_[!second], width, padded);
    }
    return {sides_[second].times.data(), sides_[second].values.data(), n};
  }

 private:
  static constexpr std::size_t four = 4;

  struct side {
    std::array<time_type, rows_max> times;
    std::array<V, rows_max> values;

    [[nodiscard]] time_type time(std::size_t at) const { return times[at]; }
    [[nodiscard]] const V* values_at(std::size_t at) const { return &values[at]; }
  };

  /// Shows a side to the steps of a merge.
  struct rows_of_side {
    const side* of;

    [[nodiscard]] time_type time(std::size_t at) const { return of->times[at]; }
    [[nodiscard]] const V* values(std::size_t at, std::size_t) const {
      return of->values.data() + at;
    }
  };

  /// Sorts fours, and puts rows behind the last one of all, so that most merges are of equal sides.
  std::size_t pad(const time_type* times, const V* values, std::size_t n) {
    const std::size_t whole = n / four * four;
    for (std::size_t at = 0; at < whole; at += four) rank(times + at, values + at, at);
    const std::size_t unit = std::max(four, std::bit_ceil(n) / 8);
    const std::size_t padded = (n + unit - 1) / unit * unit;
    if (n == padded) return padded;
    std::array<time_type, four> last_times;
    std::array<V, four> last_values{};
    last_times.fill(time_last);
    std::copy(times + whole, times + n, last_times.begin());
    std::copy(values + whole, values + n, last_values.begin());
    std::fill(sides_[0].times.begin() + static_cast<std::ptrdiff_t>(whole),
              sides_[0].times.begin() + static_cast<std::ptrdiff_t>(padded), time_last);
    std::fill(sides_[0].values.begin() + static_cast<std::ptrdiff_t>(whole),
              sides_[0].values.begin() + static_cast<std::ptrdiff_t>(padded), V{});
    if (n != whole) rank(last_times.data(), last_values.data(), whole);
    return padded;
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
    if (at != n) merge_rest(from, to, at, std::min(at + width, n), n);
  }

  static lane<V> pair(side& to, std::size_t at, std::size_t width) {
    const std::size_t end = at + 2 * width;
    return {at,
            at + width,
            at + width,
            end,
            {to.times.data() + at, to.values.data() + at},
            {to.times.data() + end - 1, to.values.data() + end - 1}};
  }

  static void merge_rest(const side& from, side& to, std::size_t at, std::size_t middle,
                         std::size_t end) {
    const auto rows = [&from](std::size_t first, std::size_t last) {
      return columns<V>{from.times.data() + first, from.values.data() + first, last - first};
    };
    merge_two(rows(at, middle), rows(middle, end), {to.times.data() + at, to.values.data() + at});
  }

  std::array<side, 2> sides_;
};

}  // namespace logdb::timelsm
