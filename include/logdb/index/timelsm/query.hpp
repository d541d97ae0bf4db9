// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A question to a view: bounds, what is hidden in them, every sequence that may have rows there.

#include <utility>
#include <vector>

#include <logdb/index/timelsm/merge.hpp>
#include <logdb/index/timelsm/walk.hpp>

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
    const version<V>& at = *view_.at;
    f(all(at.sealed->l1));
    for (const auto& one : at.sealed->l0) f(all(one));
    for (const auto& one : at.frozen) each_of(*one, f);
    f(all(at.active->pieces));
    if (open_.size != 0) f(slices<V>{&open_, &open_ + 1});
    for (const auto& one : at.active->chunks) f(slices<V>{&one, &one + 1});
    if (late_.size != 0) f(slices<V>{&late_, &late_ + 1});
  }

  /// Begins a walk: forward_walk or backward_walk.
  template <class Walk>
  [[nodiscard]] Walk walk() const {
    Walk made;
    if (!in_.empty()) each_sequence([&](const slices<V>& one) { made.add(one, in_, hidden_); });
    return made;
  }

  /// Counts the visible rows.
  /// @cost  O(log rows) for each sequence; where deletions hide something, O(log) for each of them
  [[nodiscard]] std::size_t count() const {
    std::size_t rows = 0;
    if (in_.empty()) return rows;
    const auto& l1 = view_.at->sealed->l1;
    each_sequence([&](const slices<V>& one) {
      const bool counted = one.first == l1.data() && !hidden_.applies(0);
      rows += counted ? count_l1(one) : count(one);
    });
    return rows;
  }

 private:
  static slices<V> all(const sorted_run<V>& one) { return {one.data(), one.data() + one.size()}; }

  template <class F>
  static void each_of(const memtable<V>& table, F f) {
    f(all(table.pieces));
    for (const auto& one : table.chunks) f(slices<V>{&one, &one + 1});
  }

  /// Counts in a sequence by the numbers of rows that are known of whole partitions.
  [[nodiscard]] std::size_t count_l1(const slices<V>& all) const {
    const auto some = all.within(in_);
    if (some.empty()) return 0;
    const auto& before = view_.at->sealed->l1_rows;
    const slice<V>& back = some.last[-1];
    const std::size_t begin = before[static_cast<std::size_t>(some.first - all.first)];
    const std::size_t end = before[static_cast<std::size_t>(some.last - all.first) - 1];
    return end + back.up_to(in_.last) - (begin + some.first->below(in_.first));
  }

  [[nodiscard]] std::size_t count(const slices<V>& all) const {
    std::size_t rows = 0;
    const auto some = all.within(in_);
    if (some.empty()) return 0;
    for (forward_cursor<V> at{some, in_, hidden_}; !at.done();) rows += at.take(at.stop()).size;
    return rows;
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
    late_.applied = view_.deletions();
    late_.first = late_times_.front();
    late_.last = late_times_.back();
  }

  void sort_late() {
    small_sort<V> sort;
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
