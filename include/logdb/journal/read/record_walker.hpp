// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Walks the records of a log in order, across batches, attached transactions and segments.

#include <utility>

#include <logdb/durability_point.hpp>
#include <logdb/format/frames/batch.hpp>
#include <logdb/journal/segments/segment_table.hpp>
#include <logdb/record.hpp>

namespace logdb::detail {

/// Is what a reader may see: the segments at one moment, and the records in them that are its to
/// see.
template <class Policies>
struct read_scope {
  segment_list_ptr<Policies> list;
  lsn first{1};          // of the records that were not given up
  lsn last{};            // inclusive
  bool salvage = false;  // skip what is damaged instead of throwing
};

/// Is a place in a scope. Every frame is verified before its records are given out.
///
/// @threads  one at a time; copies are independent
template <class Policies>
class record_walker {
 public:
  record_walker() = default;

  /// Stands before record `from`, or before the next one that is intact.
  /// @errors  errc::corrupt
  /// @cost    O(log segments + what the index leaves to scan)
  record_walker(read_scope<Policies> scope, lsn from) : scope_{std::move(scope)}, from_{from} {
    if (from_ > scope_.last) {
      log_.place.next = from_;
      return;
    }
    index_ = scope_.list->find(from_);
    open_log(*scope_.list->log[index_]);
    if (log_.bytes.empty()) return;  // salvage passes what is missing
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
    while (frames().global() <= scope_.last) {
      if (frames().place.offset >= frames().bytes.size()) {
        leave();
        continue;
      }
      format::frame_view frame;
      const auto fault =
          format::read_frame(frames().bytes, frames().place.offset, frames().seed, frame);
      if (frames().place.gaps) [[unlikely]] {
        pass_gap(fault, frame, frames().place);
        if (frames().global() > scope_.last) return false;
      }
      if (fault != format::frame_fault::none || !follows(frame)) [[unlikely]] {
        resume(stop_for(fault, frame, frames().place.next).value_or(scan_stop::lsn_gap));
        continue;
      }
      if (take(frame, out)) return true;
    }
    return false;
  }

  /// Returns the lsn that the next record would have.
  [[nodiscard]] lsn upcoming() const {
    if (batch_ != batch_end_) return batch_lsn_;
    return std::max(from_, in_attached_ ? attached_.global() : log_.global());
  }

  /// Goes on in a later scope of the same log.
  void extend(read_scope<Policies> scope) {
    const lsn upcoming = this->upcoming();
    const auto where = log_.from == nullptr ? scope.list->log.end()
                                            : std::ranges::find(scope.list->log, log_.from);
    if (where == scope.list->log.end()) {
      if (upcoming < scope.first) throw_truncated(upcoming);
      *this = record_walker{std::move(scope), upcoming};
      return;
    }
    index_ = static_cast<std::size_t>(where - scope.list->log.begin());
    scope_ = std::move(scope);
  }

 private:
  /// Is a run of frames in one segment; lsns in it are local, global = local + shift.
  struct source {
    segment_ptr<Policies> from;
    bytes_view bytes{};  // to where frames may stand
    format::frame_seed seed{};
    scan_place place{};
    std::uint64_t shift = 0;
    lsn limit = format::lsn_max;  // one past the last, local
    format::search_work searched{};

    [[nodiscard]] lsn global() const { return place.next + shift; }
    void jump(const scan_place& to) {
      const bool gaps = place.gaps;
      place = to;
      place.gaps = gaps;
    }
  };

  [[nodiscard]] source& frames() { return in_attached_ ? attached_ : log_; }

  [[nodiscard]] bool follows(const format::frame_view& frame) {
    const bool ordered =
        !has_step<durability_point::lsn_order> || frame.header.first == frames().place.next;
    return ordered && frame.header.first + frame.header.count <= frames().limit;
  }

  /// Passes the frames before `from_` by their headers alone.
  void skip() {
    source& in = frames();
    format::frame_view frame;
    while (format::read_header(in.bytes, in.place.offset, in.seed, frame) ==
           format::frame_fault::none) {
      const bool plain = frame.header.kind <= format::frame_kind::mark;
      const bool behind = in.place.gaps && frame.header.first > in.place.next;
      if (!plain || (frame.header.first != in.place.next && !behind)) return;
      if (frame.header.first + in.shift + frame.header.count > from_) return;
      in.place.next = frame.header.first;
      advance(in.place, frame);
    }
  }

  void open_log(segment<Policies>& opened) {
    log_.from = scope_.list->log[index_];
    const std::uint64_t end = opened.end_offset();
    log_.bytes = bytes_of(opened);
    log_.searched = {};
    log_.limit = opened.end() ? opened.end() : format::lsn_max;
    if (end != 0) log_.bytes = log_.bytes.first(std::min<std::uint64_t>(end, log_.bytes.size()));
    log_.seed = opened.seed();
    // A segment that was made ready when this list was taken has no base of its own yet.
    const lsn base = opened.base() ? opened.base() : log_.place.next;
    log_.place = {.next = base,
                  .time = std::max(log_.place.time, opened.time_first()),
                  .gaps = opened.role() == format::segment_role::compacted};
    in_attached_ = false;
    repin_ = true;
  }

  /// Returns the bytes of a segment; none of one that cannot be read and is passed.
  [[nodiscard]] bytes_view bytes_of(segment<Policies>& opened) const {
    try {
      return scope_.salvage ? opened.bytes().first(opened.bytes_there()) : whole_bytes(opened);
    } catch (const error& failure) {
      if (!scope_.salvage || failure.condition() != errc::corrupt) throw;
      return {};
    }
  }

  void open_attached(const format::attach& what, const segment_ptr<Policies>& opened) {
    const bytes_view all = bytes_of(*opened);
    attached_.from = opened;
    attached_.bytes = all.first(std::min<std::uint64_t>(what.end_offset, all.size()));
    attached_.searched = {};
    attached_.limit = lsn{1} + what.records;
    attached_.seed = opened->seed();
    attached_.place = {.next = lsn{1}, .time = log_.place.time};
    attached_.shift = log_.place.next.value() - 1;
    if (from_ > attached_.global() && !all.empty()) {
      const auto near = opened->known_entries().floor(from_ - attached_.shift);
      if (near) attached_.jump({near->offset, near->first, attached_.place.time});
    }
    in_attached_ = true;
    repin_ = true;
    skip();
  }

  /// Leaves a source that is read to its end.
  void leave() {
    if (in_attached_) return leave_attached();
    if (index_ + 1 >= scope_.list->log.size()) return end_early();
    ++index_;
    const lsn expected = log_.place.gaps ? log_.limit : log_.place.next;
    open_log(*scope_.list->log[index_]);
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
      case format::frame_kind::seal: frames().place.offset = frames().bytes.size(); return false;
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
      out.repin(frames().from);
      repin_ = false;
    }
    out.move_to(bytes, at, time);
    return true;
  }

  /// Goes on behind damage when salvaging: at the next whole frame that is not older.
  void resume(scan_stop stop) {
    if (!in_attached_ && log_.from->end() && log_.place.next == log_.limit) {
      // All records of the segment were read: what is damaged holds none. verify() tells of it.
      log_.place.offset = log_.bytes.size();
      return;
    }
    if (!scope_.salvage) throw_corrupt(stop);
    std::uint64_t from = frames().place.offset + format::frame_alignment;
    while (const auto found =
               format::find_frame(frames().bytes, from, frames().seed, frames().searched)) {
      const auto header = format::load_header(frames().bytes.data() + *found);
      const bool fits = header.first + header.count <= frames().limit;
      if (header.first >= frames().place.next && fits) {
        frames().place.offset = *found;
        frames().place.next = header.first;
        return;
      }
      from = *found + format::frame_alignment;
    }
    // Behind damage at the end of the active segment there may be more later.
    if (!in_attached_ && log_.from->end_offset() == 0) return end_early();
    frames().place.offset = frames().bytes.size();
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

}  // namespace logdb::detail
