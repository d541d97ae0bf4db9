// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Gives an index that lives as long as its log each record of it, whichever process appended it.

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include <logdb/journal/view/index_view.hpp>
#include <logdb/journal/view/staged_frames.hpp>
#include <logdb/platform/atomic.hpp>

namespace logdb {

/// Gives an index every record of its log once, in the order of the lsns.
///
/// Whoever reads the index calls look(), which may wait for the disk, and with what it returned
/// catch_up(). Whoever writes takes the turn, and calls catch_up_in_turn(), which reads what others
/// have appended from staging and waits for nothing; puts its own records; and says so by pass().
///
/// @threads  look(): any; the rest one at a time, which a lock of the index sees to. That lock may
///           be taken in a turn, so it may not be held over look() or over taking a turn
template <class Policies>
class record_follower {
 public:
  /// Records that a reader may see, and the stream position that they reach at least.
  struct sight {
    log_snapshot<Policies> records;
    stream_position end{};
  };

  /// @param log  stays where it is for as long as this lives
  explicit record_follower(index_view<Policies>& log) : log_{log}, frames_{log} {}

  /// Returns the last record that was given, or passed.
  [[nodiscard]] lsn last() const { return next_ - 1; }

  /// Returns what a reader may see, if there may be records in it that were not given yet.
  /// @errors  errc::closed, errc::corrupt, errc::io
  /// @blocks  as index_read::snapshot()
  /// @cost    one load and a comparison if there are none, and this process writes the log
  [[nodiscard]] std::optional<sight> look() {
    if (log_.follows()) return sight{log_.snapshot()};
    const stream_position known{reached_.load(std::memory_order_acquire)};  // pairs with move_to()
    if (!index_view<Policies>::is_shared && known) return std::nullopt;
    const stream_position end = log_.reached(shown);
    if (known >= end) return std::nullopt;
    return sight{log_.snapshot(), end};
  }

  /// Calls `use(lsn, bytes)` for each record of a sight that was not given yet; returns whether
  /// there were any. Records that were given up before they were given are left out.
  /// @errors  errc::corrupt, errc::io; those of `use`, whose record is given again next time
  template <class Use>
  bool catch_up(const sight& now, Use&& use) {
    const lsn before = next_;
    give(now.records, use);
    // Relaxed: the caller's lock.
    move_to(std::max(now.end, stream_position{reached_.load(std::memory_order_relaxed)}));
    return next_ != before;
  }

  /// Calls `use(lsn, bytes)` for each record in the log that was not given yet; returns whether
  /// there were any. In a turn.
  /// @errors  errc::corrupt, errc::io; those of `use`, whose record is given again next time
  template <class Use>
  bool catch_up_in_turn(Use&& use) {
    if constexpr (!index_view<Policies>::is_shared) return false;  // nobody else appends
    const lsn before = next_;
    const stream_position end = log_.reached(watermark::appended);
    stream_position at{reached_.load(std::memory_order_relaxed)};  // the caller's lock
    if (at == end) return false;
    if (frames_.is_behind()) frames_.adopt([](const auto&) { return true; });
    do {
      const stream_position kept = log_.reached(keeps_until);
      const lsn kept_lsn = log_.reached_lsn(keeps_until);  // of that position, or of a later one
      if (at < kept) {
        give(written_up_to(kept_lsn), use);
        at = kept;
      }
    } while (!frames_.walk(at, end, [&](const auto& found) { give(found.frame, use); }));
    move_to(end);
    return next_ != before;
  }

  /// Says that the index knows the records that it has just put itself. In the same turn.
  void pass(const ticket& put) {
    next_ = put.last + 1;
    move_to(put.end);
  }

 private:
  static constexpr watermark keeps_until = Policies::durability::keeps_until;
  /// Up to where a reader may see records.
  static constexpr watermark shown = Policies::durability::readable == watermark::durable
                                         ? watermark::durable
                                         : watermark::appended;

  void move_to(stream_position position) {
    reached_.store(position.value(), std::memory_order_release);  // pairs with look()
  }

  template <class Use>
  void give(const log_snapshot<Policies>& now, Use& use) {
    if (next_ > now.last_lsn()) return;
    for (const record& each : now.records(std::max(next_, now.first_lsn()))) {
      give(each.lsn(), each.bytes(), use);
    }
    next_ = now.last_lsn() + 1;  // salvage may have skipped some
  }

  template <class Use>
  void give(lsn at, bytes_view bytes, Use& use) {
    if (at < next_) return;
    use(at, bytes);
    next_ = at + 1;
  }

  /// Gives the records of a frame that is still in staging.
  template <class Use>
  void give(const format::frame_view& frame, Use& use) {
    const lsn first = frame.header.first;
    const std::uint64_t records = detail::records_of(frame);
    if (records == 0 || first + records <= next_) return;
    if (frame.header.kind == format::frame_kind::attach) return give_attached(frame, use);
    if (frame.header.kind == format::frame_kind::record) return give(first, frame.payload, use);
    const auto batch =
        format::batch_view::open(frame.header.kind, frame.header.count, frame.payload);
    if (!batch) frames_.throw_overwritten();
    lsn at = first;
    for (const bytes_view each : *batch) give(std::exchange(at, at + 1), each, use);
  }

  /// Gives those of a transaction in a segment of its own, where their lsns count from 1.
  template <class Use>
  void give_attached(const format::frame_view& frame, Use& use) {
    const auto said = format::decode_attach(frame.payload);
    if (!said) frames_.throw_overwritten();
    const std::uint64_t before = frame.header.first.value() - 1;
    auto list = std::make_shared<detail::segment_list<Policies>>();
    list->log.push_back(log_.attached(format::attached_segment(*said, lsn{1})));
    const detail::read_scope<Policies> own{std::move(list), lsn{1}, lsn{said->records},
                                           is_salvaging()};
    for (const record& each : record_range<Policies>{own, lsn{1}}) {
      give(each.lsn() + before, each.bytes(), use);
    }
    next_ = frame.header.first + said->records;
  }

  /// Returns the records up to one that is in the segments. Waits for nothing.
  [[nodiscard]] log_snapshot<Policies> written_up_to(lsn last) {
    auto list = log_.catch_up();
    const lsn first = list->log.front()->base();
    return log_snapshot<Policies>{detail::read_scope<Policies>{
        std::move(list), first, std::max(last, first - 1), is_salvaging()}};
  }
  [[nodiscard]] bool is_salvaging() const {
    return log_.options().recovery == recovery_mode::salvage;
  }

  index_view<Policies>& log_;
  detail::staged_frames<Policies> frames_;
  lsn next_{1};
  platform::atomic<std::uint64_t> reached_ = 0;  // stream position before which all was given
};

}  // namespace logdb
