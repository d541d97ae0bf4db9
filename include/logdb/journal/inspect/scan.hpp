// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Walks the frames of one segment in order, for recovery, verification and rebuilding an index.

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include <logdb/durability_point.hpp>
#include <logdb/format/files/names.hpp>
#include <logdb/format/files/segment_header.hpp>
#include <logdb/format/frames/frame.hpp>
#include <logdb/format/frames/payloads.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

/// Where a walk stands: the next frame's place, the next record's lsn, the time of the group.
struct scan_place {
  std::uint64_t offset = format::segment_header_bytes;
  lsn next{};
  timestamp time{};
  bool gaps = false;  // in a compacted segment: lsns ascend, and not all are there
};

/// Says why a walk ended.
enum class scan_stop : std::uint8_t {
  bound,     ///< it reached the end it was given
  sealed,    ///< behind a seal frame
  zeros,     ///< nothing was ever written here
  no_frame,  ///< the bytes here are no whole frame
  lsn_gap,   ///< a valid frame, of another lsn than expected
};

constexpr std::string_view reason(scan_stop stop) {
  switch (stop) {
    case scan_stop::bound: return "the end of the segment";
    case scan_stop::sealed: return "a seal";
    case scan_stop::zeros: return "zeros where a frame should be";
    case scan_stop::no_frame: return "the bytes are no whole frame";
    case scan_stop::lsn_gap: return "a frame with another lsn than expected";
  }
  return "";
}

/// Tells how many lsns a frame takes: its own records, or those of the transaction that it
/// attaches.
inline std::uint64_t records_of(const format::frame_view& frame) {
  if (frame.header.kind != format::frame_kind::attach) return frame.header.count;
  const auto attached = format::decode_attach(frame.payload);
  return attached ? attached->records : 0;
}

/// Moves a place over a frame.
inline void advance(scan_place& place, const format::frame_view& frame) {
  place.offset += frame.bytes;
  place.next += records_of(frame);
  if (frame.header.kind != format::frame_kind::mark) return;
  if (const auto mark = format::decode_mark(frame.payload)) place.time = mark->time;
}

/// Tells whether an attach frame can be one: what it names holds frames, and lsns do not overflow.
inline bool is_attach_sound(const format::frame_view& frame, lsn expected) {
  const auto attached = format::decode_attach(frame.payload);
  return attached && attached->segment != segment_number{} &&
         to_integer(attached->segment) < format::segment_number_max &&
         attached->end_offset >= format::segment_header_bytes &&
         attached->end_offset % format::frame_alignment == 0 && expected <= format::lsn_max &&
         attached->records <= format::lsn_max - expected;
}

/// Maps what reading a frame found to the end of a walk; nothing while it goes on.
inline std::optional<scan_stop> stop_for(format::frame_fault fault, const format::frame_view& frame,
                                         lsn expected) {
  if (fault == format::frame_fault::zeros) return scan_stop::zeros;
  if (fault != format::frame_fault::none) return scan_stop::no_frame;
  if (has_step<durability_point::lsn_order> && frame.header.first != expected) {
    return scan_stop::lsn_gap;
  }
  if (frame.header.kind == format::frame_kind::attach && !is_attach_sound(frame, expected)) {
    return scan_stop::no_frame;
  }
  return std::nullopt;
}

/// Moves a place over the lsns that compaction has left out before a frame.
inline void pass_gap(format::frame_fault fault, const format::frame_view& frame,
                     scan_place& place) {
  if (!place.gaps || fault != format::frame_fault::none) return;
  place.next = std::max(place.next, frame.header.first);
}

/// Calls `visit(frame, place)` for each frame from a place on and moves the place behind the last
/// whole one.
///
/// @param end     offset where frames may stand no more
/// @param read    gives the fault of the frame at an offset: `read(offset, frame)`
/// @cost          O(bytes walked)
template <class Read, class Visit>
scan_stop scan_to(std::uint64_t end, scan_place& place, Read read, Visit&& visit) {
  format::frame_view frame;
  while (place.offset < end) {
    const auto fault = read(place.offset, frame);
    if (fault == format::frame_fault::out_of_space &&
        end - place.offset < format::frame_header_bytes) {
      return scan_stop::bound;
    }
    pass_gap(fault, frame, place);
    if (const auto stop = stop_for(fault, frame, place.next)) return *stop;
    visit(frame, std::as_const(place));
    advance(place, frame);
    if (frame.header.kind == format::frame_kind::seal) return scan_stop::sealed;
  }
  return scan_stop::bound;
}

/// Does so in the bytes of a segment from its start to where it may hold frames.
/// @param read    format::read_frame, or format::read_header to leave payloads unchecked
template <class Read, class Visit>
scan_stop scan(bytes_view bytes, format::frame_seed seed, scan_place& place, Read read,
               Visit&& visit) {
  const auto read_at = [&](std::uint64_t offset, format::frame_view& frame) {
    return read(bytes, offset, seed, frame);
  };
  return scan_to(bytes.size(), place, read_at, visit);
}

/// Returns what notes visited frames in an index, as the append path does: the first behind each
/// stride.
template <class Index>
auto noting_in(Index& index) {
  return [&index](const format::frame_view& frame, const scan_place& at) {
    if (at.offset + frame.bytes <= index.due()) return;
    index.note({at.next, at.offset, at.time});
  };
}

/// Notes the frames of a segment in an index. Moves the place to where it ends and returns why.
template <class Index, class Read = decltype(&format::read_header)>
scan_stop rebuild_index(bytes_view bytes, format::frame_seed seed, scan_place& place, Index& index,
                        Read read = format::read_header) {
  return scan(bytes, seed, place, read, noting_in(index));
}

/// Tells whether all bytes are zero.
inline bool is_zero(bytes_view bytes) {
  return bytes.empty() || (bytes.front() == std::byte{} &&
                           std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace logdb::detail
