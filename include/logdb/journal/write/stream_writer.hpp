// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Puts frames at the end of the stream, in staging.

#include <atomic>
#include <cstdint>
#include <utility>

#include <logdb/format/frames/frame_writer.hpp>
#include <logdb/journal/state.hpp>
#include <logdb/platform/expects.hpp>

namespace logdb {

/// What an append was given, for acknowledging it.
struct ticket {
  lsn last{};             ///< of its last record; of a frame without records, the last before it
  stream_position end{};  ///< behind its frame
};

}  // namespace logdb

namespace logdb::detail {

/// Where an append was put, for an index that wants to know.
template <class Policies>
struct placement {
  ticket given{};
  segment<Policies>* in = nullptr;  // valid while the log lists it
  std::uint64_t offset = 0;         // of the frame
  stream_position stream{};         // of the segment's start
};

/// The end of the stream: which lsn and position come next, and the frames that are put there.
/// Whether there is room the caller has seen to.
///
/// @threads  the one that holds the append lock, for every member
template <class Policies>
class stream_writer {
 public:
  using core_type = journal_state<Policies>;
  using system = typename core_type::system;

  explicit stream_writer(core_type& core) : core_{core} {}

  [[nodiscard]] stream_position now_at() const {
    return stream_position{control().appended.load(std::memory_order_relaxed)};  // under the lock
  }
  [[nodiscard]] lsn next_lsn() const {
    return lsn{control().appended_lsn.load(std::memory_order_relaxed) + 1};  // under the lock
  }
  /// Tells whether something stands in the active segment.
  [[nodiscard]] bool is_begun() const {
    return now_at() - core_.append.extents.back().base != format::segment_header_bytes;
  }

  /// Puts a frame, whose header gets the lsn; cannot fail.
  ticket place(format::frame_header& header, std::uint64_t records, bytes_view first,
               bytes_view second) {
    LOGDB_EXPECTS(core_.append_mutex.is_held());
    auto& shared = control();
    const stream_position at = now_at();
    const std::uint64_t before = shared.appended_lsn.load(std::memory_order_relaxed);
    header.first = lsn{before + 1};
    if constexpr (core_type::is_shared) {  // for who finds the lock with a dead owner
      shared.intent_lsn.store(before, std::memory_order_release);
      shared.intent_at.store(at.value(), std::memory_order_release);
    }
    core_.ring.put(at, header, format::frame_seed{shared.seed}, at - stream_position{shared.base},
                   first, second);
    const stream_position end = at + format::frame_bytes(header.payload_bytes);
    shared.appended_lsn.store(before + records, std::memory_order_release);  // pair with reached()
    shared.appended.store(end.value(), std::memory_order_release);
    return {lsn{before + records}, end};
  }

  /// Puts a frame of records, and says where.
  placement<Policies> place_here(format::frame_header& header, std::uint32_t count,
                                 bytes_view first, bytes_view second) {
    const auto& active = core_.append.extents.back();
    placement<Policies> put{
        .in = active.segment.get(), .offset = now_at() - active.base, .stream = active.base};
    put.given = place(header, count, first, second);
    return put;
  }

  /// Puts the seal behind which nothing follows in the active segment.
  void place_seal() {
    auto seal = format::header_of(format::frame_kind::seal, 0, {});
    put_word<system>(control().seal_at, now_at().value());
    place(seal, 0, {}, {});
    core_.append.sealing = true;
  }

  /// Puts a mark before the first frame of a group: what the last sync made durable, and the time.
  void open_group() {
    auto& active = *core_.append.extents.back().segment;
    const bool back = core_.append.marks.has_come_back(core_);
    if (!back || !is_begun()) core_.append.marks.turn(core_);
    if (back && !is_begun()) active.begin(active.base(), core_.append.marks.time);
    if constexpr (core_type::is_shared) {  // before the mark: no later one may be older
      put_word<system>(control().group_time, core_.append.marks.time.time_since_epoch().count());
    }
    active.see(core_.append.marks.time);
    const auto payload = format::encode(
        format::mark{core_.reached_lsn(watermark::durable), core_.append.marks.time});
    auto mark = format::header_of(format::frame_kind::mark, 0, payload);
    core_.append.group_begin = now_at();
    place(mark, 0, payload, {});
    core_.append.group_open = true;
    control().oldest_open.store(system::uptime().count(), std::memory_order_relaxed);
    core_.signals.work.signal();
  }

  /// Notes in the index of the active segment where the next frame stands.
  void note() {
    auto& active = core_.append.extents.back();
    active.segment->entries().note({next_lsn(), now_at() - active.base, core_.append.marks.time});
    core_.append.index_due = due_position(active.base, active.segment->entries().due());
  }

  /// Bounds the active segment at its seal and begins the one that was made ready.
  void begin_next() {
    LOGDB_EXPECTS(core_.append_mutex.is_held() && core_.append.next != nullptr);
    auto& full = core_.append.extents.back();
    full.end = now_at();
    full.segment->seal(next_lsn(), now_at() - full.base);
    auto fresh = std::exchange(core_.append.next, nullptr);
    core_.append.marks.turn(core_);
    fresh->begin(next_lsn(), core_.append.marks.time);
    core_.begin_extent(std::move(fresh), now_at() - format::segment_header_bytes, now_at());
    core_.signals.chores.signal();
  }

 protected:
  core_type& core_;

 private:
  [[nodiscard]] auto& control() const { return core_.control(); }
};

}  // namespace logdb::detail
