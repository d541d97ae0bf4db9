// SPDX-License-Identifier: BSL-1.0
/// @file
/// Hostile bytes as the frames of a segment: read_header, read_frame, find_frame, and the payloads
/// of every kind.

#include <vector>

#include <logdb/format/frames/batch.hpp>
#include <logdb/format/frames/frame.hpp>
#include <logdb/format/frames/payloads.hpp>

#include "support/input.hpp"
#include "support/repair.hpp"
#include "support/require.hpp"

namespace {

using logdb::bytes_view;
using logdb::fuzz::require;
namespace format = logdb::format;

/// Checks that the records of a batch are exactly its payload.
void check_batch(format::frame_kind kind, std::uint32_t count, bytes_view payload) {
  const auto batch = format::batch_view::open(kind, count, payload);
  if (!batch) return;
  require(batch->size() == count, "a batch has as many records as its header says");
  const std::byte* next = payload.data() + format::batch_length_bytes(kind) * count;
  std::uint32_t records = 0;
  for (const bytes_view record : *batch) {
    require(record.data() == next, "the records of a batch lie back to back");
    next += record.size();
    ++records;
  }
  require(records == count && next == payload.data() + payload.size(),
          "the records of a batch end with its payload");
}

/// Checks that what a payload is read as is what it would be written as.
void check_payload(bytes_view payload) {
  const auto same = [payload](bytes_view written) {
    return std::ranges::equal(written, payload.first(std::min(written.size(), payload.size())));
  };
  if (const auto mark = format::decode_mark(payload)) require(same(format::encode(*mark)), "mark");
  if (const auto attach = format::decode_attach(payload)) {
    require(same(format::encode(*attach)), "attach");
  }
  if (const auto cursor = format::decode_cursor(payload)) {
    require(!cursor->name.empty(), "a cursor has a name");
    require(same(format::encode(*cursor).bytes()), "cursor");
  }
  if (const auto footer = format::decode_footer(payload)) {
    require(footer->first <= footer->end, "a footer's range is in order");
    require(same(format::encode(*footer)), "footer");
  }
}

void check_frame(bytes_view segment, std::uint64_t offset, format::frame_seed seed) {
  format::frame_view frame;
  if (format::read_header(segment, offset, seed, frame) != format::frame_fault::none) return;
  require(offset % format::frame_alignment == 0, "a frame is aligned");
  require(frame.bytes <= segment.size() - offset, "a frame lies in its segment");
  require(frame.payload.data() == segment.data() + offset + format::frame_header_bytes &&
              frame.payload.size() == frame.header.payload_bytes,
          "a payload follows its header");
  std::array<std::byte, format::frame_header_bytes> written;
  format::encode_header(written.data(), frame.header, seed, offset);
  require(std::ranges::equal(written, segment.subspan(offset, written.size())),
          "a header that reads is what would be written");
  if (format::read_frame(segment, offset, seed, frame) != format::frame_fault::none) return;
  require(format::crc32c(frame.payload) == frame.header.payload_crc, "a payload's checksum holds");
  check_batch(frame.header.kind, frame.header.count, frame.payload);
  check_payload(frame.payload);
}

/// Finds frame after frame, as reading behind damage does.
void check_search(bytes_view segment, format::frame_seed seed) {
  format::search_work searched;
  std::uint64_t from = 0;
  format::frame_view frame;
  while (const auto found = format::find_frame(segment, from, seed, searched)) {
    require(*found >= from, "a search goes forwards");
    require(format::read_frame(segment, *found, seed, frame) == format::frame_fault::none,
            "what a search finds is a whole frame");
    from = *found + format::frame_alignment;
  }
  require(searched.bytes <= 2 * segment.size() + 64, "a search is linear");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  logdb::fuzz::input in{data, bytes};
  const auto flags = in.take<std::uint8_t>();
  const auto seed = format::make_seed(in.take<std::uint8_t>());
  const bytes_view rest = in.rest();
  std::vector<std::byte> segment(rest.begin(), rest.end());
  if ((flags & 1) != 0) {
    for (const auto& frame : logdb::fuzz::frames_from(segment, 0)) {
      logdb::fuzz::repair_frame(segment.data() + frame.offset, frame.bytes, seed, frame.offset);
    }
  }
  for (std::uint64_t at = 0; at <= segment.size() + 8; at += (flags & 2) != 0 ? 1 : 8) {
    check_frame(segment, at, seed);
  }
  check_search(segment, seed);
  check_batch(format::frame_kind::batch, flags, segment);
  check_batch(format::frame_kind::wide_batch, flags, segment);
  check_payload(segment);
  return 0;
}
