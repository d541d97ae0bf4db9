// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The summary beside a segment: a file that is derived from it. It is believed only if it says
/// that it is of that segment, as that ended, and its checksums hold; else the segment is read.

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <logdb/error.hpp>
#include <logdb/format/files/names.hpp>
#include <logdb/format/files/segment_header.hpp>
#include <logdb/index/summaries/summary_slot.hpp>
#include <logdb/journal/segments/segment.hpp>
#include <logdb/policy/storage_traits.hpp>
#include <logdb/query/summary/bytes/reader.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

/// Tells whether segments of a storage may have summaries beside them.
template <class Policies>
inline constexpr bool keeps_summaries = storage_traits<typename Policies::storage>::keeps_derived;

/// Tells whether a segment is one that has a summary: sealed, and its frames stand in its file.
template <class Policies>
bool is_summarisable(const basic_segment<Policies>& of) {
  return keeps_summaries<Policies> && of.role() == format::segment_role::log && of.settled() &&
         of.end_offset() != 0 && of.end() > of.base() && of.is_plain();
}

/// Copies of a store that went on apart may have a segment of one salt and length: its last time
/// tells which it is.
/// @param options  query::options_hash()
template <class Policies>
query::summary_identity summary_identity_of(const basic_segment<Policies>& of,
                                            std::uint64_t options) {
  return {.store = of.store(),
          .segment = to_integer(of.number()),
          .salt = of.salt() ^ static_cast<std::uint64_t>(of.time_last().time_since_epoch().count()),
          .end_offset = of.end_offset(),
          .options = options};
}

/// Tells whether the blocks of a summary are the segment, one after the other.
template <class Policies>
bool is_whole(const query::summary_view& summary, const basic_segment<Policies>& of) {
  lsn next = of.base();
  std::uint64_t offset = format::segment_header_bytes;
  for (std::size_t i = 0; i < summary.blocks(); ++i) {
    const query::summary_block block = summary.block(i);
    const bool fits = block.first == next && block.records != 0 && block.offset >= offset &&
                      block.offset < of.end_offset() &&
                      block.offset % format::frame_alignment == 0 &&
                      block.skip <= block.first - of.base();
    if (!fits) return false;
    next += block.records;
    offset = block.offset;
  }
  return next == of.end();
}

/// Opens what stands beside a segment; null: nothing that is of use.
/// @errors  errc::io, …: whatever opening a file throws
template <class Policies>
std::unique_ptr<open_summary> open_summary_file(const basic_segment<Policies>& of,
                                                std::uint64_t options) {
  using mapping = typename Policies::storage::mapping;
  const auto file = of.volume()->open(format::summary_name(of.number()), open_mode::read_only);
  const std::uint64_t bytes = file.size();
  if (bytes == 0) return nullptr;
  mapping mapped = file.map(0, bytes, open_mode::read_only);
  const auto view = query::summary_view::open(mapped.bytes(), summary_identity_of(of, options));
  if (!view || !is_whole(*view, of)) return nullptr;
  return std::make_unique<mapped_summary<mapping>>(*view, std::move(mapped));
}

/// Returns the summary of a segment, opened at the first call that finds one; null: it has none
/// that is of use.
/// @threads  any
/// @cost     opening maps it, and reads its list of blocks
template <class Policies>
const open_summary* summary_of(basic_segment<Policies>& of, std::uint64_t options) {
  if (!is_summarisable(of)) return nullptr;
  summary_slot& slot = of.entries().summary();
  if (const auto* const known = slot.current()) return known;
  if (slot.known() == summary_slot::state::wanted) return nullptr;  // until it is made anew
  try {
    if (auto made = open_summary_file(of, options)) return slot.show(std::move(made));
    slot.note(summary_slot::state::wanted);
  } catch (const std::exception&) {
    // There is none yet, or none that can be read: the segment can.
  }
  return nullptr;
}

/// Puts a summary beside a segment, in the place of one that is there. It is never synced: what a
/// power cut leaves of it fails its checksums.
/// @errors   errc::no_space, errc::io; what was there still is
/// @threads  one at a time, of all processes
template <class Policies>
void write_summary(const basic_segment<Policies>& of, bytes_view bytes) {
  auto& volume = *of.volume();
  const std::string draft{format::summary_draft_name};
  volume.remove(draft);
  try {
    volume.create(draft).write(0, bytes);
    volume.rename(draft, format::summary_name(of.number()));
  } catch (...) {
    try {
      volume.remove(draft);
    } catch (const error&) {
      // The next one removes it.
    }
    throw;
  }
}

}  // namespace logdb::detail
