// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The maintaining half of a time index: seals memtables, merges runs, removes what was deleted.

#include <algorithm>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <logdb/index/timelsm/maintain/exchange.hpp>
#include <logdb/index/timelsm/maintain/plan.hpp>
#include <logdb/index/timelsm/maintain/purge.hpp>
#include <logdb/light.hpp>

namespace logdb::timelsm {

/// Does one step at a time; each leaves the index in order.
///
/// - A memtable is sealed into a run. What of it lies behind everything else becomes a partition of
///   L1, uncopied if it came in order; the rest becomes a run of L0, or is merged at once where it
///   reaches into little.
/// - Half as many runs in L0 as may be, but not one alone, are merged: into the partitions that
///   they reach into, a window of time after the other, unless that would rewrite more than four
///   times their rows; then with one another. So a row is rewritten a bounded number of times.
/// - What deletions hide is removed, where a partition has lost half, or many deletions are kept.
/// - Small neighbours among the partitions are joined.
/// - Of a durable log, what is sealed is stored by whoever writes its checkpoints: here the slices
///   are then exchanged.
///
/// @threads  any; a step at a time
template <class V, class System>
class maintainer {
 public:
  using core_type = core<V, System>;
  using guard = typename core_type::guard;

  explicit maintainer(core_type& shared) : core_{shared} {}

  /// Does one step; returns whether there was one to do.
  bool step() {
    guard lock{work_mutex_};
    core_.roused.store(false, std::memory_order_seq_cst);
    deliver_pending();
    return seal_or_sweep_now() || (!core_.is_full() && (purge(false) || join()));
  }

  /// Seals every frozen memtable, and does what the limit of L0 asks for meanwhile.
  void drain() {
    for (;;) {
      const auto ticket = core_.progress.ticket();
      if (core_.current()->frozen.empty()) return;
      if (!seal_or_sweep()) core_.progress.wait(ticket);
    }
  }

  /// Seals what was frozen for a checkpoint, and nothing else.
  /// @return  all that is sealed then
  std::shared_ptr<const tree<V>> reach_mark() {
    struct unmark {
      maintainer& self;
      ~unmark() { self.forget_mark(); }
    };
    const unmark always{*this};
    for (;;) {
      guard lock{work_mutex_};
      deliver_pending();
      if (core_.to_mark.load(std::memory_order_relaxed) == 0) return core_.current()->sealed;
      // When L0 is full: what L1 has stored stays there.
      if (!seal()) merge_runs(core_.snapshot(), true);
    }
  }

  /// Exchanges slices, in memory or stored, for stored ones.
  void exchange(const slice_exchange<V>& of) {
    guard lock{work_mutex_};
    auto made = std::make_shared<tree<V>>(*core_.current()->sealed);
    of.apply(made->l1);
    for (auto& one : made->l0) of.apply(one);
    made->count();
    publish(std::move(made), false);
    core_.rouse();
  }

  /// Calls f while nothing is maintained, and then takes nothing for known.
  template <class F>
  void restart(F f) {
    guard lock{work_mutex_};
    f();
    sweeping_ = 0;
    purged_ = core_.snapshot().deletions();
    core_.see_unstored(unstored_of(*core_.current()->sealed).bytes);
  }

  /// Merges everything into L1 and removes what is deleted.
  /// @param relieve  is called where more should be stored before it goes on
  template <class F>
  void compact(F relieve) {
    drain();
    for (bool more = true; more;) {
      {
        guard lock{work_mutex_};
        deliver_pending();
        do more = sweep(true) || purge(true) || join();
        while (more && !core_.is_heavy());
      }
      if (more) relieve();
    }
  }

 private:
  static constexpr std::size_t window_partitions = 4;
  static constexpr std::size_t rewrite_ratio_max = 4;
  static constexpr std::size_t join_min = 8;

  [[nodiscard]] const amount& partition() const { return core_.limits.partition; }

  // --- sealing ----------------------------------------------------------------------------------

  bool seal_or_sweep() {
    guard lock{work_mutex_};
    deliver_pending();
    return seal_or_sweep_now();
  }

  /// Merging brings rows back into memory that were stored: not before others have been.
  bool seal_or_sweep_now() { return seal() || (!core_.is_full() && sweep(false)); }

  void forget_mark() {
    {
      const guard lock{core_.lock_before_writers()};
      core_.to_mark.store(core_type::unmarked, std::memory_order_relaxed);
    }
    core_.progress.signal();
    core_.rouse();
  }

  bool seal() {
    const view<V> now = core_.snapshot();
    const tree<V>& before = *now.at->sealed;
    if (now.at->frozen.empty() || before.l0.size() >= core_.options.l0_runs_max) return false;
    if (core_.to_mark.load(std::memory_order_relaxed) == 0) return false;  // what is marked is all
    const memtable<V>& table = *now.at->frozen.front();
    drops<V> gone{.wanted = core_.pending.wanted};
    auto made = std::make_shared<tree<V>>(before);
    if (const auto end = last_time(before)) {
      auto late = take(table, now, {time_first, *end}, gone);
      if (*end != time_last) promote(*made, take(table, now, {*end + 1, time_last}, gone));
      if (!late.empty()) made->l0.push_back(std::move(late));
    } else {
      promote(*made, take(table, now, {}, gone));
    }
    made->count();
    core_.counted.rows_sealed.fetch_add(table.rows(), std::memory_order_relaxed);
    core_.counted.seals.fetch_add(1, std::memory_order_relaxed);
    if (before.l0.empty() && made->l0.size() == 1) merge_little(*made, now, gone);
    publish(std::move(made), true);
    deliver(std::move(gone));
    return true;
  }

  /// Returns the last time of the tree; none when it is empty.
  static std::optional<time_type> last_time(const tree<V>& of) {
    std::optional<time_type> last;
    const auto see = [&last](const sorted_run<V>& one) {
      if (!one.empty()) last = std::max(last.value_or(time_first), one.back().last);
    };
    see(of.l1);
    for (const auto& one : of.l0) see(one);
    return last;
  }

  /// Merges what a memtable has in bounds, or takes it as it is.
  sorted_run<V> take(const memtable<V>& table, const view<V>& now, const bounds& in,
                     drops<V>& gone) {
    const cover hidden = now.hidden(in);
    gatherer<V> some{core_.memory, hidden, gone};
    some.add(all_of(table.pieces), in);
    for (const auto& one : table.chunks) some.add({&one, &one + 1}, in);
    if (const slice<V>* const whole = some.whole()) return divide(*whole, now.deletions());
    return merge(some, now);
  }

  sorted_run<V> merge(gatherer<V>& some, const view<V>& now) {
    core_.counted.rows_rewritten.fetch_add(some.rows(), std::memory_order_relaxed);
    return some.merge(partition(), now.deletions());
  }

  sorted_run<V> divide(slice<V> whole, std::uint64_t applied) const {
    whole.applied = applied;
    whole.owner->make_fences(static_cast<std::size_t>(whole.end() - whole.owner->times()));
    whole.find_fences();
    sorted_run<V> parts;
    for (std::size_t at = 0, end = 0; at < whole.size; at = end) {
      const std::size_t most = std::min(whole.size - at, partition().rows);
      end = at + fitting(whole.values + at, most, partition().bytes);
      parts.push_back(whole.part(at, end));
    }
    return parts;
  }

  static void promote(tree<V>& made, sorted_run<V> rows) {
    for (auto& each : rows) made.l1.push_back(std::move(each));
  }

  /// Merges a run of L0 at once that reaches into the end of L1 only.
  void merge_little(tree<V>& made, const view<V>& now, drops<V>& gone) {
    const sorted_run<V>& late = made.l0.front();
    const bounds window{late.front().first, late.back().last};
    amount all = amount_up_to(late, time_last);
    const auto reached = all_of(made.l1).within(window);
    for (const auto* one = reached.first; one != reached.last; ++one) {
      all += one->amount_of(one->up_to(window.last) - one->below(window.first));
    }
    if (!all.within(partition().part(16))) return;
    auto spliced = splice(made, 1, window, now, core_.memory, partition(), gone);
    core_.counted.rows_rewritten.fetch_add(spliced.rows, std::memory_order_relaxed);
    light::erase_if(spliced.made.l0, [](const auto& one) { return one.empty(); });
    made = std::move(spliced.made);
  }

  // --- merging runs -----------------------------------------------------------------------------

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

  [[nodiscard]] static bool is_costly(const tree<V>& before) {
    std::size_t rows = 0;
    for (const auto& one : before.l0) rows += rows_of(one);
    return rows_overlapped(before.l1, before.l0, before.l0.size()) > rewrite_ratio_max * rows;
  }

  void sweep_window(const view<V>& now) {
    const tree<V>& before = *now.at->sealed;
    drops<V> gone{.wanted = core_.pending.wanted};
    const bounds window = choose_window(before, sweeping_, partition().times(window_partitions));
    auto spliced = splice(before, sweeping_, window, now, core_.memory, partition(), gone);
    core_.counted.rows_rewritten.fetch_add(spliced.rows, std::memory_order_relaxed);
    auto& l0 = spliced.made.l0;
    const auto swept = static_cast<std::ptrdiff_t>(sweeping_);
    sweeping_ -= static_cast<std::size_t>(
        std::count_if(l0.begin(), l0.begin() + swept, [](const auto& one) { return one.empty(); }));
    light::erase_if(l0, [](const auto& one) { return one.empty(); });
    finish(std::make_shared<tree<V>>(std::move(spliced.made)), std::move(gone));
  }

  /// Merges the youngest runs of L0 that are of a size, if there are two and memory is enough, or
  /// if it must; returns whether it did.
  bool merge_runs(const view<V>& now, bool must) {
    const auto& l0 = now.at->sealed->l0;
    std::size_t first = first_of_a_size(l0, core_.limits.merged_runs);
    if (must) first = std::min(first, l0.size() - 2);
    if (first + 2 > l0.size()) return false;
    drops<V> gone{.wanted = core_.pending.wanted};
    const cover hidden = now.hidden({});
    gatherer<V> some{core_.memory, hidden, gone};
    for (std::size_t i = first; i < l0.size(); ++i) some.add(all_of(l0[i]), {});
    auto made = std::make_shared<tree<V>>(*now.at->sealed);
    made->l0.resize(first);
    if (some.rows() != 0) made->l0.push_back(merge(some, now));
    sweeping_ = std::min(sweeping_, first);
    finish(std::move(made), std::move(gone));
    return true;
  }

  // --- removing what is deleted -----------------------------------------------------------------

  bool purge(bool whole) {
    const view<V> now = core_.snapshot();
    if (now.deletions() == purged_ && !whole) return false;
    const std::size_t kept = now.at->deleted->size() + now.seen.deletions;
    const bool all = whole || kept > core_.options.tombstones_max;
    drops<V> gone{.wanted = core_.pending.wanted};
    purger<V> purge{now, core_.memory, gone, all, partition().times(window_partitions)};
    auto made = std::make_shared<tree<V>>(purge.run(partition()));
    for (std::size_t i = 0, swept = sweeping_; i < swept; ++i) {
      if (made->l0[i].empty()) --sweeping_;
    }
    light::erase_if(made->l0, [](const auto& one) { return one.empty(); });
    core_.counted.rows_rewritten.fetch_add(purge.rows_rewritten(), std::memory_order_relaxed);
    const bool changed = purge.has_changed();
    if (changed) finish(std::move(made), std::move(gone));
    if (!purge.is_through()) return true;
    purged_ = now.deletions();
    return forget(now.at->deleted) || (changed && !whole);
  }

  /// Drops fragments that hide nothing any more from anybody.
  bool forget(const tombstones_ptr& known) {
    const view<V> now = core_.snapshot();
    if (now.at->deleted != known || known->empty()) return false;
    const auto left = still_hiding(now);
    if (left.size() == known->size()) return false;
    auto fewer = std::make_shared<const tombstones>(left);
    const guard lock{core_.lock_before_writers()};
    auto next = core_.edited();
    if (next->deleted != known) return false;
    next->deleted = std::move(fewer);
    core_.install(std::move(next));
    return false;
  }

  // --- joining partitions -----------------------------------------------------------------------

  /// Joins a row of small neighbours, when there are enough of them.
  bool join() {
    const view<V> now = core_.snapshot();
    const auto& l1 = now.at->sealed->l1;
    // Stored rows are split into blocks: only what is little for one of them is joined.
    const auto small = [this](const slice<V>& one) {
      const bool fits = one.stored == nullptr || one.amount_of().within(block_max.part(2));
      return fits && one.amount_of().within(partition().part(2));
    };
    for (std::size_t at = 0; at < l1.size(); ++at) {
      std::size_t end = at;
      for (amount all; end < l1.size() && small(l1[end]); ++end) {
        if (!(all += l1[end].amount_of()).within(partition())) break;
      }
      if (end - at >= join_min) return join(now, at, end), true;
    }
    return false;
  }

  void join(const view<V>& now, std::size_t first, std::size_t last) {
    drops<V> gone{.wanted = core_.pending.wanted};
    const cover hidden = now.hidden({});
    gatherer<V> some{core_.memory, hidden, gone};
    auto made = std::make_shared<tree<V>>(*now.at->sealed);
    const slice<V>* const all = now.at->sealed->l1.data();
    some.add({all + first, all + last}, {});
    auto joined = merge(some, now);
    const auto begin = made->l1.begin();
    made->l1.erase(begin + static_cast<std::ptrdiff_t>(first),
                   begin + static_cast<std::ptrdiff_t>(last));
    made->l1.insert(made->l1.begin() + static_cast<std::ptrdiff_t>(first), joined.begin(),
                    joined.end());
    made->count();
    finish(std::move(made), std::move(gone));
  }

  // --- what every step ends with ----------------------------------------------------------------

  void finish(std::shared_ptr<const tree<V>> made, drops<V> gone) {
    core_.counted.compactions.fetch_add(1, std::memory_order_relaxed);
    publish(std::move(made), false);
    deliver(std::move(gone));
  }

  void publish(std::shared_ptr<const tree<V>> made, bool sealed) {
    {
      const guard lock{core_.lock_before_writers()};
      auto next = core_.edited();
      next->sealed = std::move(made);
      if (sealed) next->frozen.erase(next->frozen.begin());
      if (sealed && core_.to_mark.load(std::memory_order_relaxed) != core_type::unmarked) {
        core_.to_mark.fetch_sub(1, std::memory_order_relaxed);
      }
      core_.install(std::move(next));
    }
    if (core_.to_store.bytes_max != 0) {
      core_.see_unstored(unstored_of(*core_.current()->sealed).bytes);
    }
    core_.progress.signal();
  }

  void deliver_pending() {
    drops<V> gone{.wanted = core_.pending.wanted};
    if (!gone.wanted) return;
    {
      const guard lock{core_.lock_before_writers()};
      std::swap(gone.rows, core_.pending.rows);
      std::swap(gone.pins, core_.pending.pins);
    }
    deliver(std::move(gone));  // counted by the writer already: count is 0
  }

  void deliver(drops<V> gone) {
    core_.counted.dropped.fetch_add(gone.count, std::memory_order_relaxed);
    core_.tell_of(gone);
  }

  core_type& core_;
  typename core_type::mutex work_mutex_;
  std::size_t sweeping_ = 0;  // the oldest runs of L0, which are being swept into L1
  std::uint64_t purged_ = 0;  // the last deletion that was looked into
};

}  // namespace logdb::timelsm
