// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What the tests of the format share: bytes from text, flipped bits, frames put into a segment.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ostream>
#include <random>
#include <string_view>
#include <vector>

#include <logdb/format/files/segment_header.hpp>
#include <logdb/format/frames/frame.hpp>

namespace logdb::format {

// So that Boost.Test can print what it compares.
inline std::ostream& operator<<(std::ostream& out, frame_fault fault) {
  return out << "frame_fault " << static_cast<int>(fault);
}
inline std::ostream& operator<<(std::ostream& out, format_fault fault) {
  return out << "format_fault " << static_cast<int>(fault);
}
inline std::ostream& operator<<(std::ostream& out, frame_kind kind) {
  return out << "frame_kind " << static_cast<int>(kind);
}

}  // namespace logdb::format

namespace logdb::test {

using bytes = std::vector<std::byte>;

inline bytes to_vector(bytes_view view) { return {view.begin(), view.end()}; }
inline bytes to_vector(std::string_view text) { return to_vector(as_bytes(text)); }

inline void append(bytes& to, bytes_view what) { to.insert(to.end(), what.begin(), what.end()); }

inline void flip_bit(bytes& in, std::size_t bit) {
  in[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
}

inline bytes random_bytes(std::size_t count, std::mt19937_64& random) {
  bytes out(count);
  for (auto& byte : out) byte = static_cast<std::byte>(random());
  return out;
}

/// Appends a whole frame to a segment and returns its offset.
inline std::uint64_t append_frame(bytes& segment, format::frame_kind kind, lsn first,
                                  std::uint32_t count, bytes_view payload,
                                  format::frame_seed seed) {
  const std::uint64_t offset = segment.size();
  segment.resize(offset + format::frame_bytes(payload.size()));
  if (!payload.empty()) {
    std::memcpy(segment.data() + offset + format::frame_header_bytes, payload.data(),
                payload.size());
  }
  format::encode_header(segment.data() + offset,
                        {.payload_crc = format::crc32c(payload),
                         .payload_bytes = static_cast<std::uint32_t>(payload.size()),
                         .first = first,
                         .count = count,
                         .kind = kind},
                        seed, offset);
  return offset;
}

inline std::uint64_t append_record(bytes& segment, lsn at, std::string_view text,
                                   format::frame_seed seed) {
  return append_frame(segment, format::frame_kind::record, at, 1, as_bytes(text), seed);
}

}  // namespace logdb::test
