// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What one event has at one path, as bytes: each value there, in the order of the text, as u8
/// json_kind, u32 bytes, and the bytes; strings decoded, numbers and literals as written.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include <logdb/query/json.hpp>

namespace logdb::query::detail {

inline constexpr unsigned json_kinds = 7;

constexpr std::uint8_t kind_bit(json_kind kind) {
  return static_cast<std::uint8_t>(1u << static_cast<unsigned>(kind));
}

inline void append_value(std::string& out, json_kind kind, std::string_view text) {
  const auto bytes = static_cast<std::uint32_t>(text.size());
  out += static_cast<char>(kind);
  out.append(reinterpret_cast<const char*>(&bytes), sizeof bytes);
  out += text;
}

/// Calls `tell(json_kind, std::string_view)` for each value; returns false where the bytes end
/// within one, or are none.
template <class Tell>
bool for_each_value(std::string_view bytes, Tell&& tell) {
  while (!bytes.empty()) {
    std::uint32_t size = 0;
    if (bytes.size() < 1 + sizeof size) return false;
    const auto kind = static_cast<std::uint8_t>(bytes.front());
    std::memcpy(&size, bytes.data() + 1, sizeof size);
    bytes.remove_prefix(1 + sizeof size);
    if (kind >= json_kinds || size > bytes.size()) return false;
    tell(static_cast<json_kind>(kind), bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return true;
}

}  // namespace logdb::query::detail
