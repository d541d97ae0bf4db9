// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Queries that are ready to be asked of one event after another.

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/query/evaluate/event_time.hpp>
#include <logdb/query/evaluate/leaf.hpp>
#include <logdb/query/evaluate/path_match.hpp>
#include <logdb/query/evaluate/prefilter.hpp>
#include <logdb/query/evaluate/program.hpp>
#include <logdb/query/evaluate/tests.hpp>
#include <logdb/query/json.hpp>
#include <logdb/query/language/expression.hpp>
#include <logdb/query/language/parse.hpp>
#include <logdb/query/language/print.hpp>
#include <logdb/query/language/tree.hpp>
#include <logdb/types.hpp>

namespace logdb::query {

/// How a query is made ready.
struct compile_options {
  /// the path of an event's time; empty: the first of `ts`, `time`, `timestamp` and `@timestamp`
  /// that reads as one
  std::string time_field{};
};

/// What an event is told with that does not stand in it.
struct event_site {
  timestamp appended{};  ///< when it was appended: `_append`, and `_time` where no field has one
  lsn at{};              ///< `_lsn`
  timestamp now{};       ///< what `now` and `_time:15m` count from; as the query began
};

/// What evaluating cost beside time; added to.
struct match_counts {
  std::uint64_t excluded = 0;       ///< events that were not read: bytes or a value are missing
  std::uint64_t regex_skipped = 0;  ///< values over regex_value_bytes_max, which match nothing
};

/// A query, ready to be asked. Copies share what they are made of.
/// @threads  any, at the same time
class compiled_query {
 public:
  /// @errors  errc::bad_query: `options.time_field` is no path
  explicit compiled_query(parsed_query of, const compile_options& options = {})
      : ready_{std::make_shared<const ready>(std::move(of), options)} {}

  [[nodiscard]] const expression& where() const { return ready_->text.where; }
  [[nodiscard]] const std::vector<pipe>& pipes() const { return ready_->text.pipes; }
  [[nodiscard]] const detail::time_fields& time_fields() const { return ready_->times; }
  /// What is asked before an event is read; it only excludes.
  [[nodiscard]] const detail::prefilter& prefilter() const { return ready_->first; }

  /// Returns whether an event meets the condition; what is no JSON object has no fields.
  /// @param counts  where given, what it cost is added
  /// @cost  O(bytes), one walk, or a search alone where a literal is missing; allocates for names
  ///        and strings with escapes, regular expressions, and over 64 terms
  [[nodiscard]] bool matches(std::string_view event, const event_site& site,
                             match_counts* counts = nullptr) const;
  [[nodiscard]] bool matches(bytes_view event, const event_site& site,
                             match_counts* counts = nullptr) const {
    return matches(as_text(event), site, counts);
  }

 private:
  /// A term, made ready.
  struct numbered {
    detail::path_match path;
    detail::ready_test test;
    std::size_t number;
  };

  struct ready {
    ready(parsed_query of, const compile_options& options)
        : text{std::move(of)},
          first{text.where},
          times{options.time_field},
          tree{text.where, terms} {
      for (std::size_t i = 0; i < terms.size(); ++i) {
        const place where = terms[i].path.where;
        auto& list = where == place::field ? fields : where == place::anywhere ? anywhere : special;
        list.push_back({detail::path_match{terms[i].path}, detail::ready_test{terms[i].what}, i});
        walks = walks || (where != place::append && where != place::lsn);
        wants_time = wants_time || where == place::time;
      }
    }

    parsed_query text;
    detail::prefilter first;
    detail::time_fields times;
    std::vector<term> terms{};
    detail::program tree;
    std::vector<numbered> fields{};
    std::vector<numbered> anywhere{};
    std::vector<numbered> special{};
    bool walks = false;  // some term needs the event's text
    bool wants_time = false;
  };

  class evaluation;

  std::shared_ptr<const ready> ready_;
};

/// One event, asked once.
class compiled_query::evaluation {
 public:
  evaluation(const ready& of, const event_site& site, match_counts* counts)
      : query_{of},
        site_{site},
        told_{.now = site.now, .skipped = counts != nullptr ? &counts->regex_skipped : nullptr},
        states_{of.terms.size()},
        time_{of.times} {}

  bool run(std::string_view event) {
    settle_lsn_and_append();
    if (!query_.walks || decides()) return query_.tree.finally(states_);
    const auto told = [this](json_path names, json_kind kind, const json_text& text) {
      if (!decided_ || query_.wants_time) see(names, kind, text);
    };
    settle_rest(!walk_object(event, told));
    return query_.tree.finally(states_);
  }

 private:
  bool decides() { return decided_ = query_.tree.of(states_) != detail::verdict::open; }

  void see(json_path names, json_kind kind, const json_text& text) {
    detail::leaf_value value{kind, text, room_};
    if (query_.wants_time) time_.see(names, value);
    bool learned = false;
    for (const numbered& of : query_.fields) {
      if (states_[of.number] == detail::verdict::open) learned |= see_field(of, names, value);
    }
    if (value.is_string()) {
      for (const numbered& of : query_.anywhere) learned |= see_string(of, value);
    }
    if (learned) decides();
  }

  bool see_field(const numbered& of, json_path names, detail::leaf_value& value) {
    if (!of.test.wants_presence()) {
      return of.path.is_at(names) && settle(of, of.test.holds(value, told_));
    }
    const detail::path_relation relation = of.path.of(names);
    return settle(of, relation.above || (relation.at && of.test.holds(value, told_)));
  }

  bool see_string(const numbered& of, detail::leaf_value& value) {
    if (states_[of.number] != detail::verdict::open) return false;
    told_.by_word = true;
    const bool holds = of.test.holds(value, told_);
    told_.by_word = false;
    return settle(of, holds);
  }

  /// Notes that a term holds; that it does not is known at the end only.
  bool settle(const numbered& of, bool holds) {
    if (holds) states_[of.number] = detail::verdict::holds;
    return holds;
  }

  void settle_surely(const numbered& of, bool holds) {
    states_[of.number] = holds ? detail::verdict::holds : detail::verdict::fails;
  }

  void settle_lsn_and_append() {
    for (const numbered& of : query_.special) {
      if (of.path.path().where == place::append) {
        settle_surely(of, of.test.holds(site_.appended, told_));
      } else if (of.path.path().where == place::lsn) {
        std::array<char, 20> digits;
        const auto end =
            std::to_chars(digits.data(), digits.data() + digits.size(), site_.at.value()).ptr;
        const json_text text{{digits.data(), static_cast<std::size_t>(end - digits.data())}};
        detail::leaf_value value{json_kind::number, text, room_};
        settle_surely(of, of.test.holds(value, told_));
      }
    }
  }

  /// Settles what the end of the walk tells. Of a record that is no object no field holds.
  void settle_rest(bool malformed) {
    if (malformed) {
      for (const auto* list : {&query_.fields, &query_.anywhere}) {
        for (const numbered& of : *list) settle_surely(of, false);
      }
    }
    for (const numbered& of : query_.special) {
      if (of.path.path().where == place::time) {
        const timestamp time = malformed ? site_.appended : time_.or_else(site_.appended);
        settle_surely(of, of.test.holds(time, told_));
      } else if (of.path.path().where == place::malformed) {
        const json_text text{malformed ? "true" : "false"};
        detail::leaf_value value{malformed ? json_kind::true_ : json_kind::false_, text, room_};
        settle_surely(of, of.test.holds(value, told_));
      }
    }
  }

  const ready& query_;
  const event_site& site_;
  detail::test_site told_;
  detail::term_states states_;
  detail::time_finder time_;
  std::string room_{};    // where strings with escapes are decoded
  bool decided_ = false;  // further leaves change nothing, unless the event is malformed
};

inline bool compiled_query::matches(std::string_view event, const event_site& site,
                                    match_counts* counts) const {
  if (ready_->first.excludes(event, {.now = site.now})) {
    if (counts != nullptr) ++counts->excluded;
    return false;
  }
  return evaluation{*ready_, site, counts}.run(event);
}

/// Makes a query ready.
/// @errors  errc::bad_query, with the place in `text`
inline compiled_query compile(std::string_view text, const compile_options& options = {}) {
  return compiled_query{parse(text), options};
}

/// Makes a condition ready that was written in C++.
inline compiled_query compile(const expression& where, const compile_options& options = {}) {
  return compiled_query{parsed_query{where, {}}, options};
}

}  // namespace logdb::query
