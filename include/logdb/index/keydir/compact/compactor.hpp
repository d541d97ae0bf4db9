// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Decides what is compacted and when: in the background by the share of dead bytes, or by hand.

#include <chrono>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include <logdb/index/keydir/compact/compaction.hpp>
#include <logdb/index/keydir/compact/run_chooser.hpp>
#include <logdb/light.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/process/fork_counter.hpp>
#include <logdb/platform/scoped_lock.hpp>

namespace logdb {

/// Says when and how fast a key-value log is compacted.
struct compaction_options {
  static constexpr auto unlimited = std::numeric_limits<std::uint64_t>::max();

  /// a sealed segment is compacted in the background once this share of its bytes is dead, 0 .. 1;
  /// above 1: never by itself
  double dead_ratio_max = 0.5;
  /// reads at most so fast
  std::uint64_t bytes_per_second = unlimited;
  /// is called after each run of segments with what was done since the log was opened; on the
  /// thread that did it. Must not throw, nor close the log
  std::function<void(const compaction_report&)> on_progress{};
};

namespace detail {

/// Compacts the segments of one log.
/// @threads  any; one compaction at a time
template <class Policies>
class compactor {
 public:
  using store_type = key_store<Policies>;
  using system = typename store_type::system;
  using mutex = platform::basic_mutex<system>;
  using guard = platform::scoped_lock<mutex>;

  compactor(store_type& store, const compaction_options& chosen)
      : store_{store}, options_{chosen}, chooser_{store} {}
  compactor(const compactor&) = delete;
  compactor& operator=(const compactor&) = delete;
  ~compactor() { stop(); }

  /// Begins the work in the background.
  void start() {
    if (works()) thread_ = typename system::thread{[this] { work(); }};
  }

  /// Ends what is under way; what was not finished is as it was.
  void stop() {
    if (!thread_.joinable() && store_.view().follows()) return;
    if (store_.view().is_forked()) return platform::forget_thread(thread_);
    stopping_.store(true, std::memory_order_release);
    store_.view().settled().signal();
    if (thread_.joinable()) thread_.join();
    const guard by_hand{mutex_};  // no manifest may be written behind the end of the log
  }

  /// Compacts whatever has dead bytes, the active segment too, which ends.
  /// @errors  errc::corrupt, errc::io, errc::no_space; what was not finished is as it was
  compaction_report compact() {
    const guard lock{mutex_};
    if (stopping_.load(std::memory_order_acquire)) throw error{errc::closed, "the log was closed"};
    const auto mine = take_turn(true);
    compaction_report done;
    done.stopped = !mine;
    if (!mine) return done;
    store_.view().seal_active();
    count_ended();
    is_unsure_ |= store_.has_added();
    pass(0, done);
    return done;
  }

  /// Returns what was done since the log was opened.
  [[nodiscard]] compaction_report total() const {
    const guard lock{total_mutex_};
    return total_;
  }

 private:
  static constexpr bool is_shared = store_type::is_shared;
  // How long an idle process keeps segments that another one has compacted.
  static constexpr std::chrono::seconds look_time{1};

  /// Takes the right to compact, among the processes that write the log.
  /// @param waits  for who has it, until it is given up or this log is closed
  [[nodiscard]] auto take_turn(bool waits) {
    return store_.view().take_rewrite_turn(
        [this, waits] { return waits && !stopping_.load(std::memory_order_acquire); });
  }

  /// Where other processes compact, too, there is always something to follow.
  [[nodiscard]] bool works() const { return is_shared || options_.dead_ratio_max <= 1; }

  void work() {
    while (!stopping_.load(std::memory_order_acquire)) {
      const auto ticket = store_.view().settled().ticket();
      try {
        const guard lock{mutex_};
        follow_others();
        compact_what_is_wasteful();
      } catch (const std::exception&) {
        // Everything is as it was; the next segment that is sealed brings the next attempt.
      }
      if (!stopping_.load(std::memory_order_acquire)) rest(ticket);
    }
  }

  void follow_others() {
    if constexpr (is_shared) store_.learner().follow();
  }

  void compact_what_is_wasteful() {
    if (options_.dead_ratio_max > 1) return;
    const auto mine = take_turn(false);  // else another process does it
    compaction_report done;
    if (!mine) return;
    count_ended();
    seal_what_is_attached();
    pass(options_.dead_ratio_max, done);
  }

  /// Counts the values as dead that were ended together with the last one of their key.
  void count_ended() {
    const auto ended = store_.ended().take();
    is_unsure_ |= ended.has_more;
    if (ended.last.empty()) return;
    const log_snapshot<Policies> now{store_.view().scope()};
    const auto& list = *now.scope().list;
    const key_versions<Policies> values{store_, now};
    for (const lsn last : ended.last) {
      values.follow(last, [&](const format::key_record& found, const record& where) {
        if (found.head.verb == format::key_verb::erase || stopping_.load(std::memory_order_acquire))
          return false;
        auto* const in = store_.space().find(list.log[list.find(where.lsn())]->number());
        if (in != nullptr && where.lsn() != last) in->add_dead(disk_bytes_of(found));
        return found.head.verb == format::key_verb::add;
      });
    }
  }

  /// Ends the active segment if what is attached to it would fill one and is wasteful: the frames
  /// that name large values are so short that they hardly ever do.
  void seal_what_is_attached() {
    chooser_.look();
    const auto list = store_.view().scope().list;
    if (chooser_.is_attached_wasteful(*list, options_.dead_ratio_max)) store_.view().seal_active();
  }

  /// Waits until there may be more to do.
  void rest(std::uint32_t ticket) {
    std::optional<std::chrono::nanoseconds> time;
    if (options_.dead_ratio_max <= 1) {
      const guard lock{mutex_};
      time = chooser_.until_expiry();
    }
    if (is_shared) time = std::min<std::chrono::nanoseconds>(time.value_or(look_time), look_time);
    store_.view().settled().wait(ticket, time);
  }

  /// Compacts from the front to the end, run after run.
  void pass(double ratio, compaction_report& done) {
    lsn from{1};
    const bool is_unsure = std::exchange(is_unsure_, false);
    // An earlier compaction may have died between its manifest and the news of it.
    store_.view().learn_rewritten();
    follow_others();
    for (;;) {
      const auto list = look();
      chooser_.look();
      const auto next = chooser_.find_run(*list, from, ratio, is_unsure);
      if (!next) return;
      from = list->log[next->end - 1]->end();
      compaction<Policies> work{store_, list, next->first, next->end};
      compaction_report before = done;
      const auto is_worth = [&] { return chooser_.has_wasteful(*list, *next, ratio); };
      done.stopped = !work.run(
          done, [this](std::uint64_t bytes) { return pause(bytes); }, is_worth);
      add(before, done);
      if (done.stopped) return;
    }
  }

  [[nodiscard]] segment_list_ptr<Policies> look() {
    if constexpr (is_shared) return store_.learner().look();
    return store_.view().catch_up();
  }

  void add(const compaction_report& before, const compaction_report& after) {
    compaction_report now;
    {
      const guard lock{total_mutex_};
      total_.segments_read += after.segments_read - before.segments_read;
      total_.segments_written += after.segments_written - before.segments_written;
      total_.records_read += after.records_read - before.records_read;
      total_.records_kept += after.records_kept - before.records_kept;
      total_.bytes_read += after.bytes_read - before.bytes_read;
      total_.bytes_written += after.bytes_written - before.bytes_written;
      total_.stopped = after.stopped;
      now = total_;
    }
    if (options_.on_progress) options_.on_progress(now);
  }

  /// Waits as long as the wanted speed asks for; false: it is to end.
  bool pause(std::uint64_t bytes) {
    if (options_.bytes_per_second == compaction_options::unlimited)
      return !stopping_.load(std::memory_order_acquire);
    const double seconds =
        static_cast<double>(bytes) / static_cast<double>(options_.bytes_per_second);
    const auto until = system::uptime() + std::chrono::duration_cast<std::chrono::nanoseconds>(
                                              std::chrono::duration<double>{seconds});
    while (!stopping_.load(std::memory_order_acquire)) {
      const auto ticket = store_.view().settled().ticket();
      const auto left = until - system::uptime();
      if (left <= std::chrono::nanoseconds{0}) return true;
      if (!stopping_.load(std::memory_order_acquire)) store_.view().settled().wait(ticket, left);
    }
    return false;
  }

  store_type& store_;
  compaction_options options_;
  mutex mutex_;                    // one compaction at a time; held over the disk
  run_chooser<Policies> chooser_;  // guarded by mutex_
  bool is_unsure_ = false;         // guarded by mutex_: more may be dead than was counted
  mutable mutex total_mutex_;
  compaction_report total_;  // guarded by total_mutex_
  // Set by stop(), which then signals settled(): whoever took its ticket before sees it, or wakes.
  platform::atomic<bool> stopping_ = false;
  typename system::thread thread_;
};

}  // namespace detail

}  // namespace logdb
