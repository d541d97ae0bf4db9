// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Group commit: one thread leads, writes and syncs for all that wait, then hands the lead on.

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include <logdb/compiled.hpp>
#include <logdb/durability_point.hpp>
#include <logdb/journal/share/shared_lead.hpp>
#include <logdb/journal/state.hpp>
#include <logdb/journal/write/commit_queue.hpp>
#include <logdb/journal/write/healer.hpp>

namespace logdb::detail {

/// Brings staged frames to the kernel and to stable storage.
///
/// Whoever waits for a watermark joins the queue. The first becomes the leader: it takes all that
/// was appended so far as one group, writes it, syncs it, wakes exactly those that it covered, and
/// hands the lead to the first that it did not cover.
///
/// @threads  any
/// @source   group commit: DeWitt et al., SIGMOD 1984
template <class Policies>
class committer {
 public:
  using core_type = journal_state<Policies>;
  using system = typename core_type::system;

  explicit committer(core_type& core) : core_{core} {}

  /// Waits until a watermark reaches a stream position; leads if nobody does.
  ///
  /// @param target  not above `appended`
  /// @errors        errc::failed; errc::limit, std::bad_alloc: nothing is lost, and who leads next
  ///                tries what this thread could not
  void wait(stream_position target, watermark level);

  /// Waits for the leader, and lets nobody lead from here on: the right to write goes next.
  void end() {
    waiter me{stream_position::max(), watermark::durable};
    while (!join(me)) {
    }
    core_.life.end();
    retire();
  }

  /// Says which place this process has among those that share the log.
  void sit_at(std::size_t place) {
    if constexpr (core_type::is_shared) lead_.sit_at(place);
  }

  /// The narrow view for durability policies: waits for what stands in the log, and so cannot be
  /// taken back. What this process lacks for it, it may have again soon, or another one leads; if
  /// not, the log has failed, for this process alone.
  /// @errors  errc::failed, errc::closed in a child of a fork
  void wait_durable(std::uint64_t end) {
    for (int attempt = 1;; ++attempt) {
      const auto ticket = core_.signals.progress().ticket();
      try {
        return wait(stream_position{end}, watermark::durable);
      } catch (const error& lacking) {
        if (lacking.condition() == errc::failed || lacking.condition() == errc::closed) throw;
        if (attempt == attempts) fail_alone(lacking.what());
      } catch (const std::exception& lacking) {
        if (attempt == attempts) fail_alone(lacking.what());
      }
      core_.signals.progress().wait(ticket, attempts_pause);
    }
  }

 private:
  using waiter = typename commit_queue<system>::waiter;

  /// Says that the log has failed, for this process.
  [[noreturn]] void fail_alone(const char* why) {
    core_.life.fail_here(why);
    try {
      const typename core_type::append_guard lock{core_.append_mutex};
      core_.limit_appends(core_.append.own_limit = {});
    } catch (const std::exception&) {
      // The next append learns of it when it waits.
    }
    core_.life.raise();
  }

  /// What one leader brings to disk: the stream up to `end`.
  struct group {
    stream_position end{};
    lsn last{};
    extent_list<Policies> extents{};
  };

  [[nodiscard]] bool covers(const waiter& who) const {
    return core_.reached(who.level) >= who.target;
  }
  [[nodiscard]] bool join(waiter& me) {
    return queue_.join(me, [this](const waiter& who) { return covers(who); });
  }
  /// Hands the lead on; on a log that has failed or ended nobody waits any more.
  void retire() {
    const bool over = core_.life.is_over();
    queue_.retire([&](const waiter& who) { return over || covers(who); });
  }

  void lead(const waiter& me) {
    try {
      // It may have failed since this thread looked: nothing is tried again.
      core_.life.require_writable();
      if constexpr (core_type::is_shared) {
        const typename shared_lead<Policies>::turn turn{lead_, me.target, me.level};
        if (turn) commit(std::max(queue_.strongest_wish(me.level), lead_.strongest_wish()));
      } else {
        // Those who were woken just before get to append, and so into this group.
        if (queue_.group_size() > 1) system::yield();
        commit(queue_.strongest_wish(me.level));
      }
    } catch (...) {
      retire();
      throw;
    }
    retire();
  }

  void commit(watermark level) {
    const group taken = take_group();
    open_files(taken);
    bool is_syncing = false;
    try {
      write(taken);
      is_syncing = level == watermark::durable;
      if (is_syncing) sync(taken);
    } catch (const std::exception& failure) {
      // What this process could not write, another can. But no sync is made twice.
      if (!is_syncing && is_of_process(failure)) throw;
      if constexpr (has_step<durability_point::one_sync_a_failure>) {
        heal_or_fail(core_, failure.what());
      } else {
        sync(taken);
      }
    }
    core_.signals.progress().signal();
  }

  /// Opens what is to be written, and may be another process's: before anything is tried whose
  /// failure would be the log's.
  void open_files(const group& taken) {
    const stream_position durable = core_.reached(watermark::durable);
    for (const auto& part : taken.extents) {
      if (std::max(durable, part.begin) < std::min(taken.end, part.end)) {
        (void)part.segment->writable();
      }
    }
  }

  /// Closes the open group: the next append begins another with a mark.
  [[gnu::always_inline]] group take_group() {
    typename core_type::append_guard lock{core_.append_mutex};
    core_.append.drop_durable(core_.reached(watermark::durable));
    group taken{core_.reached(watermark::appended), core_.reached_lsn(watermark::appended)};
    taken.extents = core_.append.extents;
    core_.append.group_open = false;
    core_.limit_appends({});
    auto& shared = core_.control();
    // Relaxed, as all of both times: age_of_oldest() reads figures.
    const std::int64_t opened = shared.oldest_open.exchange(0, std::memory_order_relaxed);
    std::int64_t none = 0;
    if (opened != 0)
      shared.oldest_pending.compare_exchange_strong(none, opened, std::memory_order_relaxed);
    return taken;
  }

  void write(const group& taken) {
    const stream_position from = writes_from();
    if (from == taken.end) return;
    (void)core_.ring.require_kept(taken.end - from);
    if constexpr (!has_step<durability_point::watermark_release>) publish_written(taken);
    for (const auto& part : taken.extents) {
      const stream_position begin = std::max(from, part.begin);
      const stream_position end = std::min(taken.end, part.end);
      if (begin >= end) continue;
      const auto [first, second] = core_.ring.pieces(begin, end);
      part.segment->writable().write(begin - part.base, first, second);
    }
    if constexpr (core_type::is_shared) lead_.has_taken_over();
    core_.counters.groups.fetch_add(1, std::memory_order_relaxed);
    if constexpr (has_step<durability_point::watermark_release>) publish_written(taken);
  }

  /// Returns from where on the kernel lacks something. What a leader that died had given to it is
  /// given again: if that one's sync failed, nobody heard of it.
  [[nodiscard]] stream_position writes_from() {
    if constexpr (core_type::is_shared) {
      if (lead_.takes_over()) return core_.reached(Policies::durability::keeps_until);
    }
    return core_.reached(watermark::written);
  }

  void sync(const group& taken) {
    const stream_position from = core_.reached(watermark::durable);
    if (from == taken.end) return;
    if constexpr (!has_step<durability_point::watermark_release>) publish_durable(taken);
    for (const auto& part : taken.extents) {
      if (std::max(from, part.begin) >= std::min(taken.end, part.end)) continue;
      if constexpr (has_step<durability_point::segment_sync>) part.segment->writable().sync();
      core_.counters.syncs.fetch_add(1, std::memory_order_relaxed);
    }
    if constexpr (has_step<durability_point::watermark_release>) publish_durable(taken);
    core_.control().oldest_pending.store(0, std::memory_order_relaxed);
  }

  void publish_written(const group& taken) {
    publish(core_.control().written, core_.control().written_lsn, taken);
  }
  void publish_durable(const group& taken) {
    publish(core_.control().durable, core_.control().durable_lsn, taken);
  }

  /// The lsn first: a thread that sees the position sees the lsn too.
  template <class Word>
  static void publish(Word& position, Word& last, const group& taken) {
    last.store(taken.last.value(), std::memory_order_release);     // pairs with reached_lsn()
    position.store(taken.end.value(), std::memory_order_release);  // pairs with reached()
  }

  static constexpr int attempts = 100;
  static constexpr std::chrono::milliseconds attempts_pause{10};

  core_type& core_;
  [[no_unique_address]] shared_lead_of<Policies> lead_{core_};
  commit_queue<system> queue_;
};

template <class Policies>
LOGDB_INLINE void committer<Policies>::wait(stream_position target, watermark level) {
  waiter me{target, level};
  while (!covers(me)) {
    core_.life.require_writable();
    if (!join(me)) continue;
    lead(me);
  }
}

}  // namespace logdb::detail
