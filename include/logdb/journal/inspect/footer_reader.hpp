// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Gives an index what the footer of a segment has of it.

#include <cstdint>

#include <logdb/format/frames/frame.hpp>
#include <logdb/format/frames/payloads.hpp>
#include <logdb/policy/index.hpp>

namespace logdb::detail {

/// Gives an index its sections of a footer, but for those that it does not read; false: they are
/// damaged.
template <class Index>
bool read_sections(const format::footer& read, typename Index::segment_index& out) {
  const auto sections = format::sections_of(read);
  if (!sections) return false;
  bytes_view own{};
  for (const format::footer_section& each : *sections) {
    if (each.id == 0) {
      own = each.bytes;
    } else if (!index_traits<Index>::decode_section(out, each.id, each.bytes)) {
      return false;
    }
  }
  return out.decode(own);
}

/// Decodes the footer at an offset into what an index keeps for the segment; false: there is none,
/// it is damaged, or another index made it.
/// @param bytes   of the file, from its start
/// @param offset  0: there is no footer
template <class Index>
bool read_footer(bytes_view bytes, std::uint64_t offset, format::frame_seed seed,
                 typename Index::segment_index& out) {
  format::frame_view frame;
  if (offset == 0 || format::read_frame(bytes, offset, seed, frame) != format::frame_fault::none) {
    return false;
  }
  const auto footer = format::decode_footer(frame.payload);
  return footer && footer->index_id == Index::id && read_sections<Index>(*footer, out);
}

}  // namespace logdb::detail
