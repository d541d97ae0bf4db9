// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Bytes that an event must have in it to match. They only exclude, and never an event with a
/// backslash: what it says may be written in other bytes.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <logdb/query/language/regex.hpp>
#include <logdb/query/language/terms.hpp>
#include <logdb/query/language/tree.hpp>

namespace logdb::query::detail {

/// Literals of which each event that matches has one.
using literal_choice = std::vector<std::string>;

/// Returns the longest stretch of a pattern without anything wild.
inline std::string pattern_literal(const pattern& of) {
  std::string longest;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= of.wild.size(); ++i) {
    const std::size_t end = i < of.wild.size() ? of.wild[i] : of.text.size();
    if (end - begin > longest.size()) longest = of.text.substr(begin, end - begin);
    begin = end + 1;
  }
  return longest;
}

/// Returns the longest name of a path: it stands in each event that has a value there.
inline std::string path_literal(const field_path& path) {
  std::string longest;
  for (const path_part& part : path.parts) {
    if (part.name.size() > longest.size()) longest = part.name;
  }
  return longest;
}

/// Returns bytes that stand in each event, written without a backslash, that meets a term; or none.
inline std::string required_literal(const term& of) {
  if (of.path.where != place::field && of.path.where != place::anywhere) return {};
  std::string literal;
  if (const auto* same = std::get_if<equals>(&of.what)) {
    if (!same->fold && (same->quoted || !is_json_number(same->text))) literal = same->text;
  } else if (const auto* words = std::get_if<phrase>(&of.what)) {
    if (!words->fold) literal = words->text;
  } else if (const auto* part = std::get_if<pattern>(&of.what)) {
    if (!part->fold) literal = pattern_literal(*part);
  } else if (const auto* found = std::get_if<matching>(&of.what)) {
    literal = regex_literal(found->regex);
  } else if (std::holds_alternative<is_null>(of.what)) {
    literal = "null";
  }
  return literal.empty() ? path_literal(of.path) : literal;
}

/// Returns the length of the shortest literal of a choice: the longer, the more it excludes.
inline std::size_t strength(const literal_choice& of) {
  std::size_t least = of.empty() ? 0 : SIZE_MAX;
  for (const std::string& literal : of) least = std::min(least, literal.size());
  return least;
}

inline std::vector<literal_choice> required_choices(const expression& of);

/// Returns what events must have that meet one of several conditions; none if one asks nothing.
inline std::vector<literal_choice> required_of_any(const expression& of) {
  constexpr std::size_t choices_max = 16;
  literal_choice all;
  for (const expression& part : of.parts()) {
    const auto own = required_choices(part);
    const auto best = std::max_element(own.begin(), own.end(), [](const auto& a, const auto& b) {
      return strength(a) < strength(b);
    });
    if (best == own.end() || all.size() + best->size() > choices_max) return {};
    all.insert(all.end(), best->begin(), best->end());
  }
  return {std::move(all)};
}

/// Returns choices of which each has to be met.
inline std::vector<literal_choice> required_choices(const expression& of) {
  std::vector<literal_choice> found;
  switch (of.is()) {
    case expression::kind::term:
      if (std::string literal = required_literal(of.condition()); !literal.empty()) {
        found.push_back({std::move(literal)});
      }
      break;
    case expression::kind::any_of: return required_of_any(of);
    case expression::kind::all_of:
      for (const expression& part : of.parts()) {
        for (literal_choice& choice : required_choices(part)) found.push_back(std::move(choice));
      }
      break;
    case expression::kind::every:
    case expression::kind::not_: break;
  }
  return found;
}

/// The literals of a query, the strongest first.
class prefilter {
 public:
  explicit prefilter(const expression& of) : choices_{required_choices(of)} {
    constexpr std::size_t asked_max = 4;
    std::stable_sort(choices_.begin(), choices_.end(),
                     [](const auto& a, const auto& b) { return strength(a) > strength(b); });
    if (choices_.size() > asked_max) choices_.resize(asked_max);
  }

  /// Returns whether an event cannot match.
  [[nodiscard]] bool excludes(std::string_view event) const {
    if (event.empty()) return !choices_.empty();  // and may have no address
    for (const literal_choice& choice : choices_) {
      const bool found = std::any_of(choice.begin(), choice.end(), [event](const std::string& one) {
        return ::memmem(event.data(), event.size(), one.data(), one.size()) != nullptr;
      });
      if (!found) return std::memchr(event.data(), '\\', event.size()) == nullptr;
    }
    return false;
  }

  /// The literals: of each choice, one stands in every event that matches and has no backslash.
  [[nodiscard]] const std::vector<literal_choice>& choices() const { return choices_; }

 private:
  std::vector<literal_choice> choices_;
};

}  // namespace logdb::query::detail
