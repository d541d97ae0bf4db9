// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What RFC 8259 leaves to others: whether the strings of a JSON text are Unicode.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <logdb/query/json.hpp>

namespace logdb::query {
namespace detail {

/// Returns the bytes of the UTF-8 sequence that a text begins with; 0: it begins with none.
constexpr std::size_t utf8_bytes(std::string_view text) {
  const auto byte = [text](std::size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return text.empty() ? 0 : 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  // the second byte excludes long forms, surrogates, and what lies beyond U+10FFFF
  const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < low || byte(1) > high) return 0;
  const std::size_t bytes = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  for (std::size_t at = 2; at < bytes; ++at) {
    if ((byte(at) & 0xC0) != 0x80) return 0;
  }
  return bytes;
}

/// Returns the bytes of the escape that a checked text begins with, of both of a surrogate pair;
/// 0: it is half of one.
constexpr std::size_t escape_bytes(std::string_view text) {
  if (text[1] != 'u') return 2;
  const unsigned unit = escaped_unit(text.substr(2));
  if (is_low_surrogate(unit)) return 0;
  if (!is_high_surrogate(unit)) return 6;
  const std::string_view other = text.substr(6);
  return other.starts_with("\\u") && is_low_surrogate(escaped_unit(other.substr(2))) ? 12 : 0;
}

/// Returns how many bytes at the beginning of a text are ASCII and no backslash; it may be some
/// fewer.
inline std::size_t plain_bytes(std::string_view text) {
  constexpr std::uint64_t ones = 0x0101010101010101;
  std::size_t at = 0;
  for (; text.size() - at >= 8; at += 8) {
    std::uint64_t bytes;
    std::memcpy(&bytes, text.data() + at, sizeof bytes);
    const std::uint64_t backslash = bytes ^ (ones * '\\');
    const std::uint64_t ends = (((backslash - ones) & ~backslash) | bytes) & (ones * 0x80);
    if (ends != 0) return at + static_cast<std::size_t>(std::countr_zero(ends)) / 8;
  }
  return at;
}

}  // namespace detail

/// Finds the first place of a checked JSON text that is not Unicode: bytes that are not UTF-8, or
/// an escape that is half of a surrogate pair.
/// @cost  O(bytes); no allocation
inline json_result check_utf8(std::string_view text) {
  std::string_view rest = text;
  const auto fault = [&](const char* expected) {
    return json_result{text.size() - rest.size(), expected};
  };
  while (!rest.empty()) {
    rest.remove_prefix(detail::plain_bytes(rest));
    if (rest.empty()) break;
    const bool escape = rest.front() == '\\';
    const std::size_t bytes = escape ? detail::escape_bytes(rest) : detail::utf8_bytes(rest);
    if (bytes == 0) return fault(escape ? "both halves of a surrogate pair" : "UTF-8");
    rest.remove_prefix(bytes);
  }
  return {};
}

}  // namespace logdb::query
