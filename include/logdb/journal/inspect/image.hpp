// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// How the frames of a segment lie in memory: all in one stretch, or a stretch at a time.

#include <algorithm>
#include <cstdint>
#include <memory>

#include <logdb/journal/inspect/scan.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

/// A segment, whatever its storage and its index.
class any_segment {
 protected:
  any_segment() = default;
  ~any_segment() = default;
};

/// A stretch of a segment's frames in memory. Offsets count from the segment's start, whatever part
/// of it this is.
struct frame_stretch {
  bytes_view bytes{};                 // whole frames, but for the last of all, which may be damaged
  std::uint64_t first = 0;            // offset of the first of these bytes
  std::shared_ptr<const void> pin{};  // keeps them in memory; null: their segment does

  /// The offset behind it.
  [[nodiscard]] std::uint64_t end() const { return first + bytes.size(); }
  /// Tells whether bytes at an offset are in it.
  [[nodiscard]] bool has(std::uint64_t offset) const { return offset - first < bytes.size(); }
  /// Leaves off what stands at or behind an offset.
  void cut(std::uint64_t offset) {
    const std::uint64_t left = std::max(offset, first) - first;
    bytes = bytes.first(std::min<std::uint64_t>(left, bytes.size()));
  }
};

/// The frames of a sealed segment whose file does not hold them as they are read: in compressed
/// blocks, for example.
///
/// Where frames stand, their offsets and so their checksums are those of the segment as it was
/// written; only how the bytes come into memory differs.
/// @threads  any
class segment_image {
 public:
  segment_image() = default;
  segment_image(const segment_image&) = delete;
  segment_image& operator=(const segment_image&) = delete;
  virtual ~segment_image() = default;

  /// Returns the stretch that holds the frame at an offset; without bytes: there is none.
  /// @errors  errc::corrupt, errc::io
  [[nodiscard]] virtual frame_stretch frames_at(std::uint64_t offset) const = 0;
};

/// Scans the frames of a segment, in whichever stretches they lie: scan_to().
/// @param read   format::read_frame_in, or format::read_header_in to leave payloads unchecked
/// @errors       as frames_at()
template <class Segment, class Read, class Visit>
scan_stop scan_segment(Segment& in, std::uint64_t end, scan_place& place, Read read,
                       Visit&& visit) {
  for (;;) {
    const std::uint64_t begin = place.offset;
    frame_stretch part = in.frames_at(begin);
    part.cut(end);
    const auto read_at = [&](std::uint64_t offset, format::frame_view& frame) {
      return read(part.bytes, part.first, offset, in.seed(), frame);
    };
    const auto stop = scan_to(part.end(), place, read_at, visit);
    if (stop != scan_stop::bound || place.offset == begin) return stop;
  }
}

}  // namespace logdb::detail
