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
      : store_{store}, options_{chosen} {}
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

  struct run {
    std::size_t first = 0;
    std::size_t end = 0;
  };

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
    const auto list = store_.view().scope().list;
    const auto active =
        light::find_if(list->log, [](const auto& each) { return each->base() && !each->end(); });
    if (active == list->log.end()) return;
    reached_ = reached();
    use found;
    for (const auto& own : list->attached) {
      if (own->base() >= (*active)->base()) add_use(*list, own, found);
    }
    if (found.bytes < store_.view().options().segment_bytes) return;
    if (is_wasteful(found, options_.dead_ratio_max)) store_.view().seal_active();
  }

  /// Waits until there may be more to do.
  void rest(std::uint32_t ticket) {
    std::optional<std::chrono::nanoseconds> time;
    if (options_.dead_ratio_max <= 1) {
      const guard lock{mutex_};
      time = until_expiry();
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
      reached_ = reached();
      const auto next = find_run(*list, from, ratio, is_unsure);
      if (!next) return;
      from = list->log[next->end - 1]->end();
      compaction<Policies> work{store_, list, next->first, next->end};
      compaction_report before = done;
      const auto is_worth = [&] { return has_wasteful(*list, *next, ratio); };
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

  /// Returns the first segments from an lsn on that are to be compacted together.
  /// @param is_unsure  more may be dead than was counted
  [[nodiscard]] std::optional<run> find_run(const segment_list<Policies>& list, lsn from,
                                            double ratio, bool is_unsure) {
    for (std::size_t n = 0; n < list.log.size(); ++n) {
      if (!is_sealed(*list.log[n]) || list.log[n]->base() < from) continue;
      const bool is_told = !is_unsure && !store_.space().of(list.log[n]).is_doubtful();
      if (is_told && !is_wasteful(list, n, ratio)) continue;
      const std::size_t end = extend(list, n, ratio);
      return run{reach_back(list, n), end};
    }
    return std::nullopt;
  }

  /// Returns the end of a run: as far as what is left fits into one segment, and it is worth it.
  [[nodiscard]] std::size_t extend(const segment_list<Policies>& list, std::size_t first,
                                   double ratio) {
    const std::uint64_t room = store_.view().options().segment_bytes;
    std::uint64_t left = use_of(list, first).live();
    std::size_t end = first + 1;
    for (; end < list.log.size() && is_sealed(*list.log[end]); ++end) {
      const std::uint64_t live = use_of(list, end).live();
      if (left + live > room || !(is_wasteful(list, end, ratio) || live < room / 8)) break;
      left += live;
    }
    return end;
  }

  /// Returns the begin of a run: with the little that earlier compactions have left before it.
  [[nodiscard]] std::size_t reach_back(const segment_list<Policies>& list, std::size_t first) {
    const std::uint64_t little = store_.view().options().segment_bytes / 16;
    std::uint64_t left = 0;
    while (first != 0 && list.log[first - 1]->role() == format::segment_role::compacted) {
      left += use_of(list, first - 1).live();
      if (left > little) break;
      --first;
    }
    return first;
  }

  static bool is_sealed(const segment<Policies>& each) {
    return each.base() && each.settled() && each.end() > each.base();
  }

  struct use {
    std::uint64_t bytes = 0;
    std::uint64_t dead = 0;
    [[nodiscard]] std::uint64_t live() const { return bytes - std::min(bytes, dead); }
  };

  /// Returns how much of a segment, and of what is attached to it, is used.
  [[nodiscard]] use use_of(const segment_list<Policies>& list, std::size_t n) {
    const auto& each = *list.log[n];
    use found;
    add_use(list, list.log[n], found);
    for (const auto& own : list.attached) {
      if (own->base() >= each.base() && own->base() < each.end()) add_use(list, own, found);
    }
    return found;
  }

  void add_use(const segment_list<Policies>& list, const segment_ptr<Policies>& each, use& found) {
    found.bytes += each->end_offset() - format::segment_header_bytes;
    const auto& in = store_.space().of(each);
    found.dead += in.dead();
    if (const auto* const later = in.account()) {
      found.dead += later->held.upto(reached_.at) + later->mortal.upto(reached_.time);
      if (later->before != newest_before(list, each->base())) found.dead += later->covering;
      return;
    }
    if (is_shared && !each->entries().knows_waste()) {  // another process has finished it
      segment_hints{}.take(*each, each->end_offset());
    }
    found.dead += each->entries().waste().expired_bytes(reached_.time);
  }

  /// Returns what every snapshot has reached, and log time: what waits for more cannot go.
  [[nodiscard]] held_moment reached() {
    const held_moment held = lowest_held(store_);
    return {held.at, std::min(held.time, store_.view().clock())};
  }

  /// Tells whether what can go is worth it. Of a segment that was judged it is known to the byte,
  /// of another one it is an estimate: the judge has the last word before anything is written.
  [[nodiscard]] bool is_wasteful(const segment_list<Policies>& list, std::size_t n, double ratio) {
    return is_wasteful(use_of(list, n), ratio);
  }
  static bool is_wasteful(const use& found, double ratio) {
    return found.dead != 0 &&
           static_cast<double>(found.dead) >= ratio * static_cast<double>(found.bytes);
  }
  [[nodiscard]] bool has_wasteful(const segment_list<Policies>& list, const run& of, double ratio) {
    for (std::size_t n = of.first; n < of.end; ++n) {
      if (is_wasteful(list, n, ratio)) return true;
    }
    return false;
  }

  /// Returns how long it takes until something more has expired that was judged, or all of some
  /// segment that was not.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> until_expiry() {
    std::optional<std::chrono::nanoseconds> first;
    const timestamp now = store_.view().clock();
    const auto list = store_.view().list();
    for (const auto& each : list->log) {
      if (!is_sealed(*each)) continue;
      const auto next = next_expiry(each, now);
      if (next) first = first ? std::min(*first, *next - now) : *next - now;
    }
    return first;
  }

  [[nodiscard]] std::optional<timestamp> next_expiry(const segment_ptr<Policies>& of,
                                                     timestamp now) {
    const auto* const in = store_.space().find(of->number());
    if (in != nullptr && in->account() != nullptr) return in->account()->mortal.next(now);
    const auto& waste = of->entries().waste();
    const timestamp last{std::chrono::nanoseconds{waste.expires_last}};
    return waste.mortal_bytes == 0 || last <= now ? std::nullopt : std::optional{last};
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
  mutex mutex_;             // one compaction at a time; held over the disk
  held_moment reached_;     // guarded by mutex_: as of when what can go is counted
  bool is_unsure_ = false;  // guarded by mutex_: more may be dead than was counted
  mutable mutex total_mutex_;
  compaction_report total_;  // guarded by total_mutex_
  // Set by stop(), which then signals settled(): whoever took its ticket before sees it, or wakes.
  platform::atomic<bool> stopping_ = false;
  typename system::thread thread_;
};

}  // namespace detail

}  // namespace logdb
