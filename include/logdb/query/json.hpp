// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A walk over one JSON text that checks it (RFC 8259, exactly) and tells each leaf with its path.
///
/// One pass, no tree, no recursion. A loop reads a value, then what may follow it: the next member
/// or element, or the end of what it is in. Whether that is an object or an array is one bit a
/// level; 64 levels fit into a word, and only a text that is deeper allocates more.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

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

#if defined(__SSE2__)
/// Returns a bit for each of 16 bytes that ends such a stretch, exactly.
inline unsigned string_ends_of_16(const char* from) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
  const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  const __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  const __m128i ends = _mm_or_si128(control, _mm_or_si128(quote, backslash));
  return static_cast<unsigned>(_mm_movemask_epi8(ends));
}
#endif

/// Returns where a stretch of ordinary characters ends.
inline const char* ordinary_end(const char* at, const char* end) {
  while (end - at >= 8) {
    std::uint64_t bytes;
    std::memcpy(&bytes, at, sizeof bytes);
    if (const std::uint64_t ends = string_ends(bytes); ends != 0) {
      return at + std::countr_zero(ends) / 8;
    }
    at += 8;
  }
  while (at != end && *at != '"' && *at != '\\' && static_cast<unsigned char>(*at) >= 0x20) ++at;
  return at;
}

/// What stands at a backslash: how many bytes are of an escape, and what was expected behind them.
struct json_escape {
  std::size_t bytes;
  const char* expected = nullptr;  ///< null: it is an escape
};

/// Reads the escape that a text begins with.
inline json_escape read_json_escape(std::string_view text) {
  if (text.size() == 1) return {1, "an escape"};
  if (text[1] != 'u') {
    const bool known = std::string_view{"\"\\/bfnrt"}.find(text[1]) != std::string_view::npos;
    if (!known) return {1, "an escape: one of \" \\ / b f n r t u"};
    return {2};
  }
  for (std::size_t at = 2; at < 6; ++at) {
    if (at == text.size() || hex_value(text[at]) > 15) return {at, "four hexadecimal digits"};
  }
  return {6};
}

constexpr bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

/// Room that a walk has apart from what it keeps in registers: the name that is read in each of the
/// objects, and which of the outer levels are objects, 64 a word. The names are not initialised:
/// that would take as long as a fifth of an event's check.
struct json_room {
  static constexpr std::size_t few_max = 64;
  union few_names {
    few_names() {}  // NOLINT(modernize-use-equals-default): that is deleted
    json_text names[few_max];
  };

  /// Makes room for the name of one more object than there was room for.
  /// @param objects  how many have names
  void grow(std::size_t objects) {
    std::vector<json_text> more{names, names + objects};
    more.resize(2 * room);
    many.swap(more);
    names = many.data();
    room = many.size();
  }

  few_names few{};
  json_text* names = few.names;
  std::size_t room = few_max;
  std::vector<json_text> many{};
  std::vector<std::uint64_t> outer{};
};

/// One walk. Its functions are inlined into one, and nothing has its address, so that compilers
/// keep the place in registers.
template <class Leaf>
class json_walk {
 public:
  json_walk(std::string_view text, json_room& room, Leaf& leaf)
      : begin_{text.data()}, at_{begin_}, end_{begin_ + text.size()}, room_{room}, leaf_{leaf} {}

  [[gnu::always_inline]] json_result run() {
    const bool whole = values() && ends();
    return whole ? json_result{} : json_result{static_cast<std::size_t>(at_ - begin_), expected_};
  }

 private:
  /// What a step of the walk comes to.
  enum class next : std::uint8_t { fault, name, value, after_value };

  [[gnu::always_inline]] bool fails(const char* expected) { return expected_ = expected, false; }

  [[gnu::always_inline]] void skip_space() {
    if (at_ != end_ && static_cast<unsigned char>(*at_) > ' ') return;  // as nearly always
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }

  [[nodiscard, gnu::always_inline]] bool is_at(char byte) const {
    return at_ != end_ && *at_ == byte;
  }

  [[nodiscard, gnu::always_inline]] bool in_object() const { return (levels_ & 1) != 0; }

  /// Reads a value, and whatever it is made of, to the end of the outermost one.
  [[gnu::always_inline]] bool values() {
    next upcoming = next::value;
    for (;;) {
      if (upcoming == next::name && !name()) return false;
      upcoming = value();
      while (upcoming == next::after_value) {
        if (depth_ == 0) return true;
        upcoming = after_value();
      }
      if (upcoming == next::fault) return false;
    }
  }

  /// Reads what may follow a value in an object or an array.
  [[gnu::always_inline]] next after_value() {
    skip_space();
    const bool object = in_object();
    if (is_at(',')) {
      ++at_;
      return object ? next::name : next::value;
    }
    if (!is_at(object ? '}' : ']')) {
      fails(object ? "',' or '}'" : "',' or ']'");
      return next::fault;
    }
    ++at_;
    close();
    return next::after_value;
  }

  [[gnu::always_inline]] bool ends() {
    skip_space();
    return at_ == end_ || fails("the end of the text");
  }

  /// Reads a scalar or what is empty; of what is not, its first byte.
  [[gnu::always_inline]] next value() {
    skip_space();
    if (at_ == end_) return fails("a value"), next::fault;
    switch (*at_) {
      case '"': return after(string_value());
      case '{': return first_of(true, '}', json_kind::empty_object);
      case '[': return first_of(false, ']', json_kind::empty_array);
      case 't': return after(literal("true", json_kind::true_));
      case 'f': return after(literal("false", json_kind::false_));
      case 'n': return after(literal("null", json_kind::null));
      default: return after(number());
    }
  }

  [[gnu::always_inline]] static next after(bool read) {
    return read ? next::after_value : next::fault;
  }

  [[gnu::always_inline]] next first_of(bool object, char end, json_kind empty) {
    ++at_;
    skip_space();
    if (is_at(end)) {
      ++at_;
      tell(empty, {});
      return next::after_value;
    }
    open(object);
    return object ? next::name : next::value;
  }

  [[gnu::always_inline]] void open(bool object) {
    if (depth_ != 0 && depth_ % 64 == 0) [[unlikely]]
      room_.outer.push_back(levels_);
    levels_ = levels_ << 1 | std::uint64_t{object};
    ++depth_;
    if (object && objects_ == room_.room) [[unlikely]]
      room_.grow(objects_);
    objects_ += object;
  }

  [[gnu::always_inline]] void close() {
    objects_ -= levels_ & 1;
    --depth_;
    levels_ >>= 1;
    if (depth_ == 0 || depth_ % 64 != 0) [[likely]]
      return;
    levels_ = room_.outer.back();
    room_.outer.pop_back();
  }

  /// Reads a name and its colon.
  [[gnu::always_inline]] bool name() {
    skip_space();
    if (!is_at('"')) return fails("a name in quotes");
    json_text text;
    if (!string(text)) return false;
    std::construct_at(&room_.names[objects_ - 1], text);
    skip_space();
    if (!is_at(':')) return fails("':'");
    ++at_;
    return true;
  }

  [[gnu::always_inline]] bool string_value() {
    json_text text;
    return string(text) && tell(json_kind::string, text);
  }

  [[gnu::always_inline]] bool tell(json_kind kind, const json_text& text) {
    leaf_(json_path{room_.names, objects_}, kind, text);
    return true;
  }

  [[gnu::always_inline]] bool literal(std::string_view word, json_kind kind) {
    for (const char byte : word) {
      if (!is_at(byte)) return fails("true, false or null");
      ++at_;
    }
    return tell(kind, {std::string_view{at_ - word.size(), word.size()}});
  }

  /// Reads a string from its quote to behind its other one.
  [[gnu::always_inline]] bool string(json_text& text) {
    const char* const first = ++at_;
    for (;;) {
      skip_ordinary();
      if (at_ == end_) return fails("the end of the string, '\"'");
      if (*at_ == '"') break;
      if (*at_ != '\\') return fails("a control character as an escape");
      text.escaped = true;
      const json_escape read = read_json_escape({at_, static_cast<std::size_t>(end_ - at_)});
      at_ += read.bytes;
      if (read.expected != nullptr) return fails(read.expected);
    }
    text.bytes = {first, static_cast<std::size_t>(at_ - first)};
    ++at_;
    return true;
  }

  [[gnu::always_inline]] void skip_ordinary() {
#if defined(__SSE2__)
    for (; end_ - at_ >= 16; at_ += 16) {
      if (const unsigned ends = string_ends_of_16(at_); ends != 0) {
        at_ += std::countr_zero(ends);
        return;
      }
    }
#endif
    at_ = ordinary_end(at_, end_);
  }

  [[gnu::always_inline]] bool number() {
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
    return tell(json_kind::number, {{first, static_cast<std::size_t>(at_ - first)}});
  }

  [[gnu::always_inline]] bool digits(const char* expected) {
    if (at_ == end_ || !is_digit(*at_)) return fails(expected);
    do {
      ++at_;
    } while (at_ != end_ && is_digit(*at_));
    return true;
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  json_room& room_;  // of its names, `objects_` hold
  Leaf& leaf_;
  const char* expected_ = nullptr;  // set by what fails
  std::size_t objects_ = 0;         // of the levels, those that are objects
  std::size_t depth_ = 0;
  std::uint64_t levels_ = 0;  // of the innermost levels, at most 64: whether each is an object
};

}  // namespace detail

/// Checks a JSON text, of any kind, and calls `leaf(json_path, json_kind, json_text)` for each
/// string, number, literal, empty object and empty array on the way, in the order of the text; the
/// bytes of a number or a literal are those written, a string's stand between its quotes, an empty
/// object or array has none. Of a text with a fault, those before the fault are told.
///
/// Exactly RFC 8259. What it leaves open: nothing before or behind the value but white space, no
/// byte order mark; names may come twice; numbers may be of any size; a string may have lone
/// surrogates and bytes that are not UTF-8 (`check_utf8`); any depth is accepted.
///
/// @cost  O(bytes), about a byte a CPU cycle or two; no allocation down to 64 levels, then a bit a
///        level and a name an object around the place
template <class Leaf>
json_result walk(std::string_view text, Leaf&& leaf) {
  detail::json_room room;
  return detail::json_walk<std::remove_reference_t<Leaf>>{text, room, leaf}.run();
}

/// Returns whether a text is a JSON object, whose leaves were told to `leaf` on the way.
template <class Leaf>
bool walk_object(std::string_view text, Leaf&& leaf) {
  const std::size_t first = text.find_first_not_of(" \n\r\t");
  return first != std::string_view::npos && text[first] == '{' &&
         static_cast<bool>(walk(text, leaf));
}

/// Checks that a text is JSON and an object, as `walk` does.
inline json_result check_event(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \n\r\t");
  if (first == std::string_view::npos) return {text.size(), "an object, '{'"};
  if (text[first] != '{') return {first, "an object, '{'"};
  return walk(text, [](json_path, json_kind, const json_text&) {});
}

}  // namespace logdb::query
