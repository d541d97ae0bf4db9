// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What is asked of an event log: a query with its order, limit and window.

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include <logdb/error.hpp>
#include <logdb/query/compile.hpp>
#include <logdb/record.hpp>
#include <logdb/types.hpp>

namespace logdb {

/// The order in which a query gives its matches: that of their lsns, or the opposite one.
enum class query_order : std::uint8_t { oldest, newest };

/// How a query is asked.
struct query_options {
  query_order order = query_order::oldest;
  std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();  ///< matches at most
  std::optional<timestamp> from{};  ///< only events whose time, `_time`, is this or later
  std::optional<timestamp> to{};    ///< and before this
  std::stop_token stop{};           ///< ends the search early
};

/// What answering a query took.
struct query_report {
  std::string query{};               ///< as it was understood, the window included
  std::uint64_t segments = 0;        ///< of the log
  std::uint64_t summaries = 0;       ///< of those, whose summary was asked; the others are read
  std::uint64_t blocks = 0;          ///< of the segments that have one
  std::uint64_t blocks_skipped = 0;  ///< of those, in which the summary excludes a match
  std::uint64_t columns = 0;         ///< of paths, that were read to know
  std::uint64_t filter_rows = 0;     ///< of filters, the same
  std::uint64_t events = 0;          ///< looked at
  std::uint64_t bytes = 0;           ///< of those
  std::uint64_t excluded = 0;        ///< of those, not parsed: what the query needs is missing
  std::uint64_t matched = 0;         ///< of those
  std::uint64_t regex_skipped = 0;   ///< strings too long for a regular expression; none matched
};

/// Satisfied by whatever an event log can be asked: text, a condition in C++, or what compile() of
/// the log made of either.
template <class Query>
concept event_query = std::convertible_to<const Query&, std::string_view> ||
    std::same_as<Query, query::expression> || std::same_as<Query, query::compiled_query>;

namespace detail {

/// What a verb answers with, and so which pipes it takes beside `newest` and `oldest`.
enum class answer_form : std::uint8_t {
  events,     ///< `fields`
  count,      ///< a plain `count`
  aggregate,  ///< each that aggregates
};

[[noreturn]] inline void refuse_pipe(const query::parsed_query& of) {
  throw error{errc::bad_query,
              "`" + to_string(of) +
                  "` is not for this verb: query() takes newest, oldest and fields, count() a "
                  "plain count, aggregate() any aggregate"};
}

/// Returns the condition that an event's time lies in the window of some options.
inline query::expression window_of(const query_options& how) {
  const auto bound_at = [](const std::optional<timestamp>& at, bool inclusive) {
    if (!at) return query::bound{};
    return query::bound{
        .is = query::bound::kind::time, .inclusive = inclusive, .time = at->time_since_epoch()};
  };
  return query::expression{query::term{
      {query::place::time, {}}, query::range{bound_at(how.from, true), bound_at(how.to, false)}}};
}

/// Adds the window of some options to a query, if they have one.
inline query::compiled_query within_window(query::compiled_query asked, const query_options& how,
                                           const query::compile_options& log) {
  if (!how.from && !how.to) return asked;
  auto where = window_of(how);
  if (asked.where().is() != query::expression::kind::every) {
    where = query::expression::all_of({asked.where(), std::move(where)});
  }
  return query::compiled_query{{std::move(where), asked.pipes()}, log};
}

/// A query and how it is asked, the same for all who walk its matches.
struct event_question {
  query::compiled_query query;
  query_options how;
  timestamp now;                // when it was asked
  std::uint64_t summaries = 0;  // query::options_hash() of those that are believed

  /// @errors  errc::bad_query: a pipe that the form of the answer does not take
  event_question(query::compiled_query asked, query_options chosen, timestamp moment,
                 answer_form form)
      : query{std::move(asked)}, how{std::move(chosen)}, now{moment} {
    for (const query::pipe& each : query.pipes()) {
      using enum query::pipe::kind;
      if (each.is == newest || each.is == oldest) {
        how.order = each.is == newest ? query_order::newest : query_order::oldest;
        how.limit = std::min(how.limit, each.most);
      } else if (!takes(each, form)) {
        refuse_pipe({query.where(), query.pipes()});
      }
    }
  }

  [[nodiscard]] bool matches(const record& event, query::match_counts* counts = nullptr) const {
    return query.matches(event.text(), site_of(event), counts);
  }

  /// Tells whether every event matches.
  [[nodiscard]] bool asks_nothing() const {
    return query.where().is() == query::expression::kind::every;
  }

  [[nodiscard]] query::event_site site_of(const record& event) const {
    return {.appended = event.time(), .at = event.lsn(), .now = now};
  }

 private:
  static bool takes(const query::pipe& each, answer_form form) {
    if (each.is == query::pipe::kind::fields) return form == answer_form::events;
    const bool plain_count = each.is == query::pipe::kind::count && each.paths.empty();
    return each.aggregates() &&
           (form == answer_form::aggregate || (form == answer_form::count && plain_count));
  }
};

}  // namespace detail
}  // namespace logdb
