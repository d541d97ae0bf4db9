// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Reads a whole log and checks every checksum and every lsn.

#include <logdb/journal/read/record_walker.hpp>
#include <logdb/stats.hpp>

namespace logdb::detail {

/// The bounds of a segment at one moment, since a writer may move on while it is verified.
///
/// A segment is bounded in memory when its seal is in staging, and on disk when it is settled: only
/// then must all of it be there.
struct frozen_bounds {
  template <class Policies>
  explicit frozen_bounds(const basic_segment<Policies>& now)
      // In this order: one that a healing replaced is settled after it was superseded.
      : settled{now.settled() && !now.is_superseded()},
        end{now.end()},
        end_offset{now.end_offset()} {}

  bool settled;
  lsn end;                   // 0: it had none
  std::uint64_t end_offset;  // 0: it had none
};

/// Verifies the segments of a scope, one after the other, behind damage too.
template <class Policies>
class verifier {
 public:
  explicit verifier(read_scope<Policies> scope) : scope_{std::move(scope)} {}

  /// @cost  reads the whole log
  [[nodiscard]] verification run() {
    for (const auto& segment : scope_.list->log) {
      if (!is_in_scope(*segment)) continue;
      const frozen_bounds bounds{*segment};
      check_base(*segment, bounds);
      check(*segment, bounds);
    }
    if (next_ && next_ <= scope_.last) check_last();
    for (const auto& segment : scope_.list->attached) {
      if (is_in_scope(*segment)) check(*segment, frozen_bounds{*segment});
    }
    return result_;
  }

 private:
  void check(segment<Policies>& checked, const frozen_bounds& bounds) {
    typename Policies::storage::mapping apart;
    scan_place place = checked.start();
    frame_stretch part;
    try {
      part = read(checked, place.offset, apart);
    } catch (const error& failure) {
      const bool damaged = failure.condition() == errc::corrupt || failure.condition() == errc::io;
      if (!damaged && failure.condition() != errc::format_mismatch) throw;
      return note_header(checked, checked.capacity(), failure.what());
    }
    if (!checked.is_header_intact()) {
      note_header(checked, format::segment_header_bytes, "the segment's header is damaged");
    }
    if (bounds.end_offset != 0) part.cut(bounds.end_offset);
    format::search_work searched;
    const std::size_t before = result_.damages.size();
    do {
      while (check_run(checked, part, place, searched)) {
      }
    } while (go_on(checked, bounds, part, place));
    if (result_.damages.size() == before) check_end(checked, bounds, place);
  }

  /// Reads a segment by calls into the page cache and maps it apart, with zeros for what the device
  /// refuses: those are damage then.
  [[nodiscard]] static frame_stretch read(segment<Policies>& checked, std::uint64_t offset,
                                          typename Policies::storage::mapping& apart) {
    const bytes_view mapped = checked.bytes();
    if (!checked.is_plain()) return checked.frames_at(offset);
    if (checked.is_overlaid()) return {.bytes = mapped};  // the file has not all of it
    try {
      apart = checked.map_readable();
      return {.bytes = apart.bytes()};
    } catch (const error& gone) {
      // Another process may have given it up meanwhile: what is mapped stays.
      if (gone.condition() != errc::corrupt) throw;
      return {.bytes = mapped.first(checked.bytes_there())};
    }
  }

  /// Goes on to the next stretch of a segment behind the one that was checked; false: it was the
  /// last.
  [[nodiscard]] bool go_on(segment<Policies>& checked, const frozen_bounds& bounds,
                           frame_stretch& part, const scan_place& place) {
    if (checked.is_plain() || place.offset != part.end()) return false;
    try {
      part = checked.frames_at(place.offset);
    } catch (const error& failure) {
      note_header(checked, bounds.end_offset - place.offset, failure.what());
      return false;
    }
    part.cut(bounds.end_offset);
    return part.has(place.offset);
  }

  [[nodiscard]] bool is_in_scope(const segment<Policies>& checked) const {
    return checked.base() && checked.base() <= scope_.last;
  }

  /// Checks that a segment goes on where the one before ended.
  void check_base(const segment<Policies>& checked, const frozen_bounds& bounds) {
    if (next_ && checked.base() != next_) {
      note(checked, format::segment_header_bytes, 0, next_, scan_stop::lsn_gap);
    }
    next_ = bounds.end;
  }

  /// Notes that the segments end before the last record.
  void check_last() {
    const auto& last = *scope_.list->log[scope_.list->find(scope_.last)];
    note(last, last.end_offset(), 0, next_, scan_stop::bound);
  }

  /// Checks that a segment without damage holds all that it should.
  void check_end(const segment<Policies>& checked, const frozen_bounds& bounds,
                 const scan_place& place) {
    const bool attached = checked.role() == format::segment_role::attached;
    const lsn reached = attached ? checked.base() + (place.next - lsn{1}) : place.next;
    if (place.gaps && reached <= bounds.end) return;
    const bool bounded = bounds.end && bounds.end <= scope_.last + 1;
    const bool whole = !bounds.settled || place.offset == bounds.end_offset;
    const bool ends = bounded ? reached == bounds.end && whole : reached > scope_.last;
    if (!ends) note(checked, place.offset, 0, place.next, scan_stop::bound);
  }

  void note_header(const segment<Policies>& checked, std::uint64_t bytes, std::string reason) {
    result_.damages.push_back(
        {damage_kind::corruption, {checked.number(), 0}, bytes, checked.base(), std::move(reason)});
  }

  void note(const segment<Policies>& checked, std::uint64_t offset, std::uint64_t bytes,
            lsn expected, scan_stop stop) {
    result_.damages.push_back({damage_kind::corruption,
                               {checked.number(), offset},
                               bytes,
                               expected,
                               std::string{reason(stop)}});
  }

  /// Scans to the end or past one damage; true when there is more behind it.
  bool check_run(segment<Policies>& checked, const frame_stretch& part, scan_place& place,
                 format::search_work& searched) {
    const std::uint64_t begin = place.offset;
    const bool attached = checked.role() == format::segment_role::attached;
    const lsn last = attached ? format::lsn_max : scope_.last;
    const auto read = [&](std::uint64_t offset, format::frame_view& frame) {
      return format::read_frame_in(part.bytes, part.first, offset, checked.seed(), frame);
    };
    const auto count = [&](const format::frame_view& frame, const scan_place& at) {
      if (at.next > last) return;
      ++result_.frames;
      result_.records += frame.header.count;
      if (is_sound(frame, at, attached)) return;
      note(checked, at.offset, frame.bytes, at.next, scan_stop::no_frame);
    };
    const auto stop = scan_to(part.end(), place, read, count);
    result_.bytes += place.offset - begin;
    const bool whole = stop == scan_stop::bound || stop == scan_stop::sealed;
    if (whole || place.next > last) return false;
    const auto next = format::find_frame_in(
        part.bytes, part.first, place.offset + format::frame_alignment, checked.seed(), searched);
    const std::uint64_t resumed = next.value_or(part.end());
    note(checked, place.offset, resumed - place.offset, place.next, stop);
    if (!next) return false;
    place.offset = resumed;
    place.next = format::load_header(part.bytes.data() + (resumed - part.first)).first;
    return true;
  }

  /// Tells whether a frame whose checksums are right also makes sense here.
  [[nodiscard]] bool is_sound(const format::frame_view& frame, const scan_place& at,
                              bool attached) const {
    switch (frame.header.kind) {
      case format::frame_kind::batch:
      case format::frame_kind::wide_batch:
        return format::batch_view::open(frame.header.kind, frame.header.count, frame.payload)
            .has_value();
      case format::frame_kind::attach: return !attached && is_attached(frame, at.next);
      default: return !attached;
    }
  }

  /// Tells whether the segment that a frame attaches is there, for these records.
  [[nodiscard]] bool is_attached(const format::frame_view& frame, lsn first) const {
    const auto what = format::decode_attach(frame.payload);
    return what && scope_.list->find_attached(*what, first) != nullptr;
  }

  read_scope<Policies> scope_;
  verification result_;
  lsn next_{};  // with which the next segment begins; 0: the first, or not known
};

}  // namespace logdb::detail
