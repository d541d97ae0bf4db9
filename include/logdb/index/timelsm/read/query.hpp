// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A question to a view: bounds, what is hidden in them, every sequence that may have rows there.

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include <logdb/index/timelsm/columns/small_sort.hpp>
#include <logdb/index/timelsm/read/hidden_counts.hpp>
#include <logdb/index/timelsm/read/walk.hpp>

namespace logdb::timelsm {

/// Holds what walks over a view need; walks refer to it, so it stays where it is while one lives.
template <class V>
class query {
 public:
  query(view<V> what, const bounds& in)
      : view_{std::move(what)},
        in_{in},
        hidden_{view_.hidden(in)},
        open_{view_.at->growing->open_piece(view_.seen)} {
    if (view_.seen.late != 0) gather_late();
  }
  query(query&&) noexcept = default;
  query& operator=(query&&) noexcept = default;
  query(const query&) = delete;
  query& operator=(const query&) = delete;
  ~query() = default;

  [[nodiscard]] const bounds& in() const { return in_; }
  [[nodiscard]] const cover& hidden() const { return hidden_; }
  [[nodiscard]] const view<V>& seen() const { return view_; }

  /// Calls f with each sequence, the oldest first.
  template <class F>
  void each_sequence(F f) const {
    each_sealed(*view_.at->sealed, f);
    each_fresh(f);
  }

  /// Begins a walk: forward_walk or backward_walk.
  template <class Walk>
  [[nodiscard]] Walk walk() const {
    Walk made;
    if (!in_.empty()) each_sequence([&](const slices<V>& one) { made.add(one, in_, hidden_); });
    return made;
  }

  /// Counts the visible rows.
  /// @cost  O(log rows) for each sequence and for the deletions, amortised; while rows that are not
  ///        sealed and deletions meet in the bounds, O(fragments of these deletions) more
  [[nodiscard]] std::size_t count() const {
    if (in_.empty()) return 0;
    if (hidden_.applies(0)) {
      std::size_t rows = count_sealed(view_, in_, hidden_);
      each_fresh([&](const slices<V>& one) { rows += count_visible(one, in_, hidden_); });
      return rows;
    }
    const tree<V>& sealed = *view_.at->sealed;
    std::size_t rows = count_l1(sealed, in_);
    for (const auto& one : sealed.l0) rows += count_all(all(one), in_);
    each_fresh([&](const slices<V>& one) { rows += count_all(one, in_); });
    return rows;
  }

 private:
  static slices<V> all(const sorted_run<V>& one) { return {one.data(), one.data() + one.size()}; }

  /// Calls f with each sequence that is not sealed.
  template <class F>
  void each_fresh(F f) const {
    const version<V>& at = *view_.at;
    for (const auto& one : at.frozen) each_of(*one, f);
    f(all(at.active->pieces));
    if (open_.size != 0) f(slices<V>{&open_, &open_ + 1});
    for (const auto& one : at.active->chunks) f(slices<V>{&one, &one + 1});
    if (late_.size != 0) f(slices<V>{&late_, &late_ + 1});
    if (at.own != nullptr) each_of(*at.own, f);
  }

  template <class F>
  static void each_of(const memtable<V>& table, F f) {
    f(all(table.pieces));
    for (const auto& one : table.chunks) f(slices<V>{&one, &one + 1});
  }

  /// Sorts the late rows in the bounds that are visible: they are few.
  void gather_late() {
    const head<V>& from = *view_.at->growing;
    for (std::size_t i = 0; i < view_.seen.late; ++i) {
      const time_type time = from.late_times[i];
      if (!in_.has(time) || hidden_.hides(time, from.late_applied[i])) continue;
      late_times_.push_back(time);
      late_values_.push_back(from.late_values[i]);
    }
    if (late_times_.empty()) return;
    if (late_times_.size() != 1) sort_late();
    late_ = {.times = late_times_.data(), .values = late_values_.data()};
    late_.size = late_times_.size();
    late_.applied = std::numeric_limits<std::uint64_t>::max();  // nothing hides one of them
    late_.first = late_times_.front();
    late_.last = late_times_.back();
  }

  void sort_late() {
    small_sort<V, head<V>::late_max> sort;
    const columns<V> sorted = sort.run(late_times_.data(), late_values_.data(), late_times_.size());
    std::copy_n(sorted.times, sorted.size, late_times_.begin());
    std::copy_n(sorted.values, sorted.size, late_values_.begin());
  }

  view<V> view_;
  bounds in_;
  cover hidden_;
  slice<V> open_;  // the open piece of the in-order run
  slice<V> late_;  // the late rows, of the two columns below
  std::vector<time_type> late_times_;
  std::vector<V> late_values_;
};

}  // namespace logdb::timelsm
