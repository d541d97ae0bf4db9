// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A run of frames in one segment: where a walk stands in it, and how it gets on.

#include <algorithm>
#include <cstdint>
#include <utility>

#include <logdb/durability_point.hpp>
#include <logdb/error.hpp>
#include <logdb/format/frames/frame.hpp>
#include <logdb/format/frames/payloads.hpp>
#include <logdb/journal/inspect/readable.hpp>
#include <logdb/journal/segments/segment.hpp>

namespace logdb::detail {

/// The frames of one segment of the log, or of an attached one, a stretch of them at a time. The
/// lsns in it are local: global = local + shift.
///
/// A run of which nothing can be read ends at 0; a walk that salvages passes it.
/// @threads  one at a time; copies are independent
template <class Policies>
class frame_run {
 public:
  segment_ptr<Policies> from;
  frame_stretch part{};   // that is read now
  std::uint64_t end = 0;  // frames may stand before it; 0: it cannot be read and is passed
  format::frame_seed seed{};
  scan_place place{};
  std::uint64_t shift = 0;
  lsn limit = format::lsn_max;  // one past the last, local

  [[nodiscard]] lsn global() const { return place.next + shift; }

  /// Goes to the front of a segment of the log, from where the last one ended.
  /// @errors  errc::corrupt, and what keeps a file from being opened: it stays where it is
  void enter(const segment_ptr<Policies>& opened, bool salvage) {
    frame_run fresh;
    fresh.from = opened;
    fresh.open(opened->end_offset(), salvage);
    fresh.limit = opened->end() ? opened->end() : format::lsn_max;
    // A segment that was made ready when this list was taken has no base of its own yet.
    const lsn base = opened->base() ? opened->base() : place.next;
    fresh.place = {.next = base,
                   .time = std::max(place.time, opened->time_first()),
                   .gaps = opened->role() == format::segment_role::compacted};
    *this = std::move(fresh);
  }

  /// Goes to the front of what a frame attaches, or to where its index knows a record.
  /// @param outer  where that frame stands
  /// @errors       as enter()
  void enter_attached(const format::attach& what, const segment_ptr<Policies>& opened,
                      const scan_place& outer, lsn wanted, bool salvage) {
    frame_run fresh;
    fresh.from = opened;
    fresh.open(what.end_offset, salvage);
    fresh.limit = lsn{1} + what.records;
    fresh.place = {.next = lsn{1}, .time = outer.time};
    fresh.shift = outer.next.value() - 1;
    if (wanted > fresh.global() && fresh.end != 0) {
      const auto near = opened->known_entries().floor(wanted - fresh.shift);
      if (near) fresh.jump({near->offset, near->first, outer.time});
    }
    *this = std::move(fresh);
  }

  /// Goes to a frame that an index knows.
  void jump(const scan_place& to) {
    const bool gaps = place.gaps;
    place = to;
    place.gaps = gaps;
  }

  /// Goes to the stretch that has the frame here; false: frames end before it.
  bool load(bool salvage) { return load(place.offset, salvage); }

  /// Reads the frame here, which the stretch has.
  [[nodiscard]] format::frame_fault read(format::frame_view& frame) const {
    return format::read_frame_in(part.bytes, part.first, place.offset, seed, frame);
  }
  /// Tells whether a frame may stand here.
  [[nodiscard]] bool follows(const format::frame_view& frame) const {
    const bool ordered = !has_step<durability_point::lsn_order> || frame.header.first == place.next;
    return ordered && frame.header.first + frame.header.count <= limit;
  }

  /// Passes the frames before a record by their headers alone.
  void skip_to(lsn wanted, bool salvage) {
    format::frame_view frame;
    while ((part.has(place.offset) || load(salvage)) &&
           format::read_header_in(part.bytes, part.first, place.offset, seed, frame) ==
               format::frame_fault::none) {
      const bool plain = frame.header.kind <= format::frame_kind::mark;
      const bool behind = place.gaps && frame.header.first > place.next;
      if (!plain || (frame.header.first != place.next && !behind)) return;
      if (frame.header.first + shift + frame.header.count > wanted) return;
      place.next = frame.header.first;
      advance(place, frame);
    }
  }

  /// Goes on behind damage, at the next whole frame that is not older; false: there is none, and it
  /// stays where it is.
  bool salvage_next() {
    std::uint64_t at = place.offset + format::frame_alignment;
    do {
      if (find_next(at)) return true;
      at = part.end();
    } while (load(at, true));
    return false;
  }

 private:
  void open(std::uint64_t bound, bool salvage) {
    seed = from->seed();
    part = frames_at(format::segment_header_bytes, salvage);
    searched_ = {};
    end = from->is_plain() || part.bytes.empty() ? part.end() : bound;
    if (bound != 0) end = std::min(bound, end);
    part.cut(end);
  }

  /// Goes to the stretch that has an offset; false: frames end before it.
  bool load(std::uint64_t offset, bool salvage) {
    if (offset >= end) return false;
    part = frames_at(offset, salvage);
    part.cut(end);
    return part.has(offset);
  }

  /// Returns the frames at an offset; none of what cannot be read and is passed.
  [[nodiscard]] frame_stretch frames_at(std::uint64_t offset, bool salvage) const {
    try {
      if (!from->is_plain()) return from->frames_at(offset);
      return {.bytes = salvage ? from->bytes().first(from->bytes_there()) : whole_bytes(*from)};
    } catch (const error& failure) {
      if (!salvage || failure.condition() != errc::corrupt) throw;
      return {};
    }
  }

  /// Moves on to the next whole frame of the stretch that is not older; false: there is none.
  bool find_next(std::uint64_t at) {
    while (const auto found = format::find_frame_in(part.bytes, part.first, at, seed, searched_)) {
      const auto header = format::load_header(part.bytes.data() + (*found - part.first));
      const bool fits = header.first + header.count <= limit;
      if (header.first >= place.next && fits) {
        place.offset = *found;
        place.next = header.first;
        return true;
      }
      at = *found + format::frame_alignment;
    }
    return false;
  }

  format::search_work searched_{};
};

}  // namespace logdb::detail
