// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What the parts of a writing log share: staging, the segments, the append lock, the state, the
/// events.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <logdb/journal/believed_clock.hpp>
#include <logdb/journal/control/control_words.hpp>
#include <logdb/journal/log_state.hpp>
#include <logdb/journal/segments/segment_table.hpp>
#include <logdb/journal/staging/append_lock.hpp>
#include <logdb/journal/staging/extent.hpp>
#include <logdb/journal/staging/staging.hpp>
#include <logdb/journal/staging/staging_pins.hpp>
#include <logdb/options.hpp>
#include <logdb/platform/expects.hpp>
#include <logdb/platform/scoped_lock.hpp>
#include <logdb/policy/durability.hpp>
#include <logdb/policy/index.hpp>
#include <logdb/policy/storage_traits.hpp>
#include <logdb/stats.hpp>

namespace logdb::detail {

/// The shared part of one open, writing log. What guards a member stands beside it.
///
/// Lock order: append, then the table's. Nothing waits for the disk under either.
template <class Policies>
struct journal_state {
  using storage = typename Policies::storage;
  using system = typename storage::system;
  using durability = typename Policies::durability;
  using mutex = platform::basic_mutex<system>;
  using event = platform::basic_event<system>;
  // Whether writers of several processes share the log; the control file then has the locks.
  static constexpr bool is_shared = Policies::locking::shared_writers;
  using append_mutex_type =
      std::conditional_t<is_shared, append_lock<journal_state<Policies>>, mutex>;
  using append_guard = platform::scoped_lock<append_mutex_type>;
  template <class T>
  using atomic = platform::basic_atomic<system, T>;
  using control_type = control_header<system>;
  using guard = platform::scoped_lock<mutex>;
  using options_type = basic_options<Policies>;

  static constexpr bool syncs = promises_durability<durability>;
  static constexpr std::uint64_t mark_frame_bytes = format::frame_bytes(format::mark_bytes);
  static constexpr std::uint64_t seal_frame_bytes = format::frame_bytes(0);
  // Kept free before each frame, so that a mark and a seal always fit.
  static constexpr std::uint64_t reserve_bytes = mark_frame_bytes + seal_frame_bytes;

  journal_state(std::shared_ptr<storage> volume, const options_type& chosen,
                const format::manifest& start)
      : options{chosen},
        bounds{durability::bounds(chosen.durability)},
        segments{std::move(volume), start, chosen.index, chosen.recovery, is_shared} {
    if constexpr (is_shared) append_mutex.bind(*this);
  }

  journal_state(const journal_state&) = delete;
  journal_state& operator=(const journal_state&) = delete;
  ~journal_state() {
    // Also if the open failed half-way: the storage must not look at the control file any more.
    auto& volume = *segments.volume();
    if (is_shared && !is_forked()) storage_traits<storage>::close(volume, false);
  }

  [[nodiscard]] control_type& control() const { return ring.header(); }

  /// Returns a watermark as a stream position.
  [[nodiscard]] stream_position reached(watermark level,
                                        std::memory_order order = std::memory_order_acquire) const {
    switch (level) {
      case watermark::appended: return stream_position{control().appended.load(order)};
      case watermark::written: return stream_position{control().written.load(order)};
      case watermark::durable: return stream_position{control().durable.load(order)};
    }
    return {};
  }

  /// Returns a watermark as the lsn of the last record it covers.
  [[nodiscard]] lsn reached_lsn(watermark level) const {
    switch (level) {
      case watermark::appended: return lsn{control().appended_lsn.load(std::memory_order_acquire)};
      case watermark::written: return lsn{control().written_lsn.load(std::memory_order_acquire)};
      case watermark::durable: return lsn{control().durable_lsn.load(std::memory_order_acquire)};
    }
    return {};
  }

  /// Returns the wall clock's time; where an index asks for it, log time: the same when the log was
  /// opened, going on with the monotonic clock.
  [[nodiscard]] timestamp clock() const {
    if constexpr (index_traits<typename Policies::index>::keeps_log_time) {
      return clock_start + system::uptime();
    }
    return system::now();
  }

  /// Returns how much may wait to be durable.
  [[nodiscard]] std::uint64_t window_bytes() const {
    return std::min(ring.ring_bytes(), bounds.bytes_max);
  }
  /// Returns the frame size from which a transaction gets a segment of its own.
  [[nodiscard]] std::uint64_t inline_bytes_max() const {
    // A frame, a mark and a seal must fit into what may be at risk.
    return std::min(ring.ring_bytes() / 4, bounds.bytes_max - reserve_bytes);
  }

  /// Learns whether another process has failed the log, also while this one closes it: what could
  /// not be synced must not be tried again.
  void look_for_failure() {
    if constexpr (is_shared) {
      if (ring && control().failed.load(std::memory_order_acquire) != 0) stop_for_good();
    }
  }

  /// Tells whether this is a child of the process that opened the log: what it has of it are copies
  /// of that one's locks and threads, without the threads.
  [[nodiscard]] bool is_forked() const { return forks != system::forks(); }
  /// Throws in such a child.
  void require_own() const {
    if (is_forked()) [[unlikely]]
      throw_in_child(segments.volume()->path());
  }

  /// Tells whether close() was called.
  [[nodiscard]] bool is_closed() const {
    return state.load(std::memory_order_acquire) >= log_state::closed;
  }
  /// Throws in a child of the process that opened the log, or when it was closed. One that has
  /// failed can still be read.
  void require_usable() const {
    require_own();
    if (is_closed()) [[unlikely]]
      throw_closed(segments.volume()->path());
  }
  /// Throws unless this process may still bring to disk what was appended, which a failure or the
  /// end of close() takes away for good.
  void require_writable() {
    require_own();
    look_for_failure();
    const log_state now = state.load(std::memory_order_acquire);
    if (now == log_state::failed || now == log_state::ended) [[unlikely]]
      require_open();
  }

  /// Throws unless the log takes appends.
  void require_open() {
    require_own();
    look_for_failure();
    const log_state now = state.load(std::memory_order_acquire);
    if (now == log_state::open) [[likely]]
      return;
    if (now == log_state::failed) failure.raise(*segments.volume());
    throw_closed(segments.volume()->path());
  }

  /// Stops appends for good, also while it is being closed; one that has ended stays so.
  void stop_for_good() {
    log_state now = state.load(std::memory_order_acquire);
    while (now != log_state::failed && now != log_state::ended &&
           !state.compare_exchange_strong(
               now, log_state::failed, std::memory_order_acq_rel)) {  // pairs with require_open()
    }
  }
  /// Stops appends for good; what is durable can still be read. Without the append lock, an append
  /// that is under way may let some others pass.
  /// @param then  what came of the second way, if there was one
  void fail(const char* why, const char* then = "") noexcept {
    fail_here(why, then);
    fail_all();
  }
  /// Does so for this process alone; others that share the log go on.
  void fail_here(const char* why, const char* then = "") noexcept {
    failure.set(why, then);
    stop_for_good();
  }
  /// Tells every process that the log has failed. Without the append lock as fail().
  void fail_all() {
    control().failed.store(1, std::memory_order_release);  // pairs with look_for_failure()
    put_word<system>(control().limit, 0);
  }

  /// Says what a frame may end at without a look at anything else. Requires the append lock.
  void limit_appends(stream_position end) {
    LOGDB_EXPECTS(append_mutex.is_held());
    put_word<system>(control().limit, end.value());
  }

  /// Says which segment it is: a stretch with no place in the stream.
  [[nodiscard]] static control_extent describe(const segment<Policies>& known) {
    return {.segment = to_integer(known.number()),
            .salt = known.salt(),
            .capacity = known.capacity(),
            .first = known.base().value(),
            .time = known.time_first().time_since_epoch().count()};
  }

  /// Makes a segment the active one: what comes at stream position `begin` goes there. Requires the
  /// append lock, unless it is the first one of a log that is being opened.
  void begin_extent(segment_ptr<Policies> active, stream_position base, stream_position begin) {
    LOGDB_EXPECTS(extents.empty() || append_mutex.is_held());
    control_type& shared = control();
    const std::uint64_t count = shared.extent_count.load(std::memory_order_relaxed);
    control_extent begun = describe(*active);
    begun.base = base.value();
    begun.begin = begin.value();
    put_extent<system>(shared.extents[count % control_extents], begun);
    shared.extent_count.store(count + 1, std::memory_order_release);  // pairs with the drainer
    // What follows is said by the extent, too: repair() takes it from there.
    put_word<system>(shared.base, base.value());
    put_word<system>(shared.seed, static_cast<std::uint32_t>(active->seed()));
    put_word<system>(shared.limit, 0);
    put_word<system>(shared.seal_at, 0);
    sealing = false;
    group_open = false;
    if constexpr (is_shared) {
      segments.learn_begun(active->number(), active->base(), active->time_first());
    }
    extents.push_back({std::move(active), base, begin});
    enter_active();
  }

  /// Makes the control file fit for the processes that are to share it.
  void admit_others() {
    control_type& shared = control();
    for (auto* lock : {&shared.append_lock, &shared.lead_lock, &shared.provide_lock,
                       &shared.chores_lock, &shared.publish_lock, &shared.compact_lock}) {
      lock->init();
    }
    segments.begin_sharing(shared);
    share_names(true);
    for (auto& each : extents) each.segment = writers_own(each.segment);
    if (next != nullptr) next = writers_own(next);
    const append_guard lock{append_mutex};  // tells what is ready
  }

  /// A storage may have to know that other processes change its names, too.
  void share_names(bool first) {
    auto& volume = *segments.volume();
    auto& line = control().file_line;
    storage_traits<storage>::share(volume, line, first);
  }

  /// Makes the extents those that the control file names and that are not durable yet; the last one
  /// in any case. Requires the append lock.
  ///
  /// Who died while it began another one was writing over the oldest of them, which was durable
  /// then: that one is only looked at while it is not.
  void adopt_extents() {
    const control_type& shared = control();
    const std::uint64_t count = shared.extent_count.load(std::memory_order_acquire);
    const stream_position durable = reached(watermark::durable);
    const auto from = [](std::uint64_t told) { return stream_position{told}; };
    extent_list<Policies> known;
    for (std::uint64_t i = count - std::min<std::uint64_t>(count, control_extents); i < count;
         ++i) {
      const control_extent& said = shared.extents[i % control_extents];
      const bool last = i + 1 == count;
      const stream_position end{last ? std::numeric_limits<std::uint64_t>::max()
                                     : shared.extents[(i + 1) % control_extents].begin};
      const bool needed = last || end > durable;
      if (!needed && i + control_extents == count) continue;
      segments.learn_begun(segment_number{said.segment}, lsn{said.first},
                           timestamp{std::chrono::nanoseconds{said.time}});
      if (needed) known.push_back({find_known(said), from(said.base), from(said.begin), end});
    }
    extents = std::move(known);
    seen_extents = count;
    enter_active();
  }

  /// Returns the segment that an extent is of: the one that was, or one of the same file.
  [[nodiscard]] segment_ptr<Policies> find_known(const control_extent& said) {
    for (const auto& each : extents) {
      if (to_integer(each.segment->number()) == said.segment) return each.segment;
    }
    if (next != nullptr && to_integer(next->number()) == said.segment) {
      next->begin(lsn{said.first}, timestamp{std::chrono::nanoseconds{said.time}});
      return next;
    }
    return make_known(said);
  }
  /// Returns the object to write a listed segment by. Where others write, too, it is another one:
  /// what this process knows as a reader it has from the log, not from what it did itself.
  [[nodiscard]] segment_ptr<Policies> writers_own(const segment_ptr<Policies>& listed) {
    if constexpr (!is_shared) return listed;
    return make_known(describe(*listed));
  }
  [[nodiscard]] segment_ptr<Policies> make_known(const control_extent& said) {
    format::manifest_segment entry{.number = segment_number{said.segment}, .salt = said.salt};
    entry.capacity = said.capacity;
    entry.base = lsn{said.first};
    entry.time_first = entry.time_last = timestamp{std::chrono::nanoseconds{said.time}};
    return segments.make(entry);
  }

  /// Moves both lower watermarks up to what is appended. Requires the append lock and the lead.
  void publish_durable(stream_position end) {
    control_type& shared = control();
    const std::uint64_t last = shared.appended_lsn.load(std::memory_order_relaxed);
    shared.written_lsn.store(last, std::memory_order_release);  // all four pair with reached()
    shared.durable_lsn.store(last, std::memory_order_release);
    shared.written.store(end.value(), std::memory_order_release);
    shared.durable.store(end.value(), std::memory_order_release);
    shared.oldest_pending.store(0, std::memory_order_relaxed);
    shared.oldest_open.store(0, std::memory_order_relaxed);
  }

  /// Counts a reader that waits for more, for as long as nobody counts again; a process that dies
  /// is so forgotten.
  void watch() {
    if constexpr (is_shared) {
      control().watched_until.store((system::uptime() + watch_time).count(),
                                    std::memory_order_relaxed);
    }
  }
  /// Tells whether a reader waits for more.
  [[nodiscard]] bool is_watched() {
    if (watchers.load(std::memory_order_relaxed) != 0) return true;
    if constexpr (is_shared) {
      const std::chrono::nanoseconds until{control().watched_until.load(std::memory_order_relaxed)};
      // Told by the clock of a process that may live in another time namespace: no trust is long.
      const std::chrono::nanoseconds left = until - system::uptime();
      return until.count() != 0 && left.count() > 0 && left <= trust_max;
    }
    return false;
  }
  /// Returns how old the oldest group is that is not durable; none: there is none.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> age_of_oldest() const {
    return age_of_oldest_in(control(), system::uptime());
  }
  /// Signalled when written or durable moved, or the state changed.
  [[nodiscard]] auto& progress() {
    if constexpr (is_shared) {
      return control().progress;
    } else {
      return own_progress;
    }
  }

  static constexpr std::chrono::milliseconds watch_time{100};
  static constexpr std::chrono::nanoseconds trust_max = 2 * watch_time;

  /// Sets what follows from which segment is active.
  void enter_active() {
    const auto& active = extents.back();
    segment_end = active.base + active.segment->capacity();
    // Readers walk the log themselves where others write it, too, and note what they meet.
    index_due = is_shared ? stream_position::max()
                          : due_position(active.base, active.segment->entries().due());
  }

  options_type options;
  loss_bounds bounds;
  segment_table<Policies> segments;
  staging<storage> ring;

  alignas(64) append_mutex_type append_mutex;
  // Guarded by append_mutex, as is the append line of the control file:
  alignas(64) extent_list<Policies> extents;  // not yet durable ones, the last is active
  segment_ptr<Policies> next;                 // made ready; null: not yet
  stream_position segment_end{};              // where the active one is full
  stream_position index_due{};                // behind which to note a frame
  stream_position group_begin{};              // of the open group
  bool group_open = false;                    // a mark leads what follows
  bool sealing = false;                       // the seal of a roll stands, and nothing follows yet
  mark_clock marks;                           // gives them their times
  std::uint32_t forks = 0;                    // of this process when it opened the log
  // What a frame may end at by the bounds of this process, which are its own; 0: to be looked at.
  stream_position own_limit{};
  std::uint64_t seen_epoch = 0;    // of the control file, when the members above were taken from it
  std::uint64_t seen_extents = 0;  // ever begun, as told to the others

  timestamp clock_start{};  // log time when the uptime was 0; set by the open
  [[no_unique_address]] std::conditional_t<index_traits<typename Policies::index>::reads_staging,
                                           staging_pins<system>, no_staging_pins>
      pins;

  atomic<log_state> state = log_state::open;
  atomic<std::uint32_t> watchers = 0;  // readers that wait for more
  event own_progress;                  // of progress(), where nobody else has one
  event work;                          // for the thread that commits
  event settled;                       // a sealed segment stands in the manifest, whole
  event chores;                        // for the thread that keeps segments ready
  log_counters<system> counters;
  failure_note<system> failure;
};

}  // namespace logdb::detail
