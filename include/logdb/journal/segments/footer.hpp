// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Writes the footer of a sealed segment: derived data, so that opening needs no scan.

#include <vector>

#include <logdb/durability_point.hpp>
#include <logdb/format/frames/frame_writer.hpp>
#include <logdb/journal/segments/segment.hpp>
#include <logdb/policy/index.hpp>

namespace logdb::detail {

/// Frames what the index knows of a sealed segment.
template <class Policies>
std::vector<std::byte> encode_footer(segment<Policies>& sealed) {
  index_traits<typename Policies::index>::learn(sealed);
  const std::vector<std::byte> entries = sealed.entries().encode();
  const auto fixed = format::encode(format::footer{.index_id = Policies::index::id,
                                                   .first = sealed.start().next,
                                                   .end = sealed.end(),
                                                   .time_first = sealed.time_first(),
                                                   .time_last = sealed.time_last(),
                                                   .data_end = sealed.end_offset()});
  format::require_payload(fixed.size() + entries.size());
  auto header = format::header_of(format::frame_kind::footer, 0, fixed, entries);
  header.first = sealed.end();
  std::vector<std::byte> frame(format::frame_bytes(header.payload_bytes));
  format::write_frame(frame.data(), header, sealed.seed(), sealed.end_offset(), fixed, entries);
  return frame;
}

/// Writes and syncs the footer behind the last frame, and the segment with it.
/// @return  its offset; 0 when it could not be written: the segment is then rescanned when needed
template <class Policies>
std::uint64_t write_footer(segment<Policies>& sealed) {
  try {
    sealed.writable().write(sealed.end_offset(), encode_footer(sealed));
    index_traits<typename Policies::index>::forget_hints(sealed.entries());
    if constexpr (has_step<durability_point::seal_sync>) sealed.writable().sync();
    return sealed.end_offset();
  } catch (const error&) {
    return 0;  // the records were durable before; only derived data is missing
  }
}

}  // namespace logdb::detail
