// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Stable merging of two sorted columns, from both ends at once.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <tuple>

#include <logdb/index/timelsm/columns/slice.hpp>

namespace logdb::timelsm {

/// Where rows are put.
template <class V>
struct output {
  time_type* times = nullptr;
  V* values = nullptr;

  void put(const columns<V>& from) const {
    if (from.size == 0) return;
    std::memcpy(times, from.times, from.size * sizeof(time_type));
    std::memcpy(static_cast<void*>(values), from.values, from.size * sizeof(V));
  }
  [[nodiscard]] output behind(std::size_t rows) const { return {times + rows, values + rows}; }
  [[nodiscard]] output before(std::size_t rows) const { return {times - rows, values - rows}; }
};

/// Returns all ones if so, else 0.
constexpr std::size_t mask_if(bool so) { return std::size_t{0} - static_cast<std::size_t>(so); }

/// Returns the second if the mask is all ones, the first if it is 0: by arithmetic, so that no
/// compiler makes it a branch, whose direction would be a coin's.
constexpr std::size_t choose(std::size_t first, std::size_t second, std::size_t mask) {
  return first ^ ((first ^ second) & mask);
}

/// Shows the rows of two columns as one sequence of positions, however far they are apart: so one
/// number says where a row's time is, and where its value.
///
/// Positions are those of the older's column, and of the younger's as if it was a part of that; so
/// they are modulo the size of memory.
template <class V>
class row_space {
 public:
  row_space(const columns<V>& older, const columns<V>& younger)
      : times_{address(older.times)},
        values_{address(older.values)},
        younger_{rows_between(times_, address(younger.times))},
        apart_{address(younger.values) - values_ - younger_ * sizeof(V)} {}

  /// Returns the position of the younger's first row; the older's is 0.
  [[nodiscard]] std::size_t younger() const { return younger_; }

  [[nodiscard]] time_type time(std::size_t at) const { return *times(at); }
  [[nodiscard]] const time_type* times(std::size_t at) const {
    return reinterpret_cast<const time_type*>(times_ + at * sizeof(time_type));
  }
  /// @param of_younger  all ones if it is a row of the younger, else 0
  [[nodiscard]] const V* values(std::size_t at, std::size_t of_younger) const {
    return reinterpret_cast<const V*>(values_ + (apart_ & of_younger) + at * sizeof(V));
  }

 private:
  template <class T>
  static std::uintptr_t address(const T* of) {
    return reinterpret_cast<std::uintptr_t>(of);
  }
  static std::size_t rows_between(std::uintptr_t from, std::uintptr_t to) {
    constexpr auto bytes = static_cast<std::ptrdiff_t>(sizeof(time_type));
    return static_cast<std::size_t>(static_cast<std::ptrdiff_t>(to - from) / bytes);
  }

  std::uintptr_t times_;
  std::uintptr_t values_;
  std::size_t younger_;
  std::uintptr_t apart_;  // how much farther from their times the younger's values are
};

/// What is left of a merge, and where it goes. Of equal times the older go first.
template <class V>
struct lane {
  std::size_t older = 0;  // positions [older, older_end) and [younger, younger_end)
  std::size_t older_end = 0;
  std::size_t younger = 0;
  std::size_t younger_end = 0;
  output<V> front{};  // where the first row goes
  output<V> back{};   // where the last goes

  [[nodiscard]] std::size_t olders() const { return older_end - older; }
  [[nodiscard]] std::size_t youngers() const { return younger_end - younger; }
  /// Returns how many steps can be made unseen: in so many neither end leaves a side.
  [[nodiscard]] std::size_t steps() const { return std::min(olders(), youngers()); }

  /// Puts the least of what is left in front and the greatest at the back, as the i-th of some
  /// steps. Neither waits for the other, so a processor does both at once.
  template <class Rows>
  void step(const Rows& from, std::ptrdiff_t i) {
    const std::size_t second = mask_if(from.time(younger) < from.time(older));
    put(from, choose(older, younger, second), second, front.times + i, front.values + i);
    younger -= second;
    older += 1 + second;
    const std::size_t first = mask_if(from.time(younger_end - 1) < from.time(older_end - 1));
    put(from, choose(younger_end, older_end, first) - 1, ~first, back.times - i, back.values - i);
    older_end += first;
    younger_end -= 1 + first;
  }
  void end_steps(std::size_t n) {
    front = front.behind(n);
    back = back.before(n);
  }

 private:
  template <class Rows>
  static void put(const Rows& from, std::size_t at, std::size_t of_younger, time_type* time,
                  V* value) {
    *time = from.time(at);
    std::memcpy(static_cast<void*>(value), from.values(at, of_younger), sizeof(V));
  }
};

/// Makes n steps of each of some merges, in turn: they need not know of one another.
template <class Rows, class... Lanes>
void make_steps(const Rows& from, std::size_t n, Lanes&... all) {
  // Copies, so that nothing which is written can be a part of them.
  const auto run = [rows = from, n](Lanes... now) {
    for (std::size_t i = 0; i < n; ++i) (now.step(rows, static_cast<std::ptrdiff_t>(i)), ...);
    (now.end_steps(n), ...);
    return std::tuple<Lanes...>{now...};
  };
  std::tie(all...) = run(all...);
}

/// Returns how many of the first rows of a merge are the older's.
/// @source  merge path: Odeh et al., IPDPSW 2012
template <class V>
std::size_t olders_among(std::size_t rows, const columns<V>& older, const columns<V>& younger) {
  std::size_t least = rows > younger.size ? rows - younger.size : 0;
  std::size_t most = std::min(rows, older.size);
  while (least < most) {
    const std::size_t middle = (least + most) / 2;
    if (older.times[middle] <= younger.times[rows - middle - 1]) {
      least = middle + 1;
    } else {
      most = middle;
    }
  }
  return least;
}

/// Merges two sorted columns that have rows; of equal times the older go first.
///
/// @source  from both ends: glidesort, O. Peters, 2023
template <class V>
class two_way_merge {
 public:
  two_way_merge(const columns<V>& older, const columns<V>& younger, const output<V>& out)
      : older_{older}, younger_{younger}, out_{out}, from_{older, younger} {}

  void run() const {
    const std::size_t rows = older_.size + younger_.size;
    const lane<V> all = part(0, 0, rows, older_.size);
    if (all.steps() < many || is_lopsided(all)) return finish(all);
    const std::size_t half = rows / 2;
    const std::size_t cut = olders_among(half, older_, younger_);
    run(part(0, 0, half, cut), part(half, cut, rows, older_.size));
  }

 private:
  static constexpr std::size_t many = 256;     // of the side with fewer rows are worth two lanes
  static constexpr std::size_t stretch = 32;   // rows are copied or merged between two looks
  static constexpr std::size_t lopsided = 32;  // times as many on one side are worth a search

  /// Returns rows [first, last) of the merge, of which [older, older_end) are the older's.
  [[nodiscard]] lane<V> part(std::size_t first, std::size_t older, std::size_t last,
                             std::size_t older_end) const {
    const std::size_t younger = from_.younger();
    return {older,
            older_end,
            younger + (first - older),
            younger + (last - older_end),
            out_.behind(first),
            out_.behind(last).before(1)};
  }

  void run(lane<V> first, lane<V> second) const {
    constexpr std::size_t few = 8;
    for (;;) {
      const std::size_t n = std::min({first.steps(), second.steps(), stretch});
      if (n < few) break;
      // Both, so that neither is always the one that waits.
      const bool apart = copy_apart(first, n);
      if (!copy_apart(second, n) && !apart) make_steps(from_, n, first, second);
    }
    finish(first);
    finish(second);
  }

  static bool is_lopsided(const lane<V>& left) {
    return std::max(left.olders(), left.youngers()) > lopsided * left.steps();
  }

  void finish(lane<V> left) const {
    while (const std::size_t n = std::min(left.steps(), stretch)) {
      if (is_lopsided(left)) {
        copy_found(left);
      } else if (!copy_apart(left, n)) {
        make_steps(from_, n, left);
      }
    }
    take_older(left, left.olders());
    take_younger(left, left.youngers());
  }

  /// Copies n rows of one side if they all come before the other's; requires that many of each.
  bool copy_apart(lane<V>& left, std::size_t n) const {
    if (from_.time(left.older + n - 1) <= from_.time(left.younger)) {
      return take_older(left, n), true;
    }
    if (from_.time(left.younger + n - 1) < from_.time(left.older)) {
      return take_younger(left, n), true;
    }
    return false;
  }

  /// Copies the next row of the side that has fewer, and before it what of the other comes first.
  void copy_found(lane<V>& left) const {
    const time_type* const older = from_.times(left.older);
    const time_type* const younger = from_.times(left.younger);
    if (left.olders() < left.youngers()) {
      const auto* const found = *older == time_first
                                    ? younger
                                    : gallop_upper(younger, younger + left.youngers(), *older - 1);
      take_younger(left, static_cast<std::size_t>(found - younger));
      take_older(left, 1);
    } else {
      const auto* const found = gallop_upper(older, older + left.olders(), *younger);
      take_older(left, static_cast<std::size_t>(found - older));
      take_younger(left, 1);
    }
  }

  void take_older(lane<V>& left, std::size_t n) const {
    left.front.put({from_.times(left.older), from_.values(left.older, 0), n});
    left.front = left.front.behind(n);
    left.older += n;
  }
  void take_younger(lane<V>& left, std::size_t n) const {
    left.front.put({from_.times(left.younger), from_.values(left.younger, mask_if(true)), n});
    left.front = left.front.behind(n);
    left.younger += n;
  }

  columns<V> older_;
  columns<V> younger_;
  output<V> out_;
  row_space<V> from_;
};

/// Merges two sorted columns; of equal times the older go first.
///
/// No branch depends on which side is next; stretches of one side are copied whole.
/// @cost  1 ns a row where the sides alternate, the bandwidth of memory where they do not
template <class V>
void merge_two(const columns<V>& older, const columns<V>& younger, const output<V>& out) {
  if (younger.size == 0) return out.put(older);
  if (older.size == 0) return out.put(younger);
  two_way_merge<V>{older, younger, out}.run();
}

}  // namespace logdb::timelsm
