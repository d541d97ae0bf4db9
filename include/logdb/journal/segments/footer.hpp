// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Writes the footer of a sealed segment: derived data, so that opening needs no scan.

#include <span>
#include <vector>

#include <logdb/durability_point.hpp>
#include <logdb/format/frames/frame_writer.hpp>
#include <logdb/journal/inspect/sealed_segment.hpp>
#include <logdb/journal/segments/segment.hpp>
#include <logdb/policy/index.hpp>

namespace logdb::detail {

/// Whether the index of a log reads a whole segment once that is sealed.
template <class Policies>
consteval bool learns() {
  using index = typename Policies::index;
  return index_traits<index>::template learns<typename index::segment_index, sealed_segment>();
}

/// Has the index learn a sealed segment, unless it has; waits for whoever has begun to.
/// @errors  as segment::bytes(), and those of the index: it can be tried again
template <class Policies>
void learn(basic_segment<Policies>& sealed) {
  if constexpr (learns<Policies>()) {
    sealed.learning().once([&sealed] {
      sealed.entries().learn(sealed_segment{sealed.bytes().first(sealed.end_offset()),
                                            sealed.seed(), sealed.start(), sealed.store()});
    });
  }
}

/// Returns what an index keeps in a footer: the bytes of encode(), and with others as sections.
/// @param count  becomes how many sections they are; 0: of none
template <class Index>
std::vector<std::byte> index_bytes(const typename Index::segment_index& entries,
                                   std::uint32_t& count) {
  std::vector<std::byte> own = entries.encode();
  const std::vector<index_section> more = index_traits<Index>::sections(entries);
  if (more.empty()) return own;
  std::vector<format::footer_section> all{{.id = 0, .bytes = own}};
  for (const index_section& each : more) all.push_back({each.id, each.bytes});
  count = static_cast<std::uint32_t>(all.size());
  return format::encode(std::span<const format::footer_section>{all});
}

/// Frames what the index knows of a sealed segment.
template <class Policies>
std::vector<std::byte> encode_footer(basic_segment<Policies>& sealed) {
  learn(sealed);
  std::uint32_t sections = 0;
  const std::vector<std::byte> entries =
      index_bytes<typename Policies::index>(sealed.entries(), sections);
  const auto fixed = format::encode(format::footer{.index_id = Policies::index::id,
                                                   .sections = sections,
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
std::uint64_t write_footer(basic_segment<Policies>& sealed) {
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
