// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A JSON event as a tree, read as plainly as can be: the reference that queries are compared with.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace logdb::test::naive {

/// A value of JSON; strings and names are decoded.
struct value {
  enum class kind { null, true_, false_, number, string, array, object };

  kind is = kind::null;
  std::string text{};                                    // of a string, or a number as written
  std::vector<std::pair<std::string, value>> members{};  // of an array without names
};

/// Reads one JSON text; nothing if it is none.
class reader {
 public:
  explicit reader(std::string_view text) : text_{text} {}

  std::optional<value> run() {
    value read;
    if (!read_value(read)) return std::nullopt;
    skip_space();
    if (at_ != text_.size()) return std::nullopt;
    return read;
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_space() {
    while (peek() != '\0' && std::string_view{" \t\r\n"}.find(peek()) != std::string_view::npos) {
      ++at_;
    }
  }
  bool take(std::string_view word) {
    skip_space();
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  bool read_value(value& into) {
    using enum value::kind;
    if (take("null")) return into.is = null, true;
    if (take("true")) return into.is = true_, true;
    if (take("false")) return into.is = false_, true;
    if (take("{")) return into.is = object, read_members(into, "}");
    if (take("[")) return into.is = array, read_members(into, "]");
    if (peek() == '"') return into.is = string, read_string(into.text);
    into.is = number;
    while (peek() != '\0' && std::string_view{"+-.0123456789eE"}.find(peek()) != text_.npos) {
      into.text += text_[at_++];
    }
    return !into.text.empty();
  }

  bool read_members(value& into, std::string_view end) {
    if (take(end)) return true;
    do {
      std::string name;
      if (into.is == value::kind::object) {
        skip_space();
        if (peek() != '"' || !read_string(name) || !take(":")) return false;
      }
      value member;
      if (!read_value(member)) return false;
      into.members.emplace_back(std::move(name), std::move(member));
    } while (take(","));
    return take(end);
  }

  bool read_string(std::string& into) {
    for (++at_; peek() != '"'; ++at_) {
      if (at_ >= text_.size()) return false;
      if (peek() != '\\') {
        into += peek();
        continue;
      }
      ++at_;
      const std::size_t plain = std::string_view{"\"\\/bfnrt"}.find(peek());
      if (plain != std::string_view::npos) {
        into += std::string_view{"\"\\/\b\f\n\r\t"}[plain];
      } else if (peek() == 'u' && at_ + 4 < text_.size()) {
        add_character(into, std::stoul(std::string{text_.substr(at_ + 1, 4)}, nullptr, 16));
        at_ += 4;
      } else {
        return false;
      }
    }
    ++at_;
    return true;
  }

  /// Adds a character of the first plane; the events here have no other one escaped.
  static void add_character(std::string& into, unsigned long point) {
    if (point < 0x80) {
      into += static_cast<char>(point);
    } else if (point < 0x800) {
      into += static_cast<char>(0xC0 | point >> 6);
      into += static_cast<char>(0x80 | (point & 0x3F));
    } else {
      into += static_cast<char>(0xE0 | point >> 12);
      into += static_cast<char>(0x80 | (point >> 6 & 0x3F));
      into += static_cast<char>(0x80 | (point & 0x3F));
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// Returns an event as a tree; nothing if it is no JSON object.
inline std::optional<value> read_event(std::string_view text) {
  auto read = reader{text}.run();
  if (!read || read->is != value::kind::object) return std::nullopt;
  return read;
}

}  // namespace logdb::test::naive
