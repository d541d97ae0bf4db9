// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What an event must have in it to match: bytes anywhere, and a value behind a name. Both only
/// exclude, and never an event with a backslash: what it says may be written in other bytes.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <logdb/query/evaluate/leaf.hpp>
#include <logdb/query/evaluate/strings.hpp>
#include <logdb/query/evaluate/tests.hpp>
#include <logdb/query/json.hpp>
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

/// Returns bytes that stand in each value, written without a backslash, that a term of a field or
/// of free text holds for; or none.
inline std::string value_literal(const term& of) {
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
  return literal;
}

/// Returns bytes that stand in each event, written without a backslash, that meets a term; or none.
inline std::string required_literal(const term& of) {
  if (of.path.where != place::field && of.path.where != place::anywhere) return {};
  std::string literal = value_literal(of);
  return literal.empty() ? path_literal(of.path) : literal;
}

/// Returns the length of the shortest literal of a choice: the longer, the more it excludes.
inline std::size_t strength(const literal_choice& of) {
  std::size_t least = of.empty() ? 0 : SIZE_MAX;
  for (const std::string& literal : of) least = std::min(least, literal.size());
  return least;
}

/// Looks for the name of a term, and for a value behind it that the term holds for, without reading
/// the event. What stands behind a name may belong to another path: then it says yes, too.
class value_probe {
 public:
  /// Returns whether a term can be looked for: its last name is known, and so is all that its
  /// values are. A long literal alone is found sooner.
  static bool fits(const term& of) {
    constexpr std::size_t long_min = 8;
    return value_literal(of).size() < long_min && of.path.where == place::field &&
           !of.path.parts.back().any && !of.path.parts.back().name.empty() &&
           !std::holds_alternative<exists>(of.what) && !std::holds_alternative<matching>(of.what);
  }

  /// @param of  a term that fits
  explicit value_probe(const term& of)
      : name_end_{of.path.parts.back().name + '"'}, test_{of.what} {}

  /// Returns whether the term may hold for an event without a backslash; if not, it does not.
  [[nodiscard]] bool may_hold(std::string_view event, const test_site& site) const {
    std::size_t at = 0;
    while ((at = find_bytes(event, name_end_, at)) != std::string_view::npos) {
      at += name_end_.size();
      if (may_be(event.substr(at), site)) return true;
    }
    return false;
  }

 private:
  static void skip_space(std::string_view& rest) {
    while (!rest.empty() && std::string_view{" \t\r\n"}.find(rest.front()) != rest.npos) {
      rest.remove_prefix(1);
    }
  }

  /// Returns whether what stands behind a name may be a value that the term holds for.
  [[nodiscard]] bool may_be(std::string_view rest, const test_site& site) const {
    skip_space(rest);
    if (!rest.starts_with(':')) return false;
    rest.remove_prefix(1);
    skip_space(rest);
    if (rest.empty() || rest.front() == '{') return false;  // the values in it have other names
    switch (rest.front()) {
      case '[': return true;
      case '"': return holds(json_kind::string, rest.substr(1, rest.find('"', 1) - 1), site);
      case 't': return holds(json_kind::true_, rest.substr(0, 4), site);
      case 'f': return holds(json_kind::false_, rest.substr(0, 5), site);
      case 'n': return holds(json_kind::null, rest.substr(0, 4), site);
      default: break;
    }
    const std::string_view number = rest.substr(0, rest.find_first_of(",}] \t\r\n"));
    return is_json_number(number) && holds(json_kind::number, number, site);
  }

  [[nodiscard]] bool holds(json_kind kind, std::string_view bytes, const test_site& site) const {
    std::string unused;  // nothing has to be decoded
    const json_text text{bytes};
    leaf_value value{kind, text, unused};
    return test_.holds(value, site);
  }

  std::string name_end_;
  ready_test test_;
};

/// Probes of which each event that matches meets one.
using probe_choice = std::vector<value_probe>;

/// Splits what is asked of an event into probes, each of which it has to meet, and the rest.
inline void find_probes(const expression& of, std::vector<probe_choice>& probes,
                        std::vector<expression>& rest) {
  constexpr std::size_t probes_max = 4;
  const auto fits = [](const expression& part) {
    return part.is() == expression::kind::term && value_probe::fits(part.condition());
  };
  if (of.is() == expression::kind::all_of) {
    for (const expression& part : of.parts()) find_probes(part, probes, rest);
    return;
  }
  const bool any = of.is() == expression::kind::any_of && of.parts().size() <= probes_max &&
                   std::all_of(of.parts().begin(), of.parts().end(), fits);
  if (probes.size() == probes_max || (!any && !fits(of))) return rest.push_back(of);
  probe_choice choice;
  if (!any) choice.emplace_back(of.condition());
  for (std::size_t i = 0; any && i < of.parts().size(); ++i) {
    choice.emplace_back(of.parts()[i].condition());
  }
  probes.push_back(std::move(choice));
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

/// What a query asks of an event before it is read: probes, and of the other terms literals, the
/// strongest first.
class prefilter {
 public:
  explicit prefilter(const expression& of) {
    std::vector<expression> rest;
    find_probes(of, probes_, rest);
    for (const expression& part : rest) {
      for (literal_choice& choice : required_choices(part)) literals_.push_back(std::move(choice));
    }
    constexpr std::size_t asked_max = 4;
    std::stable_sort(literals_.begin(), literals_.end(),
                     [](const auto& a, const auto& b) { return strength(a) > strength(b); });
    if (literals_.size() > asked_max) literals_.resize(asked_max);
  }

  /// Returns whether an event cannot match, when it is asked so.
  [[nodiscard]] bool excludes(std::string_view event, const test_site& site) const {
    if (is_empty()) return false;
    if (event.empty()) return true;  // and may have no address
    const auto has = [event](const std::string& one) {
      return find_bytes(event, one) != std::string_view::npos;
    };
    const auto may = [event, &site](const value_probe& one) { return one.may_hold(event, site); };
    const auto lacks = [](const auto& choices, const auto& meets) {
      return std::any_of(choices.begin(), choices.end(), [&meets](const auto& choice) {
        return std::none_of(choice.begin(), choice.end(), meets);
      });
    };
    return (lacks(literals_, has) || lacks(probes_, may)) &&
           std::memchr(event.data(), '\\', event.size()) == nullptr;
  }

  /// Returns whether it asks nothing, and so excludes nothing.
  [[nodiscard]] bool is_empty() const { return probes_.empty() && literals_.empty(); }

 private:
  std::vector<probe_choice> probes_{};
  std::vector<literal_choice> literals_{};
};

}  // namespace logdb::query::detail
