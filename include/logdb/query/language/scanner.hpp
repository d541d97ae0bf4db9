// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The words, strings and signs of a query's text, and the error that shows where it went wrong.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <logdb/error.hpp>
#include <logdb/query/json_text.hpp>

namespace logdb::query {
namespace detail {

constexpr bool is_space(char byte) {
  return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/// Returns whether a byte stands in a word as itself.
constexpr bool is_word_byte(char byte) {
  return !is_space(byte) &&
         std::string_view{"()[]{}\"':=<>!|,"}.find(byte) == std::string_view::npos;
}

constexpr bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

/// Returns how many characters of UTF-8 a text has.
inline std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return !is_continuation(byte); }));
}

/// Returns the text around a place, the caret below that, and what was expected there.
inline std::string show_place(std::string_view text, std::size_t byte, std::string_view expected) {
  constexpr std::size_t around = 40;
  std::size_t from = byte > around ? byte - around : 0;
  while (from > 0 && is_continuation(text[from])) --from;
  std::size_t to = std::min(text.size(), byte + around);
  while (to < text.size() && is_continuation(text[to])) ++to;
  std::string line{from == 0 ? "" : "…"};
  line += text.substr(from, to - from);
  const std::size_t caret = characters(line.substr(0, line.size() - (to - byte)));
  for (char& shown : line) {
    if (static_cast<unsigned char>(shown) < 0x20 || shown == 0x7F) shown = ' ';
  }
  return line + (to < text.size() ? "…\n" : "\n") + std::string(caret, ' ') + "^ column " +
         std::to_string(characters(text.substr(0, byte)) + 1) + ": expected " +
         std::string{expected};
}

/// Throws the error of a query's text at a byte of it.
[[noreturn]] inline void refuse(std::string_view text, std::size_t byte,
                                std::string_view expected) {
  throw error{errc::bad_query, show_place(text, byte, expected), {.offset = byte}};
}

/// Returns whether two texts are the same but for the case of ASCII letters.
inline bool same_folded(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a | 0x20) : a) == b;
  });
}

/// A word or a string of a query.
struct lexeme {
  std::size_t begin = 0;  ///< where it begins in the query
  bool quoted = false;
  bool escaped = false;  ///< a word with a backslash in it: no keyword
  std::string text{};    ///< what it says
  std::vector<std::uint32_t>
      wild{};  ///< of a word: which bytes are `*` or `?` that are not escaped
  std::vector<std::uint32_t> dots{};  ///< of a word: which bytes are dots that are not escaped

  [[nodiscard]] bool is(std::string_view keyword) const {
    return !quoted && !escaped && same_folded(text, keyword);
  }
  [[nodiscard]] bool is_operator() const { return is("and") || is("or") || is("not"); }
};

}  // namespace detail

/// A query's text, read from the front.
class scanner {
 public:
  explicit scanner(std::string_view text) : text_{text} {}

  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] bool done() const { return at_ == text_.size(); }
  [[nodiscard]] char peek() const { return done() ? '\0' : text_[at_]; }
  [[nodiscard]] bool is_next(std::string_view sign) const {
    return text_.substr(at_).starts_with(sign);
  }

  [[noreturn]] void fail(std::size_t byte, std::string_view expected) const {
    detail::refuse(text_, byte, expected);
  }
  [[noreturn]] void fail(std::string_view expected) const { fail(at_, expected); }

  void skip_space() {
    while (!done() && detail::is_space(peek())) ++at_;
  }

  /// Reads a sign where it is next.
  bool take(std::string_view sign) {
    if (!is_next(sign)) return false;
    at_ += sign.size();
    return true;
  }

  void require(std::string_view sign, std::string_view expected) {
    skip_space();
    if (!take(sign)) fail(expected);
  }

  /// Goes on to a place further on.
  void go_to(std::size_t byte) { at_ = byte; }

  [[nodiscard]] bool at_string() const { return peek() == '"' || peek() == '\''; }
  [[nodiscard]] bool at_word() const { return !done() && detail::is_word_byte(peek()); }

  /// Returns whether a keyword is next as a whole word.
  [[nodiscard]] bool at_keyword(std::string_view lower) const {
    const std::string_view rest = text_.substr(at_);
    return rest.size() >= lower.size() &&
           detail::same_folded(rest.substr(0, lower.size()), lower) &&
           (rest.size() == lower.size() || !detail::is_word_byte(rest[lower.size()]));
  }

  /// Reads the name of what has its values in parentheses, and the opening one, if both are next.
  bool take_call(std::string_view lower) {
    if (!at_keyword(lower) || !text_.substr(at_ + lower.size()).starts_with('(')) return false;
    at_ += lower.size() + 1;
    return true;
  }

  /// Reads a word or a string. As a literal a word may be a time, whose colons belong to it.
  detail::lexeme read(bool literal, std::string_view expected) {
    skip_space();
    if (peek() == '"') return read_json_string();
    if (peek() == '\'') return read_raw_string();
    if (!at_word()) fail(expected);
    return literal ? read_literal_word() : read_word();
  }

  detail::lexeme read_word() {
    detail::lexeme word{.begin = at_};
    for (; at_word(); ++at_) {
      const auto index = static_cast<std::uint32_t>(word.text.size());
      if (peek() == '\\') {
        word.escaped = true;
        read_escaped();
      } else if (peek() == '*' || peek() == '?') {
        word.wild.push_back(index);
      } else if (peek() == '.') {
        word.dots.push_back(index);
      }
      word.text += peek();
    }
    return word;
  }

 private:
  /// Goes from a backslash in a word to the character that it stands before.
  void read_escaped() {
    ++at_;
    const auto next = static_cast<unsigned char>(peek());
    const bool letter = (next | 0x20) >= 'a' && (next | 0x20) <= 'z';
    if (done() || next >= 0x80 || letter || (next >= '0' && next <= '9')) {
      fail("a sign or a space behind \"\\\"; a backslash itself is written \\\\");
    }
  }

  detail::lexeme read_literal_word() {
    const std::size_t bytes = time_bytes();
    if (bytes == 0) return read_word();
    detail::lexeme word{.begin = at_};
    word.text = text_.substr(at_, bytes);
    at_ += bytes;
    return word;
  }

  /// Returns how many bytes the time with a colon has that is next, or 0.
  [[nodiscard]] std::size_t time_bytes() const {
    const std::string_view rest = text_.substr(at_);
    std::size_t bytes = shaped(rest, "dddd-dd-ddTdd:dd");
    if (bytes == 0) return 0;
    bytes += shaped(rest.substr(bytes), ":dd");
    if (rest.substr(bytes).starts_with('.')) {
      const std::size_t end = rest.find_first_not_of("0123456789", bytes + 1);
      bytes = std::min(end, rest.size());
    }
    const std::string_view zone = rest.substr(bytes);
    bytes += zone.starts_with('Z') || zone.starts_with('z')
                 ? 1
                 : std::max(shaped(zone, "+dd:dd"), shaped(zone, "-dd:dd"));
    const bool ends =
        bytes == rest.size() || (!detail::is_word_byte(rest[bytes]) && rest[bytes] != ':');
    return ends ? bytes : 0;
  }

  /// Returns the length of a shape, whose `d` is any digit, if the text begins with that; else 0.
  static std::size_t shaped(std::string_view text, std::string_view shape) {
    if (text.size() < shape.size()) return 0;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      const bool digit = text[i] >= '0' && text[i] <= '9';
      const bool fits = shape[i] == 'd'   ? digit
                        : shape[i] == 'T' ? text[i] == 'T' || text[i] == 't'
                                          : text[i] == shape[i];
      if (!fits) return 0;
    }
    return shape.size();
  }

  detail::lexeme read_raw_string() {
    const std::size_t begin = at_++;
    const std::size_t end = text_.find('\'', at_);
    if (end == std::string_view::npos) fail(begin, "a closing ' for this one");
    detail::lexeme string{.begin = begin, .quoted = true};
    string.text = text_.substr(at_, end - at_);
    at_ = end + 1;
    return string;
  }

  detail::lexeme read_json_string() {
    const std::size_t begin = at_++;
    const std::size_t first = at_;
    bool escaped = false;
    for (; done() || peek() != '"'; ++at_) {
      if (!done() && peek() == '\\') {
        escaped = true;
        check_escape();
      }
      if (done()) fail(begin, "a closing \" for this one");
    }
    detail::lexeme string{.begin = begin, .quoted = true};
    json_text{text_.substr(first, at_ - first), escaped}.append_to(string.text);
    ++at_;
    return string;
  }

  /// Goes from a backslash in a string to the last byte of the escape.
  void check_escape() {
    const std::size_t begin = at_++;
    if (done()) return;  // the string is not closed
    if (std::string_view{"\"\\/bfnrtu"}.find(peek()) == std::string_view::npos) {
      fail(begin,
           "an escape of JSON: one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u; text in '…' has none");
    }
    if (peek() != 'u') return;
    for (int digit = 0; digit < 4; ++digit) {
      ++at_;
      if (done() || detail::hex_value(peek()) > 15) fail("four hexadecimal digits");
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace logdb::query
