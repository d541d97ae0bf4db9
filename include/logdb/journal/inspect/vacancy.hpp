// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Tells a place for a new store from a store whose manifest is gone, and a file that holds nothing
/// from one that may hold records.

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <logdb/error.hpp>
#include <logdb/format/files/names.hpp>
#include <logdb/format/files/segment_header.hpp>
#include <logdb/format/frames/frame.hpp>
#include <logdb/journal/inspect/scan.hpp>
#include <logdb/light.hpp>
#include <logdb/policy/storage.hpp>

namespace logdb::detail {

/// The name of a new control file until it is whole.
inline constexpr std::string_view control_draft_name = "control.tmp";

/// Tells whether a name is one that a half-made store may hold, or a fresh file system.
inline bool is_own_name(std::string_view name) {
  constexpr std::array own{format::manifest_draft_name, format::control_name, format::lock_name,
                           control_draft_name, std::string_view{"lost+found"}};
  return light::find(own, name) != own.end() || format::parse_segment_name(name);
}

/// Returns what a segment's file says of itself; nothing when its header is not intact.
/// @errors  errc::not_a_log for what is no regular file, errc::io
template <class Storage>
std::optional<format::segment_header> read_segment_header(const Storage& volume,
                                                          const std::string& name) {
  const auto file = volume.open(name, open_mode::read_only);
  std::array<std::byte, format::segment_header_bytes> bytes{};
  if (file.size() < bytes.size()) return std::nullopt;
  file.read(0, bytes);
  format::segment_header header;
  if (format::decode(bytes, header) != format::format_fault::none) return std::nullopt;
  const bool named_so = format::segment_name(header.number) == name;
  return named_so ? std::optional{header} : std::nullopt;
}

/// Tells whether no byte stands where a segment's frames would.
/// @errors  errc::not_a_log, errc::io
template <class Storage>
bool has_no_frames(const Storage& volume, const std::string& name) {
  const auto file = volume.open(name, open_mode::read_only);
  const std::uint64_t bytes = file.size();
  std::vector<std::byte> piece(64u << 10);
  for (std::uint64_t at = format::segment_header_bytes; at < bytes; at += piece.size()) {
    piece.resize(std::min<std::uint64_t>(piece.size(), bytes - at));
    file.read(at, piece);
    if (!is_zero(piece)) return false;
  }
  return true;
}

/// Tells whether a segment is what a crash while making a store leaves: one whose header had not
/// been written, or the first one of a log without a frame. What else stands there after a power
/// cut may be anything.
/// @errors  errc::not_a_log, errc::io
template <class Storage>
bool is_half_made(const Storage& volume, const std::string& name) {
  const auto header = read_segment_header(volume, name);
  if (!header) return true;
  if (header->base != lsn{1} || header->predecessor != segment_number{}) return false;
  const auto file = volume.open(name, open_mode::read_only);
  const auto mapping = file.map(0, file.size(), open_mode::read_only);
  return !format::find_frame(mapping.bytes(), format::segment_header_bytes,
                             format::make_seed(header->salt));
}

/// Throws if there are segments that a store without its manifest has left.
/// @errors  errc::corrupt
template <class Storage>
void require_no_segments(const Storage& volume) {
  for (const std::string& name : volume.names()) {
    if (!format::parse_segment_name(name) || is_half_made(volume, name)) continue;
    throw error{errc::corrupt,
                "the manifest is missing, and there are segments, such as \"" + name + "\"",
                {.path = volume.path() / format::manifest_name}};
  }
}

/// Throws unless the place is empty or holds only what a crash while making a store leaves.
/// @errors  errc::not_a_log; errc::corrupt: it is a store, and its manifest is gone
template <class Storage>
void require_vacant(const Storage& volume) {
  for (const std::string& name : volume.names()) {
    if (is_own_name(name)) continue;
    throw error{errc::not_a_log,
                "the directory holds other files, such as \"" + name + "\"",
                {.path = volume.path()}};
  }
  require_no_segments(volume);
}

}  // namespace logdb::detail
