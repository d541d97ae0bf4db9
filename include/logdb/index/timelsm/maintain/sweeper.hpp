// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Merges the runs of L0: into L1, or with one another.

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include <logdb/index/timelsm/maintain/publisher.hpp>
#include <logdb/light.hpp>

namespace logdb::timelsm {

/// Sweeps runs of L0 into the partitions that they reach into, a window of time a step, unless that
/// would rewrite more than four times their rows: then merges them with one another.
///
/// @threads  one at a time: that which maintains
template <class V, class System>
class sweeper {
 public:
  using core_type = core<V, System>;
  using publisher_type = tree_publisher<V, System>;

  sweeper(core_type& shared, publisher_type& publisher) : core_{shared}, publisher_{publisher} {}

  /// Does a step; returns whether there was one to do.
  /// @param whole  a single run is enough, and no cost too high
  bool sweep(bool whole) {
    const view<V> now = core_.snapshot();
    const tree<V>& before = *now.at->sealed;
    sweeping_ = std::min(sweeping_, before.l0.size());
    if (sweeping_ == 0) {
      const std::size_t due = whole ? 1 : std::max<std::size_t>(2, core_.options.l0_runs_max / 2);
      if (before.l0.size() < due) return false;
      if (!whole && is_costly(before) && merge_runs(now, false)) return true;
      sweeping_ = before.l0.size();
    }
    sweep_window(now);
    return true;
  }

  /// Merges the youngest runs of L0 that are of a size, if there are two and memory is enough, or
  /// if it must; returns whether it did.
  bool merge_runs(const view<V>& now, bool must) {
    const auto& l0 = now.at->sealed->l0;
    std::size_t first = first_of_a_size(l0, core_.limits.merged_runs);
    if (must) first = std::min(first, l0.size() - 2);
    if (first + 2 > l0.size()) return false;
    drops<V> gone = publisher_.no_drops();
    const cover hidden = now.hidden({});
    gatherer<V> some{core_.memory, hidden, gone};
    for (std::size_t i = first; i < l0.size(); ++i) some.add(all_of(l0[i]), {});
    auto made = std::make_shared<tree<V>>(*now.at->sealed);
    made->l0.resize(first);
    if (some.rows() != 0) made->l0.push_back(publisher_.merge(some, now));
    sweeping_ = std::min(sweeping_, first);
    publisher_.finish(std::move(made), std::move(gone));
    return true;
  }

  /// Removes the runs that have become empty.
  void drop_empty(std::vector<sorted_run<V>>& l0) {
    const auto swept = l0.begin() + static_cast<std::ptrdiff_t>(sweeping_);
    const auto is_empty = [](const auto& one) { return one.empty(); };
    sweeping_ -= static_cast<std::size_t>(std::count_if(l0.begin(), swept, is_empty));
    light::erase_if(l0, is_empty);
  }
  /// Takes no run for one that is being swept.
  void restart() { sweeping_ = 0; }

 private:
  static constexpr std::size_t rewrite_ratio_max = 4;

  [[nodiscard]] const amount& partition() const { return core_.limits.partition; }

  [[nodiscard]] static bool is_costly(const tree<V>& before) {
    std::size_t rows = 0;
    for (const auto& one : before.l0) rows += rows_of(one);
    return rows_overlapped(before.l1, before.l0, before.l0.size()) > rewrite_ratio_max * rows;
  }

  void sweep_window(const view<V>& now) {
    const tree<V>& before = *now.at->sealed;
    drops<V> gone = publisher_.no_drops();
    const bounds window = choose_window(before, sweeping_, partition().times(window_partitions));
    auto spliced = splice(before, sweeping_, window, now, core_.memory, partition(), gone);
    core_.counted.rows_rewritten.fetch_add(spliced.rows, std::memory_order_relaxed);
    drop_empty(spliced.made.l0);
    publisher_.finish(std::make_shared<tree<V>>(std::move(spliced.made)), std::move(gone));
  }

  core_type& core_;
  publisher_type& publisher_;
  std::size_t sweeping_ = 0;  // the oldest runs of L0, which are being swept into L1
};

}  // namespace logdb::timelsm
