// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Makes checksums right again, so that a change gets past them.

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <logdb/logdb.hpp>

namespace logdb::fuzz {

using file_bytes = std::vector<std::byte>;
using file_map = std::map<std::string, file_bytes>;

/// Is a place of a frame: its offset and bytes.
struct frame_place {
  std::size_t offset = 0;
  std::size_t bytes = 0;
};

/// Returns the frame at a place by its length alone, whatever its checksums; of no bytes when it
/// cannot be one.
inline frame_place frame_at(bytes_view bytes, std::size_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < format::frame_header_bytes) return {};
  const auto header = format::load_header(bytes.data() + offset);
  const std::uint64_t size = format::frame_bytes(header.payload_bytes);
  const bool is_one = header.kind != format::frame_kind{} && size <= bytes.size() - offset;
  return is_one ? frame_place{offset, size} : frame_place{offset, 0};
}

/// Returns the frames from a place on, one behind the other.
inline std::vector<frame_place> frames_from(bytes_view bytes, std::size_t offset) {
  std::vector<frame_place> found;
  for (;;) {
    const frame_place next = frame_at(bytes, offset);
    if (next.bytes == 0) return found;
    found.push_back(next);
    offset += next.bytes;
  }
}

/// Repairs a frame for the offset at which its segment will have it.
inline void repair_frame(std::byte* at, std::size_t bytes, format::frame_seed seed,
                         std::uint64_t offset) {
  auto header = format::load_header(at);
  const std::size_t used = format::frame_header_bytes + header.payload_bytes;
  std::memset(at + used, 0, bytes - used);
  header.payload_crc = format::crc32c({at + format::frame_header_bytes, header.payload_bytes});
  format::encode_header(at, header, seed, offset);
}

inline std::uint64_t salt_of(bytes_view segment) {
  return segment.size() < format::segment_header_bytes
             ? 0
             : format::load<std::uint64_t>(segment.data() + 40);
}

inline void repair_segment_header(file_bytes& segment) {
  if (segment.size() < 128) return;
  format::store(segment.data() + 124, format::crc32c(bytes_view{segment}.first(124)));
}

inline void repair_frames(file_bytes& segment) {
  const auto seed = format::make_seed(salt_of(segment));
  for (const frame_place& frame : frames_from(segment, format::segment_header_bytes)) {
    repair_frame(segment.data() + frame.offset, frame.bytes, seed, frame.offset);
  }
}

inline void repair_manifest(file_bytes& manifest) {
  if (manifest.size() < 108) return;
  format::store(manifest.data() + 16, std::uint64_t{manifest.size()});
  const bytes_view covered = bytes_view{manifest}.first(manifest.size() - 4);
  format::store(manifest.data() + covered.size(), format::crc32c(covered));
}

/// Repairs the staged frames of the first stretch, which begins where the ring does.
inline void repair_control(file_bytes& control) {
  if (control.size() <= logdb::detail::control_header_bytes) return;
  const auto salt = format::load<std::uint64_t>(control.data() + 200);
  const auto base = format::load<std::uint64_t>(control.data() + 208);
  const auto begin = format::load<std::uint64_t>(control.data() + 216);
  for (const frame_place& frame : frames_from(control, logdb::detail::control_header_bytes)) {
    const std::uint64_t position = begin + frame.offset - logdb::detail::control_header_bytes;
    repair_frame(control.data() + frame.offset, frame.bytes, format::make_seed(salt),
                 position - base);
  }
}

/// Says what is repaired.
enum repair_bits : unsigned {
  repair_manifests = 1,
  repair_headers = 2,
  repair_all_frames = 4,
  repair_controls = 8,
};

inline void repair(file_map& files, unsigned what) {
  for (auto& [name, bytes] : files) {
    const bool segment = format::parse_segment_name(name).has_value();
    if (segment && (what & repair_headers) != 0) repair_segment_header(bytes);
    if (segment && (what & repair_all_frames) != 0) repair_frames(bytes);
    if (name == format::manifest_name && (what & repair_manifests) != 0) repair_manifest(bytes);
    if (name == format::control_name && (what & repair_controls) != 0) repair_control(bytes);
  }
}

}  // namespace logdb::fuzz
