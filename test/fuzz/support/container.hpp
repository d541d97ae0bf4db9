// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The container in which an input carries the files of a directory.
///
/// For each file: u8 name, u24 size, then runs up to that size: u16 zeros, u16 n, n bytes. A run of
/// nothing ends a file early: the rest is zeros. Integers are little-endian.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <logdb/format/bytes.hpp>
#include <logdb/format/files/names.hpp>

#include "disk.hpp"
#include "input.hpp"

namespace logdb::fuzz {

inline constexpr std::size_t file_bytes_max = 128u << 10;
inline constexpr std::size_t files_max = 12;

/// Names files by one byte: 1 .. 200 are segments.
inline std::string name_of(std::uint8_t code) {
  switch (code) {
    case 0: return std::string{format::manifest_name};
    case 201: return std::string{format::control_name};
    case 202: return std::string{format::manifest_draft_name};
    case 203: return "control.tmp";
    case 204: return std::string{format::lock_name};
    case 205: return "foreign";
    case 206: return "ffffffffffffffff.seg";
    default: return format::segment_name(segment_number{code});
  }
}

inline std::optional<std::uint8_t> code_of(std::string_view name) {
  for (unsigned code = 0; code <= 206; ++code) {
    if (name_of(static_cast<std::uint8_t>(code)) == name) return static_cast<std::uint8_t>(code);
  }
  return std::nullopt;
}

/// Takes the content of one file.
inline std::vector<std::byte> take_content(input& in) {
  std::size_t size = in.take<std::uint16_t>();
  size |= std::size_t{in.take<std::uint8_t>()} << 16;
  std::vector<std::byte> content(std::min(size, file_bytes_max));
  for (std::size_t at = 0; at < content.size();) {
    const std::size_t zeros = in.take<std::uint16_t>();
    const std::size_t count = in.take<std::uint16_t>();
    if (zeros == 0 && count == 0) break;
    at = std::min(at + zeros, content.size());
    const bytes_view bytes = in.take_bytes(std::min(count, content.size() - at));
    std::ranges::copy(bytes, content.begin() + static_cast<std::ptrdiff_t>(at));
    at += bytes.size();
  }
  return content;
}

/// Takes all files that an input carries.
inline file_set_ptr unpack(input& in) {
  auto files = std::make_shared<file_set>();
  for (std::size_t n = 0; n < files_max && !in.empty(); ++n) {
    const std::string name = name_of(in.take<std::uint8_t>());
    files->put(name, take_content(in));
  }
  return files;
}

namespace detail {

template <std::unsigned_integral T>
void put(std::vector<std::uint8_t>& out, T value) {
  for (std::size_t n = 0; n < sizeof value; ++n) {
    out.push_back(static_cast<std::uint8_t>(value >> (8 * n)));
  }
}

/// Returns the end of the literal bytes from a place on: where many zeros begin.
inline std::size_t literal_end(bytes_view content, std::size_t from) {
  std::size_t zeros = 0;
  std::size_t at = from;
  for (; at < content.size() && at - from < 0xffff && zeros < 16; ++at) {
    zeros = content[at] == std::byte{} ? zeros + 1 : 0;
  }
  return at - zeros;
}

inline void put_runs(std::vector<std::uint8_t>& out, bytes_view content) {
  for (std::size_t at = 0; at < content.size();) {
    std::uint16_t zeros = 0;
    for (; at < content.size() && zeros < 0xffff && content[at] == std::byte{}; ++at) ++zeros;
    const std::size_t end = literal_end(content, at);
    if (end == at && at == content.size()) return put(out, std::uint32_t{0});
    put(out, zeros);
    put(out, static_cast<std::uint16_t>(end - at));
    for (; at < end; ++at) out.push_back(static_cast<std::uint8_t>(content[at]));
  }
}

}  // namespace detail

/// Writes files as an input carries them; those without a code are left out.
inline std::vector<std::uint8_t> pack(const file_set& files) {
  std::vector<std::uint8_t> out;
  for (const auto& [name, content] : files.contents()) {
    const auto code = code_of(name);
    if (!code) continue;
    detail::put(out, *code);
    detail::put(out, static_cast<std::uint16_t>(content.size()));
    detail::put(out, static_cast<std::uint8_t>(content.size() >> 16));
    detail::put_runs(out, content);
  }
  return out;
}

}  // namespace logdb::fuzz
