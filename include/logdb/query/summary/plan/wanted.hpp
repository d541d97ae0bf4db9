// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What a filter must have for a string to hold in a test, and which values a number may have.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <logdb/query/evaluate/strings.hpp>
#include <logdb/query/json_number.hpp>
#include <logdb/query/language/regex.hpp>
#include <logdb/query/language/terms.hpp>
#include <logdb/query/language/tree.hpp>
#include <logdb/query/summary/bytes/pairs.hpp>

namespace logdb::query::detail {

inline constexpr std::size_t wanted_words_max = 16;

/// Adds the whole words of a stretch of text, of which more may stand before or behind it.
inline void add_whole_words(std::string_view stretch, bool begins, bool ends,
                            std::vector<std::string>& words) {
  for_each_word(stretch, [&](std::string_view word) {
    const bool first = word.data() == stretch.data();
    const bool last = word.data() + word.size() == stretch.data() + stretch.size();
    if ((first && !begins) || (last && !ends) || words.size() == wanted_words_max) return;
    words.push_back(lowered(word));
  });
}

/// Returns the whole words that a string has if it fits a pattern.
inline std::vector<std::string> words_of_pattern(const pattern& of) {
  std::vector<std::string> words;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= of.wild.size(); ++i) {
    const std::size_t end = i < of.wild.size() ? of.wild[i] : of.text.size();
    add_whole_words(std::string_view{of.text}.substr(begin, end - begin), begin == 0,
                    end == of.text.size(), words);
    begin = end + 1;
  }
  return words;
}

/// Returns words and values, in lower case, of which a filter has all where a string is that holds
/// in a test; none: any string may.
/// @param by_word  the test is asked of strings anywhere, a pattern of each of their words
inline std::vector<std::string> wanted_texts(const test& of, bool by_word) {
  std::vector<std::string> texts;
  if (const auto* same = std::get_if<equals>(&of)) {
    texts.push_back(lowered(same->text));
  } else if (const auto* words = std::get_if<phrase>(&of)) {
    if (words->text.empty()) return {std::string{}};
    add_whole_words(words->text, true, true, texts);
  } else if (const auto* part = std::get_if<pattern>(&of)) {
    if (!by_word) texts = words_of_pattern(*part);
  } else if (const auto* found = std::get_if<matching>(&of)) {
    add_whole_words(regex_literal(found->regex), false, false, texts);
  }
  return texts;
}

/// Returns the number that `equals` also finds.
inline std::optional<json_number> wanted_number(const equals& of) {
  if (of.quoted || !is_json_number(of.text)) return std::nullopt;
  return parse_number(of.text);
}

inline json_number real_number(double real) {
  json_number number;
  number.kind = json_number::form::real;
  number.real = real;
  return number;
}

/// Returns whether a number within bounds may be this one.
inline bool may_be(const json_number& wanted, const number_bounds& within) {
  return !within.empty() && compare(wanted, real_number(within.low)) >= 0 &&
         compare(wanted, real_number(within.high)) <= 0;
}

/// Returns whether a number within bounds may lie in a range of numbers.
inline bool may_lie(const range& of, const number_bounds& within) {
  if (within.empty()) return false;
  const auto is_number = [](const bound& end) { return end.is == bound::kind::number; };
  if (is_number(of.lower) && compare(real_number(within.high), parse_number(of.lower.text)) < 0) {
    return false;
  }
  return !is_number(of.upper) || compare(real_number(within.low), parse_number(of.upper.text)) <= 0;
}

/// Returns of which kind the values of a range are; both ends are of one, or open.
inline bound::kind kind_of(const range& of) {
  const bound& end = of.lower.is_open() ? of.upper : of.lower;
  return end.is_time() ? bound::kind::time : end.is;
}

}  // namespace logdb::query::detail
