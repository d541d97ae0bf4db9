// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Random aggregates, as text and as what they come to, counted in the plainest way. Written apart
/// from include/logdb/query, of docs/events.md alone.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "unit/query/naive/meaning.hpp"
#include "unit/query/naive/random_query.hpp"
#include "unit/query/naive/tree.hpp"

namespace logdb::test::naive {

/// What tells values apart: their kind and what they say; numbers by value.
inline std::string key_of_number(long double number) {
  char digits[64];
  std::snprintf(digits, sizeof digits, "n%.21Lg", number + 0.0L);
  return digits;
}
inline std::string key_of(const value& of) {
  switch (of.is) {
    case value::kind::string: return "s" + of.text;
    case value::kind::number:
      return beyond(of.text) ? "b" + of.text : key_of_number(number(of.text));
    case value::kind::true_: return "true";
    case value::kind::false_: return "false";
    default: return {};
  }
}

/// The values of a path that an aggregate sees: neither null nor objects.
inline std::vector<value> values_at(const std::optional<value>& event,
                                    const std::vector<part>& parts) {
  std::vector<value> found;
  if (!event) return found;
  any_at(*event, parts, 0, [&found](const value& of) {
    if (!key_of(of).empty()) found.push_back(of);
    return false;
  });
  return found;
}

/// An event that was found, and its time.
struct found_event {
  std::optional<value> event;
  long double time;
};

/// A group: the keys of the values that it is by, and its events, each once.
using groups = std::map<std::vector<std::string>, std::vector<const found_event*>>;

inline groups grouped(const std::vector<found_event>& events,
                      const std::vector<std::vector<part>>& by) {
  groups made;
  if (by.empty()) made[{}];
  for (const found_event& each : events) {
    std::set<std::vector<std::string>> choices{{}};
    for (const auto& path : by) {
      std::set<std::vector<std::string>> longer;
      const std::vector<value> values = values_at(each.event, path);
      for (std::vector<std::string> choice : choices) {
        choice.emplace_back("absent");
        if (values.empty()) longer.insert(choice);
        for (const value& each_value : values) {
          choice.back() = key_of(each_value);
          longer.insert(choice);
        }
      }
      choices = std::move(longer);
    }
    for (const auto& choice : choices) made[choice].push_back(&each);
  }
  return made;
}

/// Returns what a function of `stats` gives for the events of a group; nothing: absent.
inline std::optional<long double> figure_of(const std::string& function,
                                            const std::vector<const found_event*>& events,
                                            const std::vector<part>& path) {
  std::vector<long double> numbers;
  std::set<std::string> keys;
  for (const found_event* each : events) {
    for (const value& each_value : values_at(each->event, path)) {
      keys.insert(key_of(each_value));
      if (each_value.is == value::kind::number) numbers.push_back(number(each_value.text));
    }
  }
  if (function == "count") return events.size();
  if (function == "distinct") return keys.size();
  if (numbers.empty()) return std::nullopt;
  std::sort(numbers.begin(), numbers.end());
  long double sum = 0;
  for (const long double each : numbers) sum += each;
  if (function == "sum" || function == "avg") {
    if (std::isnan(sum)) return std::nullopt;
    return function == "sum" ? sum : sum / static_cast<long double>(numbers.size());
  }
  if (function == "min") return numbers.front();
  if (function == "max") return numbers.back();
  const long double percent = function == "median" ? 50 : std::stold(function.substr(1));
  std::size_t rank = 1;
  while (static_cast<long double>(rank) * 100 <
         percent * static_cast<long double>(numbers.size())) {
    ++rank;
  }
  return numbers[rank - 1];
}

/// An aggregate as text, and its parts.
struct asked_aggregate {
  std::string text;
  std::vector<std::vector<part>> by;
  std::vector<std::pair<std::string, std::vector<part>>> figures;  // function and path
  std::int64_t width = 0;                                          // of a histogram
};

/// Makes aggregates, too.
class aggregate_generator : public generator {
 public:
  using generator::generator;

  asked_aggregate aggregate() {
    asked_aggregate made;
    switch (below(4)) {
      case 0:
        made.width = pick({"1", "24"}) == "1" ? 3'600'000'000'000 : 86'400'000'000'000;
        made.text = made.width == 3'600'000'000'000 ? "histogram 1h" : "histogram 1d";
        add_by(made, below(2));
        break;
      case 1:
      case 2:
        made.text = "stats ";
        for (std::size_t i = 0; i < 1 + below(3); ++i) add_figure(made);
        add_by(made, below(3));
        break;
      default:
        made.text = "count";
        add_by(made, below(3));
        break;
    }
    return made;
  }

 private:
  void add_by(asked_aggregate& to, std::size_t paths) {
    for (std::size_t i = 0; i < paths; ++i) {
      const path where = any_path();
      to.text += (i == 0 ? " by " : ", ") + where.text;
      to.by.push_back(where.parts);
    }
  }

  void add_figure(asked_aggregate& to) {
    const path where = any_path();
    const std::string function = pick({"count", "sum", "avg", "min", "max", "median", "p0", "p10",
                                       "p99", "p100", "distinct", "distinct"});
    if (!to.figures.empty()) to.text += ", ";
    to.text += function == "count" ? function : function + "(" + where.text + ")";
    to.figures.emplace_back(function, where.parts);
  }
};

}  // namespace logdb::test::naive
