// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A string or a name of JSON as it was written, and what it says: escapes are decoded when asked.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace logdb::query {
namespace detail {

/// Returns the value of a hexadecimal digit, or 16.
constexpr unsigned hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return static_cast<unsigned>(digit - '0');
  const char lower = static_cast<char>(digit | 0x20);
  return lower >= 'a' && lower <= 'f' ? static_cast<unsigned>(lower - 'a' + 10) : 16;
}

/// Returns the UTF-16 unit of the four digits after `\u`.
constexpr unsigned escaped_unit(std::string_view digits) {
  unsigned unit = 0;
  for (const char digit : digits.substr(0, 4)) unit = unit << 4 | hex_value(digit);
  return unit;
}

constexpr bool is_high_surrogate(unsigned unit) { return unit >= 0xD800 && unit < 0xDC00; }
constexpr bool is_low_surrogate(unsigned unit) { return unit >= 0xDC00 && unit < 0xE000; }

/// Returns what stands for `\` and this character.
constexpr char unescaped(char escape) {
  switch (escape) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return escape;  // one of " \ /
  }
}

}  // namespace detail

/// The pieces of a checked JSON string, decoded one after the other: stretches without an escape,
/// and what each escape says. A lone surrogate becomes three bytes, as in WTF-8.
class json_pieces {
 public:
  explicit json_pieces(std::string_view written) : rest_{written} {}

  /// Returns the next piece, valid until the next call; empty: that was all.
  std::string_view next() {
    if (rest_.empty()) return {};
    if (rest_.front() == '\\') return next_escape();
    const std::size_t bytes = std::min(rest_.find('\\'), rest_.size());
    const std::string_view piece = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return piece;
  }

 private:
  std::string_view next_escape() {
    const char escape = rest_[1];
    rest_.remove_prefix(2);
    if (escape == 'u') return encode(next_code_point());
    decoded_[0] = detail::unescaped(escape);
    return {decoded_.data(), 1};
  }

  std::uint32_t next_code_point() {
    const unsigned high = detail::escaped_unit(rest_);
    rest_.remove_prefix(4);
    if (!detail::is_high_surrogate(high) || !rest_.starts_with("\\u")) return high;
    const unsigned low = detail::escaped_unit(rest_.substr(2));
    if (!detail::is_low_surrogate(low)) return high;
    rest_.remove_prefix(6);
    return 0x10000 + ((high - 0xD800) << 10 | (low - 0xDC00));
  }

  std::string_view encode(std::uint32_t point) {
    std::size_t bytes = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (std::size_t at = bytes; at-- > 1; point >>= 6) {
      decoded_[at] = static_cast<char>(0x80 | (point & 0x3F));
    }
    constexpr unsigned marks[] = {0, 0, 0xC0, 0xE0, 0xF0};
    decoded_[0] = static_cast<char>(marks[bytes] | point);
    return {decoded_.data(), bytes};
  }

  std::string_view rest_;  // begins with a whole escape or without one: it was checked
  std::array<char, 4> decoded_{};
};

/// A string or a name of JSON that was checked: what stands between its quotes, as written.
struct json_text {
  std::string_view bytes{};
  bool escaped = false;  ///< whether there is a backslash in it; if not, `bytes` is what it says

  /// Returns whether it says exactly `text`, without a copy.
  /// @cost  O(bytes); no allocation
  [[nodiscard]] bool equals(std::string_view text) const {
    if (!escaped) return bytes == text;
    if (text.size() > bytes.size()) return false;  // no escape is shorter than what it says
    json_pieces pieces{bytes};
    for (auto piece = pieces.next(); !piece.empty(); piece = pieces.next()) {
      if (!text.starts_with(piece)) return false;
      text.remove_prefix(piece.size());
    }
    return text.empty();
  }

  /// Adds what it says to `out`.
  void append_to(std::string& out) const {
    if (!escaped) {
      out += bytes;
      return;
    }
    json_pieces pieces{bytes};
    for (auto piece = pieces.next(); !piece.empty(); piece = pieces.next()) out += piece;
  }

  /// Returns what it says: its own bytes, or `room` with the escapes decoded.
  /// @cost  O(bytes); allocates at most what `room` lacks, and nothing without an escape
  [[nodiscard]] std::string_view decoded(std::string& room) const {
    if (!escaped) return bytes;
    room.clear();
    append_to(room);
    return room;
  }
};

/// Adds a text to `out` as it stands between the quotes of a string of JSON, or of a query.
inline void append_escaped(std::string_view text, std::string& out) {
  constexpr const char* digits = "0123456789abcdef";
  for (const char byte : text) {
    if (static_cast<unsigned char>(byte) < 0x20) {
      ((out += "\\u00") += digits[byte / 16]) += digits[byte % 16];
    } else {
      if (byte == '"' || byte == '\\') out += '\\';
      out += byte;
    }
  }
}

}  // namespace logdb::query
