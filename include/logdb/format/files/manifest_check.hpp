// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Tells whether a manifest agrees with itself: what a checksum cannot say, and what every reader
/// then relies on.

#include <algorithm>
#include <cstdint>
#include <vector>

#include <logdb/format/files/manifest.hpp>
#include <logdb/format/files/names.hpp>
#include <logdb/format/files/segment_header.hpp>
#include <logdb/format/frames/frame.hpp>
#include <logdb/light.hpp>
#include <logdb/types.hpp>

namespace logdb::format {

namespace detail {

/// Tells whether the end of a segment lies behind its base and within its room.
inline bool is_end_sound(const manifest_segment& segment) {
  return segment.base && segment.end >= segment.base && segment.end <= lsn_max &&
         segment.end_offset >= segment_header_bytes && segment.end_offset <= segment.capacity &&
         segment.end_offset % frame_alignment == 0;
}

inline bool is_sound(const manifest_segment& segment) {
  const bool open = !segment.end && segment.end_offset == 0;
  if (segment.capacity < segment_header_bytes || segment.base > lsn_max) return false;
  if (segment.role == segment_role::log) return open || is_end_sound(segment);
  // A compacted one too was whole when it was first named.
  return is_end_sound(segment) && segment.end > segment.base;
}

/// Tells whether each segment of the log begins where those before it allow.
inline bool is_in_order(const manifest& value) {
  lsn reached{};
  bool ready = true;  // the last one met has no base yet; at the start: there is none
  for (const auto& segment : value.segments) {
    if (segment.role == segment_role::attached) continue;
    if (reached && ready) return false;  // one that is made ready is the last
    ready = !segment.base;
    if (!ready && segment.base < reached) return false;
    if (ready && !reached) return false;  // and never the only one
    reached = std::max({reached, segment.base, segment.end});
  }
  return static_cast<bool>(reached);
}

inline bool are_numbers_unique(const manifest& value) {
  std::vector<segment_number> numbers;
  for (const auto& segment : value.segments) numbers.push_back(segment.number);
  light::sort(numbers);
  return !light::any_neighbours(numbers, [](auto a, auto b) { return a == b; }) &&
         !numbers.empty() && numbers.front() != segment_number{} &&
         to_integer(numbers.back()) < value.next_segment &&
         value.next_segment <= segment_number_max;
}

}  // namespace detail

/// Tells whether a manifest that decode() gave is one that a writer makes: at least one segment of
/// the log, in the order of their lsns, each within its file, no number twice.
///
/// @threads  any
/// @cost     O(segments × log segments)
inline bool is_consistent(const manifest& value) {
  return light::all_of(value.segments, detail::is_sound) && detail::is_in_order(value) &&
         detail::are_numbers_unique(value);
}

}  // namespace logdb::format
