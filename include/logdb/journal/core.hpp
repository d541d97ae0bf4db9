// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What the parts of a writing log share: staging, the segments, the append lock, the state, the
/// events.

#include <atomic>
#include <memory>
#include <type_traits>
#include <utility>

#include <boost/container/static_vector.hpp>

#include <logdb/durability/policy.hpp>
#include <logdb/journal/segment_table.hpp>
#include <logdb/journal/staging.hpp>
#include <logdb/journal/staging_pins.hpp>
#include <logdb/options.hpp>
#include <logdb/stats.hpp>

namespace logdb::detail {

enum class log_state : std::uint32_t { open, closed, failed };

/// Is a stretch of the stream that lies in one segment: stream position = base + offset.
template <class Policies>
struct extent {
  segment_ptr<Policies> segment;
  std::uint64_t base = 0;
  std::uint64_t begin = 0;
  std::uint64_t end = std::numeric_limits<std::uint64_t>::max();  // max: the active one
};

/// Is where the stream of a log begins in memory; above any offset, so that no base wraps around.
inline constexpr std::uint64_t stream_begin = std::uint64_t{1} << 48;

/// Is the extents that are not durable yet; the control file has room for no more of them.
template <class Policies>
using extent_list = boost::container::static_vector<extent<Policies>, control_extents>;

/// Is counted by whoever does it, read by stats().
template <class System>
struct log_counters {
  platform::basic_atomic<System, std::uint64_t> groups = 0;
  platform::basic_atomic<System, std::uint64_t> syncs = 0;
  platform::basic_atomic<System, std::uint64_t> heals = 0;
  platform::basic_atomic<System, std::uint64_t> attached_bytes = 0;
};

/// Is the shared part of one open, writing log. Who guards what stands beside each member.
///
/// Lock order: append, then the table's. Nothing waits for the disk under either.
template <class Policies>
struct journal_core {
  using storage = typename Policies::storage;
  using system = typename storage::system;
  using durability = typename Policies::durability;
  using mutex = platform::basic_mutex<system>;
  using event = platform::basic_event<system>;
  template <class T>
  using atomic = platform::basic_atomic<system, T>;
  using control_type = control_header<system>;
  using guard = boost::interprocess::scoped_lock<mutex>;
  using options_type = basic_options<Policies>;

  static constexpr bool syncs = promises_durability<durability>;
  static constexpr std::uint64_t mark_frame_bytes = format::frame_bytes(format::mark_bytes);
  static constexpr std::uint64_t seal_frame_bytes = format::frame_bytes(0);
  // Kept free before each frame, so that a mark and a seal always fit.
  static constexpr std::uint64_t reserve_bytes = mark_frame_bytes + seal_frame_bytes;

  journal_core(std::shared_ptr<storage> volume, const options_type& chosen,
               const format::manifest& start)
      : options{chosen},
        bounds{durability::bounds(chosen.durability)},
        segments{std::move(volume), start, chosen.index, chosen.recovery} {}

  [[nodiscard]] control_type& control() const { return ring.header(); }

  /// Returns a watermark as a stream position.
  [[nodiscard]] std::uint64_t reached(watermark level) const {
    switch (level) {
      case watermark::appended: return control().appended.load(std::memory_order_acquire);
      case watermark::written: return control().written.load(std::memory_order_acquire);
      case watermark::durable: return control().durable.load(std::memory_order_acquire);
    }
    return 0;
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

  /// Returns the time that marks are given: the wall clock's, or where an index asks for it log
  /// time: the wall clock's when the log was opened, going on with the monotonic one.
  [[nodiscard]] timestamp clock() const {
    if constexpr (keeps_log_time<typename Policies::index>) return clock_start + system::uptime();
    return system::now();
  }

  /// Returns the frame size from which a transaction gets a segment of its own.
  [[nodiscard]] std::uint64_t inline_bytes_max() const { return ring.ring_bytes() / 4; }

  /// Throws unless the log takes appends.
  void require_open() const {
    const log_state now = state.load(std::memory_order_acquire);
    if (now == log_state::open) [[likely]]
      return;
    const error_site site{.path = segments.volume()->path()};
    if (now == log_state::closed) throw error{errc::closed, "the log was closed", site};
    throw error{errc::failed, "a sync failed and could not be healed: " + failure_text(), site};
  }

  /// Stops appends for good; what is durable can still be read. Requires the append lock.
  void fail(const std::string& why) {
    {
      guard lock{failure_mutex};
      if (failure.empty()) failure = why;
    }
    state.store(log_state::failed);  // pairs with require_open(); also while it is being closed
    control().limit = 0;
  }

  [[nodiscard]] std::string failure_text() const {
    guard lock{failure_mutex};
    return failure;
  }

  /// Turns an offset at which an index wants an entry into a stream position.
  [[nodiscard]] static std::uint64_t due_position(std::uint64_t base, std::uint64_t due) {
    constexpr auto never = std::numeric_limits<std::uint64_t>::max();
    return due == never ? never : base + due;
  }

  /// Makes a segment the active one: what comes at stream position `begin` goes there. Requires the
  /// append lock.
  void begin_extent(segment_ptr<Policies> active, std::uint64_t base, std::uint64_t begin) {
    control_type& shared = control();
    const std::uint64_t count = shared.extent_count.load(std::memory_order_relaxed);
    shared.extents[count % control_extents] = {to_integer(active->number()), active->salt(), base,
                                               begin};
    shared.extent_count.store(count + 1, std::memory_order_release);  // pairs with the drainer
    shared.base = base;
    shared.seed = static_cast<std::uint32_t>(active->seed());
    shared.limit = 0;
    segment_end = base + active->capacity();
    index_due = due_position(base, active->entries().due());
    group_open = false;
    extents.push_back({std::move(active), base, begin});
  }

  /// Moves both lower watermarks up to what is appended. Requires the append lock and the lead.
  void publish_durable(std::uint64_t end) {
    control_type& shared = control();
    const std::uint64_t last = shared.appended_lsn.load(std::memory_order_relaxed);
    shared.written_lsn.store(last, std::memory_order_release);  // all four pair with reached()
    shared.durable_lsn.store(last, std::memory_order_release);
    shared.written.store(end, std::memory_order_release);
    shared.durable.store(end, std::memory_order_release);
    oldest_pending.store(0, std::memory_order_relaxed);
    oldest_open.store(0, std::memory_order_relaxed);
  }

  options_type options;
  loss_bounds bounds;
  segment_table<Policies> segments;
  staging<storage> ring;

  alignas(64) mutex append_mutex;
  // Guarded by append_mutex, as is the append line of the control file:
  alignas(64) extent_list<Policies> extents;  // not yet durable ones, the last is active
  segment_ptr<Policies> next;                 // made ready; null: not yet
  std::uint64_t segment_end = 0;              // stream position where the active one is full
  std::uint64_t index_due = 0;                // stream position behind which to note a frame
  std::uint64_t group_begin = 0;              // stream position of the open group
  bool group_open = false;                    // a mark leads what follows
  timestamp group_time{};                     // of the last mark; never goes back

  timestamp clock_start{};  // log time when the uptime was 0; set by the open
  [[no_unique_address]] std::conditional_t<reads_staging<typename Policies::index>,
                                           staging_pins<system>, no_staging_pins>
      pins;

  atomic<log_state> state = log_state::open;
  atomic<std::int64_t> oldest_pending = 0;  // uptime of the oldest group not durable, ns; 0: none
  atomic<std::int64_t> oldest_open = 0;     // the same of the group that still grows
  atomic<std::uint32_t> watchers = 0;       // readers that wait for more
  event progress;                           // written or durable moved, or the state changed
  event work;                               // for the thread that commits
  event settled;                            // a sealed segment stands in the manifest, whole
  event chores;                             // for the thread that keeps segments ready
  log_counters<system> counters;

  mutable mutex failure_mutex;
  std::string failure;  // guarded by failure_mutex
};

}  // namespace logdb::detail
