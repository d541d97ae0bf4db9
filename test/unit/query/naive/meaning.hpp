// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What a query means, in the plainest way: of an event as a tree, every value that a path can mean
/// is looked up and asked. Written apart from include/logdb/query, of docs/events.md alone.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unit/query/naive/tree.hpp"

namespace logdb::test::naive {

/// What is told with an event; times in nanoseconds since 1970.
struct site {
  long double appended;
  long double lsn;
  long double now;
};

using predicate = std::function<bool(const value&)>;

// Text

inline std::vector<std::string> characters(std::string_view text) {
  std::vector<std::string> split;
  for (const char byte : text) {
    if ((byte & 0xC0) == 0x80 && !split.empty()) {
      split.back() += byte;
    } else {
      split.emplace_back(1, byte);
    }
  }
  return split;
}

inline std::string lower(std::string text) {
  for (char& byte : text) {
    if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte + 32);
  }
  return text;
}

/// `star` and `one` stand for `*` and `?` in a pattern.
inline constexpr char star = '\x01';
inline constexpr char one = '\x02';

inline bool fits(const std::vector<std::string>& text, std::size_t t,
                 const std::vector<std::string>& pattern, std::size_t p) {
  if (p == pattern.size()) return t == text.size();
  if (pattern[p][0] == star) {
    for (std::size_t next = t; next <= text.size(); ++next) {
      if (fits(text, next, pattern, p + 1)) return true;
    }
    return false;
  }
  return t < text.size() && (pattern[p][0] == one || pattern[p] == text[t]) &&
         fits(text, t + 1, pattern, p + 1);
}

inline bool fits(const std::string& text, const std::string& pattern) {
  return fits(characters(text), 0, characters(pattern), 0);
}

inline bool of_word(char byte) {
  return byte < 0 || byte == '_' || (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
         (byte >= 'A' && byte <= 'Z');
}

inline bool has_phrase(const std::string& text, const std::string& phrase) {
  if (phrase.empty()) return text.empty();
  for (std::size_t at = 0; at + phrase.size() <= text.size(); ++at) {
    const std::size_t end = at + phrase.size();
    if (text.substr(at, phrase.size()) == phrase && (at == 0 || !of_word(text[at - 1])) &&
        (end == text.size() || !of_word(text[end]))) {
      return true;
    }
  }
  return false;
}

inline bool word_fits(const std::string& text, const std::string& pattern) {
  std::string word;
  for (const char byte : text + " ") {
    if (of_word(byte)) {
      word += byte;
      continue;
    }
    if (!word.empty() && fits(word, pattern)) return true;
    word.clear();
  }
  return false;
}

// Numbers: a long double of 64 bits holds every integer of 64 bits and every double.

static_assert(std::numeric_limits<long double>::digits >= 64);

inline bool beyond(const std::string& text) {
  const double real = std::strtod(text.c_str(), nullptr);
  const std::string digits = text.substr(0, text.find_first_of("eE"));
  return std::isinf(real) || (real == 0 && digits.find_first_of("123456789") != std::string::npos);
}

inline long double number(const std::string& text) {
  const bool exponent = text.find_first_of("eE") != std::string::npos;
  const long double exact = std::strtold(text.c_str(), nullptr);
  const bool whole = !exponent && std::floor(exact) == exact;
  if (whole && exact >= -9223372036854775808.0L && exact <= 18446744073709551615.0L) return exact;
  return std::strtod(text.c_str(), nullptr);
}

inline bool same_number(const std::string& a, const std::string& b) {
  return beyond(a) || beyond(b) ? a == b : number(a) == number(b);
}

inline bool is_number(const std::string& text) {
  static const std::regex json{"-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?"};
  return std::regex_match(text, json);
}

/// The texts that read as times here, and their nanoseconds since 1970.
inline std::optional<long double> time_of(const value& of) {
  static const std::vector<std::pair<std::string, long double>> known{
      {"2026-03-01", 1772323200e9L},
      {"2026-03-01T10:00", 1772359200e9L},
      {"2026-03-01T11:00:00+01:00", 1772359200e9L},
      {"2026-03-01T10:00:00.5Z", 1772359200.5e9L},
      {"2026-02-28T23:59:60Z", 1772323200e9L}};
  if (of.is == value::kind::string) {
    for (const auto& [text, time] : known) {
      if (of.text == text) return time;
    }
    return std::nullopt;
  }
  if (of.is != value::kind::number || beyond(of.text)) return std::nullopt;
  const long double written = number(of.text);
  const long double size = std::fabs(written);
  const long double unit = size < 1e11L ? 1e9L : size < 1e14L ? 1e6L : size < 1e17L ? 1e3L : 1;
  if (size * unit >= 9223372036e9L) return std::nullopt;
  return std::trunc(written * unit);
}

// Paths

/// A part of a path: a name, or nothing for any.
using part = std::optional<std::string>;

inline bool name_fits(const std::string& name, const std::vector<part>& parts, std::size_t from,
                      std::size_t to) {
  std::string pattern;
  for (std::size_t i = from; i < to; ++i) {
    if (i > from) pattern += '.';
    pattern += parts[i] ? *parts[i] : std::string(1, star);
  }
  return fits(name, pattern);
}

/// Asks every value that the parts from one on can mean within a value.
inline bool any_at(const value& in, const std::vector<part>& parts, std::size_t from,
                   const predicate& holds) {
  if (in.is == value::kind::array) {
    for (const auto& [name, element] : in.members) {
      if (any_at(element, parts, from, holds)) return true;
    }
    return false;
  }
  if (from == parts.size()) return holds(in);
  if (in.is != value::kind::object) return false;
  for (const auto& [name, member] : in.members) {
    for (std::size_t to = from + 1; to <= parts.size(); ++to) {
      if (name_fits(name, parts, from, to) && any_at(member, parts, to, holds)) return true;
    }
  }
  return false;
}

inline bool any_string(const value& in, const std::function<bool(const std::string&)>& holds) {
  if (in.is == value::kind::string) return holds(in.text);
  for (const auto& [name, member] : in.members) {
    if (any_string(member, holds)) return true;
  }
  return false;
}

/// Returns the time of an event.
inline long double event_time(const std::optional<value>& event, const site& told) {
  if (!event) return told.appended;
  for (const char* name : {"ts", "time", "timestamp", "@timestamp"}) {
    std::optional<long double> time;
    if (any_at(*event, {part{name}}, 0, [&time](const value& of) {
          time = time_of(of);
          return time.has_value();
        })) {
      return *time;
    }
  }
  return told.appended;
}

}  // namespace logdb::test::naive
