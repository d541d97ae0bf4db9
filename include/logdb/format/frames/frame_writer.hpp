// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Makes a frame of a payload: its header, both checksums, the padding.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <logdb/format/bytes.hpp>
#include <logdb/format/crc32c.hpp>
#include <logdb/format/frames/frame.hpp>
#include <logdb/types.hpp>

namespace logdb::format {

/// Throws unless one frame holds a payload of so many bytes; for callers that no limit binds.
/// @errors  errc::record_too_large
inline void require_payload(std::uint64_t bytes) { (void)narrowed<std::uint32_t>(bytes); }

/// Makes the header of a frame, all but its first lsn.
///
/// @param first, second   the payload, in one piece or two; below 4 GiB: see require_payload()
/// @threads               any
/// @cost                  the checksum of the payload
// Inlined always: an append that makes its header where it is used saves 38 of 450 instructions.
[[nodiscard, gnu::always_inline]] inline frame_header header_of(frame_kind kind,
                                                                std::uint32_t count,
                                                                bytes_view first,
                                                                bytes_view second = {}) {
  frame_header header{.payload_crc = crc32c(first), .count = count, .kind = kind};
  if (!second.empty()) header.payload_crc = crc32c(second, header.payload_crc);
  header.payload_bytes = static_cast<std::uint32_t>(first.size() + second.size());
  return header;
}

/// Writes a whole frame.
///
/// @param out             frame_bytes() of the payload; whatever is there is overwritten
/// @param header          what header_of() made of the same pieces, with its first lsn
/// @param offset          where the frame will stand, bytes from the segment's start
/// @threads               any
/// @cost                  a copy of the payload
inline void write_frame(std::byte* out, const frame_header& header, frame_seed seed,
                        std::uint64_t offset, bytes_view first, bytes_view second = {}) {
  const std::uint64_t bytes = frame_bytes(header.payload_bytes);
  // The last word first: what the payload does not cover of it is padding.
  if (bytes > frame_header_bytes) std::memset(out + bytes - 8, 0, 8);
  encode_header(out, header, seed, offset);
  out += frame_header_bytes;
  if (!first.empty()) std::memcpy(out, first.data(), first.size());
  if (!second.empty()) std::memcpy(out + first.size(), second.data(), second.size());
}

/// What stands around the payload of a frame that is written piece by piece: the header before it,
/// the padding behind it.
class frame_rim {
 public:
  /// @param header  with its first lsn
  frame_rim(const frame_header& header, frame_seed seed, std::uint64_t offset)
      : padding_{static_cast<std::size_t>(frame_bytes(header.payload_bytes) - frame_header_bytes -
                                          header.payload_bytes)} {
    encode_header(head_.data(), header, seed, offset);
  }

  [[nodiscard]] bytes_view head() const { return head_; }
  [[nodiscard]] bytes_view padding() const { return bytes_view{zeros}.first(padding_); }

 private:
  static constexpr std::array<std::byte, frame_alignment> zeros{};

  std::array<std::byte, frame_header_bytes> head_;
  std::size_t padding_;  // 0 .. 7
};

}  // namespace logdb::format
