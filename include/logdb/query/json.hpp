// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A walk over one JSON text that checks it (RFC 8259, exactly) and tells each leaf with its path.
///
/// One pass, no tree, no recursion. A loop reads a value, then what may follow it: the next member
/// or element, or the end of what it is in. Whether that is an object or an array is one bit a
/// level; 64 levels fit into a word, and only a text that is deeper allocates more of them.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include <logdb/query/json_number.hpp>
#include <logdb/query/json_text.hpp>

namespace logdb::query {

/// What a leaf of an event is.
enum class json_kind : std::uint8_t {
  string,
  number,
  true_,
  false_,
  null,
  empty_object,
  empty_array
};

/// The names on the way from the event to a leaf, outermost first; arrays add none. Valid while the
/// leaf is told.
using json_path = std::span<const json_text>;

/// Leaves that lie deeper, counted in objects and arrays, are checked and not told.
inline constexpr std::size_t json_depth_max = 64;

/// What a check found: nothing, or the place of the first fault.
struct json_result {
  std::size_t byte = 0;  ///< where, counted from 0; the size of the text: it ends too early
  const char* expected = nullptr;  ///< what would have been right there; null: all is well

  [[nodiscard]] explicit operator bool() const { return expected == nullptr; }
};

namespace detail {

/// Returns a word with bit 7 of each byte set, from the first one on, that ends a stretch of
/// ordinary characters in a string: a quote, a backslash or a control character. Bytes behind the
/// first such one may be marked, too.
inline std::uint64_t string_ends(std::uint64_t bytes) {
  constexpr std::uint64_t ones = 0x0101010101010101;
  const std::uint64_t quote = bytes ^ (ones * '"');
  const std::uint64_t backslash = bytes ^ (ones * '\\');
  return ((((quote - ones) & ~quote) | ((backslash - ones) & ~backslash)) |
          ((bytes - ones * 0x20) & ~bytes)) &
         (ones * 0x80);
}

constexpr bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

/// The kinds of what a place lies in, innermost last: whether each is an object.
class json_levels {
 public:
  void push(bool object) {
    if (depth_ != 0 && depth_ % 64 == 0) outer_.push_back(bits_);
    bits_ = bits_ << 1 | std::uint64_t{object};
    ++depth_;
  }
  void pop() {
    --depth_;
    bits_ >>= 1;
    if (depth_ != 0 && depth_ % 64 == 0) {
      bits_ = outer_.back();
      outer_.pop_back();
    }
  }
  [[nodiscard]] bool in_object() const { return (bits_ & 1) != 0; }
  [[nodiscard]] std::size_t depth() const { return depth_; }

 private:
  std::uint64_t bits_ = 0;  // of the innermost levels, at most 64
  std::size_t depth_ = 0;
  std::vector<std::uint64_t> outer_{};  // those around them, 64 a word
};

/// Room for the name that is read in each of the outermost objects. Not initialised: that would
/// take as long as a fifth of an event's check.
union json_name_room {
  json_name_room() {}  // NOLINT(modernize-use-equals-default): that is deleted
  json_text names[json_depth_max];
};

template <class Leaf>
class json_walk {
 public:
  json_walk(std::string_view text, Leaf& leaf)
      : begin_{text.data()}, at_{begin_}, end_{begin_ + text.size()}, leaf_{leaf} {}

  json_result run() {
    const bool whole = value() && members() && ends();
    return whole ? json_result{} : json_result{static_cast<std::size_t>(at_ - begin_), expected_};
  }

 private:
  bool fails(const char* expected) { return expected_ = expected, false; }

  void skip_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }

  [[nodiscard]] bool is_at(char byte) const { return at_ != end_ && *at_ == byte; }

  /// Goes on from the end of a value to that of the outermost one.
  bool members() {
    while (levels_.depth() != 0) {
      skip_space();
      const bool object = levels_.in_object();
      if (is_at(',')) {
        ++at_;
        if ((object && !name()) || !value()) return false;
      } else if (is_at(object ? '}' : ']')) {
        ++at_;
        objects_ -= object;
        levels_.pop();
      } else {
        return fails(object ? "',' or '}'" : "',' or ']'");
      }
    }
    return true;
  }

  bool ends() {
    skip_space();
    return at_ == end_ || fails("the end of the text");
  }

  /// Reads a scalar or what is empty; of what is not, all before its first scalar, too.
  bool value() {
    for (;;) {
      skip_space();
      if (at_ == end_) return fails("a value");
      switch (*at_) {
        case '"': return string_value();
        case '{':
          ++at_;
          if (is_empty('}')) return tell(json_kind::empty_object, {}, 1);
          open(true);
          if (!name()) return false;
          break;
        case '[':
          ++at_;
          if (is_empty(']')) return tell(json_kind::empty_array, {}, 1);
          open(false);
          break;
        case 't': return literal("true", json_kind::true_);
        case 'f': return literal("false", json_kind::false_);
        case 'n': return literal("null", json_kind::null);
        default: return number();
      }
    }
  }

  void open(bool object) {
    levels_.push(object);
    objects_ += object;
  }

  bool is_empty(char close) {
    skip_space();
    if (!is_at(close)) return false;
    ++at_;
    return true;
  }

  /// Reads a name and its colon.
  bool name() {
    skip_space();
    if (!is_at('"')) return fails("a name in quotes");
    json_text text;
    if (!string(text)) return false;
    if (levels_.depth() <= json_depth_max) std::construct_at(&names_.names[objects_ - 1], text);
    skip_space();
    if (!is_at(':')) return fails("':'");
    ++at_;
    return true;
  }

  bool string_value() {
    json_text text;
    return string(text) && tell(json_kind::string, text, 0);
  }

  bool tell(json_kind kind, const json_text& text, std::size_t own_level) {
    if (levels_.depth() + own_level <= json_depth_max) {
      leaf_(json_path{names_.names, objects_}, kind, text);
    }
    return true;
  }

  bool literal(std::string_view word, json_kind kind) {
    for (const char byte : word) {
      if (!is_at(byte)) return fails("true, false or null");
      ++at_;
    }
    return tell(kind, {std::string_view{at_ - word.size(), word.size()}}, 0);
  }

  /// Reads a string from its quote to behind its other one.
  bool string(json_text& text) {
    const char* const first = ++at_;
    for (;;) {
      skip_ordinary();
      if (at_ == end_) return fails("the end of the string, '\"'");
      if (*at_ == '"') break;
      if (*at_ != '\\') return fails("a control character as an escape");
      text.escaped = true;
      if (!escape()) return false;
    }
    text.bytes = {first, static_cast<std::size_t>(at_ - first)};
    ++at_;
    return true;
  }

  void skip_ordinary() {
    while (end_ - at_ >= 8) {
      std::uint64_t bytes;
      std::memcpy(&bytes, at_, sizeof bytes);
      if (const std::uint64_t ends = string_ends(bytes); ends != 0) {
        at_ += std::countr_zero(ends) / 8;
        return;
      }
      at_ += 8;
    }
    while (at_ != end_ && *at_ != '"' && *at_ != '\\' && static_cast<unsigned char>(*at_) >= 0x20) {
      ++at_;
    }
  }

  bool escape() {
    ++at_;
    if (at_ == end_) return fails("an escape");
    if (*at_ != 'u') {
      if (std::string_view{"\"\\/bfnrt"}.find(*at_) == std::string_view::npos) {
        return fails("an escape: one of \" \\ / b f n r t u");
      }
      ++at_;
      return true;
    }
    ++at_;
    for (int digit = 0; digit < 4; ++digit, ++at_) {
      if (at_ == end_ || hex_value(*at_) > 15) return fails("four hexadecimal digits");
    }
    return true;
  }

  bool number() {
    const char* const first = at_;
    at_ += *at_ == '-';
    if (is_at('0')) {
      ++at_;
    } else if (!digits(at_ == first ? "a value" : "a digit")) {
      return false;
    }
    if (is_at('.') && (++at_, !digits("a digit"))) return false;
    if (is_at('e') || is_at('E')) {
      ++at_;
      if (is_at('+') || is_at('-')) ++at_;
      if (!digits("a digit")) return false;
    }
    return tell(json_kind::number, {{first, static_cast<std::size_t>(at_ - first)}}, 0);
  }

  bool digits(const char* expected) {
    if (at_ == end_ || !is_digit(*at_)) return fails(expected);
    do {
      ++at_;
    } while (at_ != end_ && is_digit(*at_));
    return true;
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  Leaf& leaf_;
  const char* expected_ = nullptr;  // set by what fails
  std::size_t objects_ = 0;         // of the levels, those that are objects
  json_levels levels_{};
  json_name_room names_;  // `objects_` of them hold, while no level is deeper than json_depth_max
};

}  // namespace detail

/// Checks a JSON text, of any kind, and calls `leaf(json_path, json_kind, json_text)` for each
/// string, number, literal, empty object and empty array on the way, in the order of the text; the
/// bytes of a number or a literal are those written, a string's stand between its quotes, an empty
/// object or array has none. Of a text with a fault, those before the fault are told.
///
/// Exactly RFC 8259. What it leaves open: nothing before or behind the value but white space, no
/// byte order mark; names may come twice; numbers may be of any size; a string may have lone
/// surrogates and bytes that are not UTF-8 (`check_utf8`); any depth is accepted, and leaves deeper
/// than json_depth_max are not told.
///
/// @cost  O(bytes), about a byte a CPU cycle or two; no allocation down to json_depth_max levels,
///        then a bit a level
template <class Leaf>
json_result walk(std::string_view text, Leaf&& leaf) {
  return detail::json_walk<std::remove_reference_t<Leaf>>{text, leaf}.run();
}

/// Checks that a text is JSON and an object, as `walk` does.
inline json_result check_event(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \n\r\t");
  if (first == std::string_view::npos) return {text.size(), "an object, '{'"};
  if (text[first] != '{') return {first, "an object, '{'"};
  return walk(text, [](json_path, json_kind, const json_text&) {});
}

}  // namespace logdb::query
