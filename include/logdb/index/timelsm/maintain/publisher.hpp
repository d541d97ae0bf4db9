// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What every step of maintenance ends with: another tree for readers, and notices of what went.

#include <atomic>
#include <memory>
#include <utility>

#include <logdb/index/timelsm/maintain/exchange.hpp>
#include <logdb/index/timelsm/maintain/gather.hpp>
#include <logdb/index/timelsm/maintain/plan.hpp>

namespace logdb::timelsm {

/// Shows readers what a step has made, and tells the user of the rows that it removed.
///
/// @threads  one at a time: that which maintains
template <class V, class System>
class tree_publisher {
 public:
  using core_type = core<V, System>;
  using guard = typename core_type::guard;
  using tree_ptr = std::shared_ptr<const tree<V>>;

  explicit tree_publisher(core_type& shared) : core_{shared} {}

  /// Begins to gather what a step removes.
  [[nodiscard]] drops<V> no_drops() const { return {.wanted = core_.pending.wanted}; }

  /// Merges what a step gathered, and counts it.
  sorted_run<V> merge(gatherer<V>& some, const view<V>& now) {
    core_.counted.rows_rewritten.fetch_add(some.rows(), std::memory_order_relaxed);
    return some.merge(core_.limits.partition, now.deletions());
  }

  /// Ends a step that has merged.
  void finish(tree_ptr made, drops<V> gone) {
    core_.counted.compactions.fetch_add(1, std::memory_order_relaxed);
    publish(std::move(made), false);
    deliver(std::move(gone));
  }

  /// @param sealed  the oldest frozen memtable is in the tree now
  void publish(tree_ptr made, bool sealed) {
    {
      const guard lock{core_.lock_before_writers()};
      auto next = core_.edited();
      next->sealed = std::move(made);
      if (sealed) next->frozen.erase(next->frozen.begin());
      core_.recount(*next);  // from here on nothing fails: what is counted as sealed is
      if (sealed &&
          core_.signals.to_mark.load(std::memory_order_relaxed) != work_signals<System>::unmarked) {
        core_.signals.to_mark.fetch_sub(1, std::memory_order_relaxed);
      }
      core_.install(std::move(next));
    }
    if (core_.unstored.is_durable()) {
      core_.unstored.see(unstored_of(*core_.current()->sealed).bytes);
    }
    core_.signals.progress.signal();
  }

  /// Tells of what writers removed.
  void deliver_pending() {
    drops<V> gone = no_drops();
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

 private:
  core_type& core_;
};

}  // namespace logdb::timelsm
