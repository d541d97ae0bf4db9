// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Makes paths, bounds and conditions of the words of a query, and says which word cannot be one.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/error.hpp>
#include <logdb/query/json.hpp>
#include <logdb/query/json_number.hpp>
#include <logdb/query/language/scanner.hpp>
#include <logdb/query/language/time.hpp>
#include <logdb/query/language/tree.hpp>

namespace logdb::query::detail {

/// Returns whether a text is a number as JSON writes it.
inline bool is_json_number(std::string_view text) {
  if (text.empty() || (text.front() != '-' && (text.front() < '0' || text.front() > '9'))) {
    return false;
  }
  return static_cast<bool>(walk(text, [](json_path, json_kind, const json_text&) {})) &&
         !is_space(text.back());
}

/// Returns the place that a single word names, if it is one with a name of its own.
inline std::optional<place> special_place(std::string_view word) {
  for (const place each : {place::time, place::append, place::lsn, place::malformed}) {
    if (word == name_of(each)) return each;
  }
  return std::nullopt;
}

/// Reads the words and strings of a path, joined by dots, or else, where one may stand, a literal.
inline std::vector<lexeme> read_pieces(scanner& in, std::string_view expected,
                                       bool literal = false) {
  std::vector<lexeme> pieces{in.read(literal, expected)};
  if (pieces.front().is_operator()) in.fail(pieces.front().begin, expected);
  for (;;) {
    const lexeme& last = pieces.back();
    const bool dot_before = !last.dots.empty() && last.dots.back() + 1 == last.text.size();
    const bool goes_on = last.quoted ? in.peek() == '.' : dot_before && in.at_string();
    if (!goes_on) return pieces;
    pieces.push_back(in.read(false, expected));
  }
}

/// Cuts the words and strings of a path into its parts.
class path_maker {
 public:
  explicit path_maker(const scanner& in) : in_{in} {}

  field_path make(const std::vector<lexeme>& pieces) {
    const lexeme& first = pieces.front();
    if (pieces.size() == 1 && !first.quoted && !first.escaped) {
      if (const auto special = special_place(first.text)) return {*special, {}};
    }
    for (const lexeme& piece : pieces) {
      at_ = piece.begin;
      piece.quoted ? add_string(piece) : add_word(piece);
    }
    close_part();
    return std::move(path_);
  }

 private:
  void add_string(const lexeme& piece) {
    part_.name = piece.text;
    filled_ = true;
    closed_ = true;
  }

  void add_word(const lexeme& piece) {
    auto dot = piece.dots.begin();
    auto wild = piece.wild.begin();
    for (std::uint32_t i = 0; i < piece.text.size(); ++i) {
      if (dot != piece.dots.end() && *dot == i) {
        ++dot;
        close_part();
      } else if (closed_ || part_.any) {
        in_.fail(at_, part_.any ? whole_star : "'.' behind a part of a path");
      } else if (wild != piece.wild.end() && *wild == i) {
        ++wild;
        if (filled_ || piece.text[i] != '*') in_.fail(at_, whole_star);
        part_.any = filled_ = true;
      } else {
        part_.name += piece.text[i];
        filled_ = true;
      }
    }
  }

  void close_part() {
    if (!filled_) in_.fail(at_, "a name in each part of a path; an empty one is written \"\"");
    if (path_.parts.size() == path_parts_max) in_.fail(at_, "at most 64 parts in a path");
    path_.parts.push_back(std::exchange(part_, {}));
    filled_ = closed_ = false;
  }

  static constexpr std::string_view whole_star =
      "\"*\" as a whole part of a path; in a name it is written \\*";

  const scanner& in_;
  std::size_t at_ = 0;
  field_path path_{};
  path_part part_{};
  bool filled_ = false;  // the part has a name, maybe an empty one
  bool closed_ = false;  // by the end of its string: only a dot may follow
};

/// Reads a time bound of a literal.
inline std::optional<bound> time_bound(const lexeme& literal, bool numbers) {
  bound read;
  if (const auto time = parse_time(literal.text)) {
    read.is = bound::kind::time;
    read.time = time->time_since_epoch();
    return read;
  }
  if (literal.quoted) return std::nullopt;
  if (const auto from_now = parse_now(literal.text)) {
    read.is = bound::kind::now;
    read.time = *from_now;
    return read;
  }
  if (!numbers || !is_json_number(literal.text)) return std::nullopt;
  if (const auto time = number_time(literal.text)) {
    read.is = bound::kind::time;
    read.time = time->time_since_epoch();
    return read;
  }
  return std::nullopt;
}

/// Makes a bound of a literal; a pattern or a word that has no order is refused.
inline bound make_bound(const scanner& in, const field_path& path, const lexeme& literal,
                        bool inclusive) {
  if (!literal.wild.empty()) in.fail(literal.begin, "a value without \"*\" and \"?\"");
  std::optional<bound> made;
  if (path.is_time()) {
    made = time_bound(literal, true);
    if (!made) in.fail(literal.begin, "a time, such as 2026-03-01T10:00:00Z or now-15m");
  } else if (literal.quoted) {
    made = bound{.is = bound::kind::text, .text = literal.text};
  } else if (is_json_number(literal.text)) {
    made = bound{.is = bound::kind::number, .text = literal.text};
  } else {
    made = time_bound(literal, false);
    if (!made) in.fail(literal.begin, "a number, a time, or text in quotes");
  }
  made->inclusive = inclusive;
  return *std::move(made);
}

/// Refuses two bounds that are of two kinds, or of which the upper one lies below the lower one.
inline void check_order(const scanner& in, const range& ends, std::size_t at) {
  const auto& [lower, upper] = ends;
  if (lower.is_open() || upper.is_open()) return;
  if (lower.is != upper.is && !(lower.is_time() && upper.is_time())) {
    in.fail(at, "an upper bound of the lower one's kind");
  }
  bool upside_down = false;
  switch (lower.is) {
    case bound::kind::number:
      upside_down = compare(parse_number(lower.text), parse_number(upper.text)) > 0;
      break;
    case bound::kind::text: upside_down = lower.text > upper.text; break;
    default: upside_down = lower.is == upper.is && lower.time > upper.time; break;
  }
  if (upside_down) in.fail(at, "an upper bound that is not below the lower one");
}

inline expression make_term(field_path path, test what) {
  return expression{term{std::move(path), std::move(what)}};
}

/// Makes the condition that a time is exactly that of a literal, or within a duration before now.
inline expression time_equals(const scanner& in, const field_path& path, const lexeme& literal) {
  range ends;
  const auto before = literal.quoted ? std::nullopt : parse_duration(literal.text);
  if (before) {
    ends.lower = {.is = bound::kind::now, .inclusive = true, .time = -*before};
    ends.upper = {.is = bound::kind::now, .inclusive = true};
  } else {
    ends.lower = ends.upper = make_bound(in, path, literal, true);
  }
  return make_term(path, ends);
}

/// Makes the condition that a value equals a literal.
inline expression make_equals(const scanner& in, const field_path& path, const lexeme& literal,
                              bool fold = false) {
  if (!literal.wild.empty()) {
    in.fail(literal.begin, "a value without \"*\" and \"?\"; a pattern stands behind \":\"");
  }
  if (path.is_time()) return time_equals(in, path, literal);
  if (!fold && literal.is_operator()) {
    in.fail(literal.begin, "a value; this word is written in quotes");
  }
  if (!fold && literal.is("null")) return make_term(path, is_null{});
  return make_term(path, equals{literal.text, literal.quoted, fold});
}

/// Makes the condition of a value behind `path:`, or of one alone: equality, phrase or pattern.
inline expression make_value(const scanner& in, const field_path& path, const lexeme& value,
                             bool fold) {
  if (!fold && value.is_operator()) {
    in.fail(value.begin, "a value; this word is written in quotes");
  }
  const bool star = value.text == "*" && !value.wild.empty();
  if (star && !fold) {
    return path.where == place::anywhere ? expression{} : make_term(path, exists{});
  }
  if (path.is_time()) {
    if (fold || !value.wild.empty()) in.fail(value.begin, "a time");
    return time_equals(in, path, value);
  }
  if (!value.wild.empty()) return make_term(path, pattern{value.text, value.wild, fold});
  if (value.quoted || path.where == place::anywhere) {
    return make_term(path, phrase{value.text, fold});
  }
  return make_equals(in, path, value, fold);
}

}  // namespace logdb::query::detail

namespace logdb::query {

/// Returns the path that a text is.
/// @errors  errc::bad_query: it is none
inline field_path parse_path(std::string_view text) {
  scanner in{text};
  field_path path = detail::path_maker{in}.make(detail::read_pieces(in, "a path"));
  in.skip_space();
  if (!in.done()) in.fail("the end of the path");
  return path;
}

/// Returns whether a text is the path of a field of events.
inline bool is_field(std::string_view text) {
  try {
    return parse_path(text).where == place::field;
  } catch (const error&) {
    return false;
  }
}

}  // namespace logdb::query
