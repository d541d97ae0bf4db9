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
#include <logdb/index/timelsm/maintain/purge.hpp>
#include <logdb/index/timelsm/maintain/sealer.hpp>
#include <logdb/index/timelsm/maintain/sweeper.hpp>
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
    core_.signals.roused.store(false, std::memory_order_seq_cst);
    publisher_.deliver_pending();
    return seal_or_sweep_now() || (!core_.unstored.is_full() && (purge(false) || join()));
  }

  /// Seals every frozen memtable, and does what the limit of L0 asks for meanwhile.
  void drain() {
    for (;;) {
      const auto ticket = core_.signals.progress.ticket();
      if (core_.current()->frozen.empty()) return;
      if (!seal_or_sweep()) core_.signals.progress.wait(ticket);
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
      publisher_.deliver_pending();
      if (core_.signals.to_mark.load(std::memory_order_relaxed) == 0)
        return core_.current()->sealed;
      // When L0 is full: what L1 has stored stays there.
      if (!sealer_.seal()) sweeper_.merge_runs(core_.snapshot(), true);
    }
  }

  /// Exchanges slices, in memory or stored, for stored ones.
  void exchange(const slice_exchange<V>& of) {
    guard lock{work_mutex_};
    auto made = std::make_shared<tree<V>>(*core_.current()->sealed);
    of.apply(made->l1);
    for (auto& one : made->l0) of.apply(one);
    made->count();
    publisher_.publish(std::move(made), false);
    core_.signals.rouse();
  }

  /// Calls f while nothing is maintained, and then takes nothing for known.
  template <class F>
  void restart(F f) {
    guard lock{work_mutex_};
    f();
    sweeper_.restart();
    purged_ = core_.snapshot().deletions();
    core_.unstored.see(unstored_of(*core_.current()->sealed).bytes);
  }

  /// Merges everything into L1 and removes what is deleted.
  /// @param relieve  is called where more should be stored before it goes on
  template <class F>
  void compact(F relieve) {
    drain();
    for (bool more = true; more;) {
      {
        guard lock{work_mutex_};
        publisher_.deliver_pending();
        do more = sweeper_.sweep(true) || purge(true) || join();
        while (more && !core_.unstored.is_heavy());
      }
      if (more) relieve();
    }
  }

 private:
  static constexpr std::size_t join_min = 8;

  [[nodiscard]] const amount& partition() const { return core_.limits.partition; }

  // --- sealing ----------------------------------------------------------------------------------

  bool seal_or_sweep() {
    guard lock{work_mutex_};
    publisher_.deliver_pending();
    return seal_or_sweep_now();
  }

  /// Merging brings rows back into memory that were stored: not before others have been.
  bool seal_or_sweep_now() {
    return sealer_.seal() || (!core_.unstored.is_full() && sweeper_.sweep(false));
  }

  void forget_mark() {
    {
      const guard lock{core_.lock_before_writers()};
      core_.signals.to_mark.store(work_signals<System>::unmarked, std::memory_order_relaxed);
    }
    core_.signals.progress.signal();
    core_.signals.rouse();
  }

  // --- removing what is deleted -----------------------------------------------------------------

  bool purge(bool whole) {
    const view<V> now = core_.snapshot();
    if (now.deletions() == purged_ && !whole) return false;
    const std::size_t kept = now.at->deleted->size() + now.seen.deletions;
    const bool all = whole || kept > core_.options.tombstones_max;
    drops<V> gone = publisher_.no_drops();
    purger<V> purge{now, core_.memory, gone, all, partition().times(window_partitions)};
    auto made = std::make_shared<tree<V>>(purge.run(partition()));
    sweeper_.drop_empty(made->l0);
    core_.counted.rows_rewritten.fetch_add(purge.rows_rewritten(), std::memory_order_relaxed);
    const bool changed = purge.has_changed();
    if (changed) publisher_.finish(std::move(made), std::move(gone));
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
    drops<V> gone = publisher_.no_drops();
    const cover hidden = now.hidden({});
    gatherer<V> some{core_.memory, hidden, gone};
    auto made = std::make_shared<tree<V>>(*now.at->sealed);
    const slice<V>* const all = now.at->sealed->l1.data();
    some.add({all + first, all + last}, {});
    auto joined = publisher_.merge(some, now);
    const auto begin = made->l1.begin();
    made->l1.erase(begin + static_cast<std::ptrdiff_t>(first),
                   begin + static_cast<std::ptrdiff_t>(last));
    made->l1.insert(made->l1.begin() + static_cast<std::ptrdiff_t>(first), joined.begin(),
                    joined.end());
    made->count();
    publisher_.finish(std::move(made), std::move(gone));
  }

  core_type& core_;
  typename core_type::mutex work_mutex_;
  tree_publisher<V, System> publisher_{core_};
  sealer<V, System> sealer_{core_, publisher_};
  sweeper<V, System> sweeper_{core_, publisher_};
  std::uint64_t purged_ = 0;  // the last deletion that was looked into
};

}  // namespace logdb::timelsm
