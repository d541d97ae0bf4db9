// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Reads uuids as the system writes them.

#include <array>
#include <cstddef>
#include <string_view>

namespace logdb::platform::detail {

/// Returns the value of a hexadecimal digit, or -1.
constexpr int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

/// Reads the 32 hexadecimal digits of a uuid, skipping its dashes; false when it is none.
inline bool parse_uuid(std::string_view text, std::array<std::byte, 16>& out) {
  std::size_t digits = 0;
  for (const char c : text.substr(0, 36)) {
    if (c == '-') continue;
    const int value = hex_value(c);
    if (value < 0 || digits == 32) return false;
    std::byte& cell = out[digits++ / 2];
    cell = (cell << 4) | static_cast<std::byte>(value);
  }
  return digits == 32;
}

}  // namespace logdb::platform::detail
