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

#include <logdb/journal/control/control_words.hpp>
#include <logdb/journal/control/watermarks.hpp>
#include <logdb/journal/log_state.hpp>
#include <logdb/journal/segments/segment_table.hpp>
#include <logdb/journal/staging/append_lock.hpp>
#include <logdb/journal/staging/staging.hpp>
#include <logdb/journal/staging/staging_pins.hpp>
#include <logdb/journal/state/append_state.hpp>
#include <logdb/journal/state/log_life.hpp>
#include <logdb/journal/state/log_signals.hpp>
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
  // Whether writers of several processes share the log; the control file then has the locks.
  static constexpr bool is_shared = Policies::locking::shared_writers;
  using append_mutex_type =
      std::conditional_t<is_shared, append_lock<journal_state<Policies>>, mutex>;
  using append_guard = platform::scoped_lock<append_mutex_type>;
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
    if (is_shared && !life.is_forked()) storage_traits<storage>::close(volume, false);
  }

  [[nodiscard]] control_type& control() const { return ring.header(); }

  /// Returns a watermark as a stream position.
  [[nodiscard]] stream_position reached(watermark level,
                                        std::memory_order order = std::memory_order_acquire) const {
    return reached_in(control(), level, order);
  }
  /// Returns a watermark as the lsn of the last record it covers.
  [[nodiscard]] lsn reached_lsn(watermark level) const { return reached_lsn_in(control(), level); }
  /// Returns how old the oldest group is that is not durable; none: there is none.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> age_of_oldest() const {
    return age_of_oldest_in(control(), system::uptime());
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

  /// Says what a frame may end at without a look at anything else. With the append lock.
  void limit_appends(stream_position end) {
    LOGDB_EXPECTS(append_mutex.is_held());
    put_word<system>(control().limit, end.value());
  }

  /// Makes a segment the active one: what comes at stream position `begin` goes there. With the
  /// append lock, unless it is the first one of a log that is being opened.
  void begin_extent(segment_ptr<Policies> active, stream_position base, stream_position begin) {
    LOGDB_EXPECTS(append.extents.empty() || append_mutex.is_held());
    append.begin_extent(control(), std::move(active), base, begin);
  }
  /// Learns from the control file which segments the end of the stream lies in. With the append
  /// lock.
  void adopt_extents() {
    LOGDB_EXPECTS(append_mutex.is_held());
    append.adopt(control());
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
    append.become_writers_own();
    const append_guard lock{append_mutex};  // tells what is ready
  }

  /// A storage may have to know that other processes change its names, too.
  void share_names(bool first) {
    auto& volume = *segments.volume();
    auto& line = control().file_line;
    storage_traits<storage>::share(volume, line, first);
  }

  options_type options;
  loss_bounds bounds;
  segment_table<Policies> segments;
  staging<storage> ring;

  alignas(64) append_mutex_type append_mutex;
  alignas(64) append_state<Policies> append{segments};  // guarded by append_mutex, as is the append
                                                        // line of the control file

  timestamp clock_start{};  // log time when the uptime was 0; set by the open
  [[no_unique_address]] std::conditional_t<index_traits<typename Policies::index>::reads_staging,
                                           staging_pins<system>, no_staging_pins>
      pins;

  log_life<storage, is_shared> life{*segments.volume(), ring};
  log_signals<storage, is_shared> signals{ring};
  log_counters<system> counters;
};

}  // namespace logdb::detail
