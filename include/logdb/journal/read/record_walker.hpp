// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Walks the records of a log in order, across batches, attached transactions and segments.

#include <utility>

#include <logdb/durability_point.hpp>
#include <logdb/format/frames/batch.hpp>
#include <logdb/journal/read/frame_run.hpp>
#include <logdb/journal/segments/segment_list.hpp>
#include <logdb/light.hpp>
#include <logdb/record.hpp>

namespace logdb::detail {

/// What a reader may see: the segments at one moment, and the records in them that are its to
/// see.
template <class Policies>
struct basic_read_scope {
  segment_list_ptr<Policies> list;
  lsn first{1};          // of the records that were not given up
  lsn last{};            // inclusive
  bool salvage = false;  // skip what is damaged instead of throwing
};

template <class Policies>
using read_scope = basic_read_scope<stored_of<Policies>>;

/// A place in a scope. Every frame is verified before its records are given out.
///
/// @threads  one at a time; copies are independent
template <class Policies>
class basic_record_walker {
 public:
  basic_record_walker() = default;

  /// Stands before record `from`, or before the next one that is intact.
  /// @errors  errc::corrupt
  /// @cost    O(log segments + what the index leaves to scan)
  basic_record_walker(read_scope<Policies> scope, lsn from)
      : scope_{std::move(scope)}, from_{from} {
    if (from_ > scope_.last) {
      log_.place.next = from_;
      return;
    }
    open_log(scope_.list->find(from_));
    if (log_.end == 0) return;  // salvage passes what is missing
    const auto near = log_.from->known_entries().floor(from_);
    // A walk from the front needs no footer, and so believes none.
    if (near && near->first > log_.place.next) {
      log_.jump({near->offset, near->first, near->time});
    }
    skip();
  }

  /// Moves on and points `out` at the record there; false: no more in this scope.
  /// @errors  errc::corrupt, with segment, offset and lsn
  bool next(record& out) {
    if (batch_ != batch_end_) return give_from_batch(out);
    for (;;) {
      source& in = frames();
      if (in.global() > scope_.last) return false;
      if (!in.part.has(in.place.offset)) [[unlikely]] {
        repin_ = true;
        if (!in.load(scope_.salvage)) leave();
        continue;
      }
      format::frame_view frame;
      const auto fault = in.read(frame);
      if (in.place.gaps) [[unlikely]] {
        pass_gap(fault, frame, in.place);
        if (in.global() > scope_.last) return false;
      }
      if (fault != format::frame_fault::none || !in.follows(frame)) [[unlikely]] {
        resume(stop_for(fault, frame, in.place.next).value_or(scan_stop::lsn_gap));
        continue;
      }
      if (take(frame, out)) return true;
    }
  }

  /// Goes to a frame of the scope that an index knows, forwards or back, and gives out the records
  /// from one on to `last`. What lies between is not read. @errors errc::corrupt
  void go_to(const index_entry& begin, lsn from, lsn last) {
    const std::size_t wanted = scope_.list->find(begin.first);
    if (log_.from != scope_.list->log[wanted]) {
      source fresh;
      fresh.enter(scope_.list->log[wanted], scope_.salvage);
      log_ = std::move(fresh);
      index_ = wanted;
    }
    from_ = from;
    scope_.last = last;
    batch_ = batch_end_;
    in_attached_ = false;
    repin_ = true;  // the next record may be given to another one
    if (log_.end == 0) return;
    log_.jump({begin.offset, begin.first, begin.time});
    skip();
  }

  /// Returns the lsn that the next record would have.
  [[nodiscard]] lsn upcoming() const {
    if (batch_ != batch_end_) return batch_lsn_;
    return std::max(from_, in_attached_ ? attached_.global() : log_.global());
  }

  /// Goes on in a later scope of the same log.
  void extend(read_scope<Policies> scope) {
    const lsn upcoming = this->upcoming();
    const auto where =
        log_.from == nullptr ? scope.list->log.end() : light::find(scope.list->log, log_.from);
    if (where == scope.list->log.end()) {
      if (upcoming < scope.first) throw_truncated(upcoming);
      *this = basic_record_walker{std::move(scope), upcoming};
      return;
    }
    index_ = static_cast<std::size_t>(where - scope.list->log.begin());
    scope_ = std::move(scope);
  }

 private:
  using source = frame_run<stored_of<Policies>>;

  [[nodiscard]] source& frames() { return in_attached_ ? attached_ : log_; }

  /// Passes the frames before `from_`, which may lie in other stretches.
  void skip() {
    frames().skip_to(from_, scope_.salvage);
    repin_ = true;
  }

  /// Goes on in a segment of the list; or throws and stays where it is.
  void open_log(std::size_t index) {
    log_.enter(scope_.list->log[index], scope_.salvage);
    index_ = index;
    in_attached_ = false;
    repin_ = true;
  }

  void open_attached(const format::attach& what, const segment_ptr<Policies>& opened) {
    attached_.enter_attached(what, opened, log_.place, from_, scope_.salvage);
    in_attached_ = true;
  }

  /// Leaves a source that is read to its end.
  void leave() {
    if (in_attached_) return leave_attached();
    if (index_ + 1 >= scope_.list->log.size()) return end_early();
    const lsn expected = log_.place.gaps ? log_.limit : log_.place.next;
    open_log(index_ + 1);
    if (log_.place.next != expected) skip_gap(expected);
  }

  void leave_attached() {
    if (attached_.global() != log_.place.next && !scope_.salvage) throw_corrupt(scan_stop::bound);
    in_attached_ = false;
    repin_ = true;
  }

  /// Ends before the last record of the scope: what is missing was damaged.
  void end_early() {
    if (!scope_.salvage) throw_corrupt(scan_stop::bound);
    log_.place.next = scope_.last + 1;
  }

  /// A gap between segments is damage that salvage has skipped.
  void skip_gap(lsn expected) {
    if (scope_.salvage) {
      from_ = std::max(from_, expected);  // what overlaps is not given twice
      return;
    }
    log_.place.next = expected;
    throw_corrupt(scan_stop::lsn_gap);
  }

  /// Uses one frame; true when it gave a record.
  bool take(const format::frame_view& frame, record& out) {
    const lsn at = frames().global();
    const timestamp time = frames().place.time;
    switch (frame.header.kind) {
      case format::frame_kind::record:
        frames().place.offset += frame.bytes;
        ++frames().place.next;
        return at >= from_ && give(out, frame.payload, at, time);
      case format::frame_kind::batch:
      case format::frame_kind::wide_batch: return take_batch(frame, out);
      case format::frame_kind::attach: return take_attach(frame), false;
      case format::frame_kind::seal: frames().place.offset = frames().end; return false;
      default: return advance(frames().place, frame), false;
    }
  }

  bool take_batch(const format::frame_view& frame, record& out) {
    const auto batch =
        format::batch_view::open(frame.header.kind, frame.header.count, frame.payload);
    if (!batch) return resume(scan_stop::no_frame), false;
    batch_ = batch->begin();
    batch_end_ = batch->end();
    batch_lsn_ = frames().global();
    advance(frames().place, frame);
    for (; batch_lsn_ < from_ && batch_ != batch_end_; ++batch_) ++batch_lsn_;
    return batch_ != batch_end_ && give_from_batch(out);
  }

  void take_attach(const format::frame_view& frame) {
    const auto attached = format::decode_attach(frame.payload);
    if (!attached) return resume(scan_stop::no_frame);
    const lsn end = log_.place.next + attached->records;
    if (in_attached_ || end > log_.limit) return resume(scan_stop::lsn_gap);
    if (end > from_) {
      const auto own = scope_.list->find_attached(*attached, log_.place.next);
      if (own == nullptr) return resume(scan_stop::no_frame);
      open_attached(*attached, own);
    }
    advance(log_.place, frame);
    if (in_attached_) skip();
  }

  bool give_from_batch(record& out) {
    if (batch_lsn_ > scope_.last) return batch_ = batch_end_, false;
    const bytes_view bytes = *batch_;
    ++batch_;
    const lsn at = batch_lsn_;
    ++batch_lsn_;
    return give(out, bytes, at, frames().place.time);
  }

  bool give(record& out, bytes_view bytes, lsn at, timestamp time) {
    if (repin_) [[unlikely]] {
      const auto& pin = frames().part.pin;
      out.repin(pin != nullptr ? pin : frames().from);
      repin_ = false;
    }
    out.move_to(bytes, at, time);
    return true;
  }

  /// Goes on behind damage when salvaging: at the next whole frame that is not older.
  void resume(scan_stop stop) {
    if (!in_attached_ && log_.from->end() && log_.place.next == log_.limit) {
      // All records of the segment were read: what is damaged holds none. verify() tells of it.
      log_.place.offset = log_.end;
      return;
    }
    if (!scope_.salvage) throw_corrupt(stop);
    source& in = frames();
    repin_ = true;
    if (in.salvage_next()) return;
    // Behind damage at the end of the active segment there may be more later.
    if (!in_attached_ && log_.from->end_offset() == 0) return end_early();
    in.place.offset = in.end;
  }

  [[noreturn]] void throw_corrupt(scan_stop stop) {
    throw error{errc::corrupt, "the log is damaged: " + std::string{reason(stop)},
                frames().from->site(frames().place.offset, frames().global())};
  }
  [[noreturn]] static void throw_truncated(lsn at) {
    throw error{errc::truncated, "the reader fell behind truncation", {.at = at}};
  }

  read_scope<Policies> scope_;
  lsn from_{};
  std::size_t index_ = 0;  // of log_ in the list
  source log_;
  source attached_;
  bool in_attached_ = false;  // which of the two is read
  bool repin_ = false;        // the next record lies in another segment than the last one given
  format::batch_view::iterator batch_;
  format::batch_view::iterator batch_end_;
  lsn batch_lsn_{};
};

template <class Policies>
using record_walker = basic_record_walker<stored_of<Policies>>;

}  // namespace logdb::detail
