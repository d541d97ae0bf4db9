// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The append path: from bytes to a frame in staging.

#include <algorithm>
#include <utility>

#include <logdb/compiled.hpp>
#include <logdb/durability_point.hpp>
#include <logdb/format/frames/frame_writer.hpp>
#include <logdb/journal/write/batch_builder.hpp>
#include <logdb/journal/write/keeper.hpp>
#include <logdb/journal/write/stream_writer.hpp>
#include <logdb/platform/expects.hpp>
#include <logdb/policy/index.hpp>

namespace logdb::detail {

/// Puts frames into staging, in order.
///
/// The fast path takes the append lock, looks at one bound, and copies. Whatever else can be due -
/// a mark, an index entry, a new segment, room, a closed log - lowers that bound, so that the next
/// append looks at all of it.
///
/// @threads  any
template <class Policies>
class appender : stream_writer<Policies> {
  using stream = stream_writer<Policies>;

 public:
  using core_type = journal_state<Policies>;
  using system = typename core_type::system;
  using guard = typename core_type::append_guard;

  static constexpr watermark keeps_until = has_step<durability_point::staged_until_durable>
                                               ? Policies::durability::keeps_until
                                               : watermark::written;

  appender(core_type& core, committer<Policies>& commits, keeper<Policies>& keep)
      : stream{core}, commits_{commits}, keeper_{keep} {}

  /// Tells whether a payload fits into one frame in staging.
  [[nodiscard]] bool fits(std::uint64_t payload_bytes) const {
    return format::frame_bytes(payload_bytes) <= core_.inline_bytes_max();
  }

  /// Puts one frame; the payload comes in two pieces.
  /// @errors  errc::no_space, errc::failed, errc::closed; nothing was put
  ticket put(format::frame_kind kind, std::uint32_t count, bytes_view first,
             bytes_view second = {}) {
    format::frame_header header = format::header_of(kind, count, first, second);
    guard lock{core_.append_mutex};
    enter(lock, format::frame_bytes(header.payload_bytes), count);
    return place(header, count, first, second);
  }

  /// Takes the append lock with room for one frame of such a payload: what it is to say can then be
  /// decided on the log as it is right before it.
  /// @errors  errc::no_space, errc::failed, errc::closed
  [[nodiscard]] guard take_turn(std::uint64_t payload_bytes, std::uint64_t count) {
    guard lock{core_.append_mutex};
    enter(lock, format::frame_bytes(payload_bytes), count);
    return lock;
  }

  /// Makes sure that a frame of such a payload may be put now. Returns whether the lock was held
  /// throughout; if not, what was seen under it may have changed, and is to be looked at again.
  /// @errors  as take_turn()
  [[nodiscard]] bool make_room(guard& lock, std::uint64_t payload_bytes, std::uint64_t count) {
    return enter(lock, format::frame_bytes(payload_bytes), count);
  }

  /// Puts that frame, once, in the turn that has room for it: take_turn() gave it, or make_room()
  /// returned true in it. Cannot fail. The header gets the lsn.
  placement<Policies> put_in_turn(format::frame_header& header, bytes_view first,
                                  bytes_view second) {
    return this->place_here(header, header.count, first, second);
  }

  /// Ends the active segment, unless it is empty.
  /// @errors  errc::no_space, errc::failed, errc::closed
  void roll_now() {
    guard lock{core_.append_mutex};
    core_.life.require_open();
    const auto active = core_.append.extents.back();
    if (!is_begun()) return;
    while (core_.append.extents.back().segment == active.segment) {
      core_.life.require_open();
      roll(lock);
    }
  }

  /// Logs where a cursor stands, and remembers it.
  ticket put_cursor(const format::cursor& cursor) {
    const auto encoded = format::encode(cursor);
    const bytes_view payload = encoded.bytes();
    auto header = format::header_of(format::frame_kind::cursor, 0, payload);
    guard lock{core_.append_mutex};
    enter(lock, format::frame_bytes(payload.size()), 0);
    if constexpr (!core_type::is_shared) {  // where it is, a walk meets it, as those of others
      const auto& active = core_.append.extents.back();
      core_.segments.set_cursor({std::string{cursor.name},
                                 cursor.at,
                                 {active.segment->number(), now_at() - active.base}});
    }
    return place(header, 0, payload, {});
  }

  /// Commits a transaction that stands in a segment of its own.
  ticket put_attached(const segment_ptr<Policies>& own, std::uint64_t records) {
    const guard lock = take_turn(format::attach_bytes, records);
    return attach_in_turn(own, records);
  }

  /// Does so with the lock that take_turn(format::attach_bytes, records) gave.
  ticket attach_in_turn(const segment_ptr<Policies>& own, std::uint64_t records);

 private:
  using stream::core_;
  using stream::is_begun;
  using stream::next_lsn;
  using stream::now_at;
  using stream::place;

  /// Makes sure that a frame may be placed now; returns whether the lock was held throughout.
  bool enter(guard& lock, std::uint64_t bytes, std::uint64_t count) {
    LOGDB_EXPECTS(lock.holds(core_.append_mutex));
    const bool counts = count > 1 && core_.bounds.records_max != loss_bounds{}.records_max;
    const stream_position end = now_at() + bytes;
    if (end.value() <= core_.control().limit && !counts && is_within_own(end)) [[likely]]
      return true;
    return make_way(lock, bytes, count);
  }

  /// The limit is for all processes, as the last one that looked found it; its bounds may be wider
  /// than those of this one.
  [[nodiscard]] bool is_within_own(stream_position end) const {
    if constexpr (core_type::is_shared) return end <= core_.append.own_limit;
    return true;
  }

  bool make_way(guard& lock, std::uint64_t bytes, std::uint64_t count);

  /// Tells whether the clock came back, so that a segment has to begin: times ascend within each.
  [[nodiscard]] bool comes_back() {
    return !core_.append.group_open && is_begun() && core_.append.marks.has_come_back(core_);
  }

  [[nodiscard]] stream_position room_end() const {
    // Sequentially consistent and in this order, as the two accesses of a reader: one that is not
    // seen here pinned later than this looked at the watermark, and so sees at least as much of it.
    const stream_position kept = core_.reached(keeps_until, std::memory_order_seq_cst);
    return std::min(kept, core_.pins.lowest()) + core_.window_bytes();
  }

  [[nodiscard]] std::uint64_t pending_records() const {
    return core_.reached_lsn(watermark::appended) - core_.reached_lsn(keeps_until);
  }
  [[nodiscard]] bool exceeds_records(std::uint64_t count) const {
    const std::uint64_t pending = pending_records();
    if (pending == 0) return false;
    return pending > core_.bounds.records_max || count > core_.bounds.records_max - pending;
  }

  /// Waits for readers that still copy from what is to be overwritten.
  void wait_for_pins(guard& lock, stream_position target) {
    if constexpr (index_traits<typename Policies::index>::reads_staging) {
      while (core_.pins.lowest() < target) {
        lock.unlock();
        system::yield();
        lock.lock();
      }
    }
  }

  void wait_for(guard& lock, stream_position target, watermark level) {
    lock.unlock();
    commits_.wait(target, level);
    lock.lock();
  }

  /// Moves on to the next segment behind a seal. Its room is reserved.
  void roll(guard& lock) {
    if (core_.append.next == nullptr) {
      lock.unlock();
      keeper_.provide();
      return lock.lock();
    }
    if (core_.append.extents.size() == control_extents) {
      core_.append.drop_durable(core_.reached(watermark::durable));
    }
    if (core_.append.extents.size() == control_extents) {
      return wait_for(lock, core_.append.extents.front().end, watermark::durable);
    }
    if (!core_.append.sealing) this->place_seal();
    this->begin_next();
  }

  /// Has the committing thread begin before its time when much is waiting, or somebody.
  void rouse() {
    if constexpr (Policies::durability::background) {
      const bool large = now_at() >= core_.append.group_begin + core_.window_bytes() / 4;
      if (large || core_.signals.is_watched()) core_.signals.work.signal();
    }
  }

  /// Lowers the bound to the next thing that needs a look.
  void set_limit(std::uint64_t bytes, std::uint64_t count) {
    stream_position limit =
        std::min({core_.append.segment_end - core_type::reserve_bytes,
                  room_end() - core_type::reserve_bytes, core_.append.index_due});
    if constexpr (Policies::durability::background) {
      const stream_position large = core_.append.group_begin + core_.window_bytes() / 4;
      if (now_at() < large) limit = std::min(limit, large);
    }
    if (core_.bounds.records_max != loss_bounds{}.records_max) {
      // A record alone takes a header at least: so many bytes behind the frame that is put now are
      // within the bound for sure.
      const std::uint64_t pending = pending_records() + count;
      const std::uint64_t left =
          core_.bounds.records_max - std::min(core_.bounds.records_max, pending);
      const std::uint64_t singly = std::min(left, core_.ring.ring_bytes());
      limit = std::min(limit, now_at() + bytes + singly * format::frame_header_bytes);
    }
    core_.append.own_limit = limit;
    // While somebody waits for more, each append looks, and wakes them.
    core_.limit_appends(core_.signals.is_watched() ? stream_position{} : limit);
  }

  committer<Policies>& commits_;
  keeper<Policies>& keeper_;
};

template <class Policies>
LOGDB_INLINE bool appender<Policies>::make_way(guard& lock, std::uint64_t bytes,
                                               std::uint64_t count) {
  bool held = true;
  for (;; held = false) {
    core_.life.require_open();
    if (core_.append.sealing || comes_back() ||
        now_at() + bytes + core_type::reserve_bytes > core_.append.segment_end) {
      roll(lock);
    } else if (now_at() + bytes + core_type::reserve_bytes > room_end()) {
      wait_for(lock, now_at() + bytes + core_type::reserve_bytes - core_.window_bytes(),
               keeps_until);
      wait_for_pins(lock, now_at() + bytes + core_type::reserve_bytes - core_.window_bytes());
    } else if (exceeds_records(count)) {
      wait_for(lock, now_at(), keeps_until);
    } else {
      break;
    }
  }
  if (!core_.append.group_open) this->open_group();
  if (now_at() + bytes > core_.append.index_due) this->note();
  rouse();
  set_limit(bytes, count);
  return held;
}

template <class Policies>
LOGDB_INLINE ticket appender<Policies>::attach_in_turn(const segment_ptr<Policies>& own,
                                                       std::uint64_t records) {
  LOGDB_EXPECTS(core_.append_mutex.is_held());  // before the segment is said to be sealed
  const auto payload = format::encode(format::attach{.segment = own->number(),
                                                     .salt = own->salt(),
                                                     .end_offset = own->end_offset(),
                                                     .records = records});
  static_assert(sizeof payload == format::attach_bytes);
  auto header = format::header_of(format::frame_kind::attach, 0, payload);
  own->begin(next_lsn(), core_.append.marks.time);
  own->seal(next_lsn() + records, own->end_offset());
  if constexpr (!core_type::is_shared) {
    core_.segments.settle(*own, 0);
    try {
      core_.segments.attach(own);
    } catch (...) {
      own->reopen();
      own->begin({}, {});  // it is not committed
      throw;
    }
  }
  core_.counters.attached_bytes.fetch_add(own->end_offset(), std::memory_order_relaxed);
  return place(header, records, payload, {});
}

}  // namespace logdb::detail
