// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The verbs that ask an event log.

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include <logdb/error.hpp>
#include <logdb/index/events/event_index.hpp>
#include <logdb/index/events/event_matches.hpp>
#include <logdb/index/events/event_question.hpp>
#include <logdb/policy/index.hpp>
#include <logdb/query/aggregate.hpp>
#include <logdb/query/compile.hpp>
#include <logdb/query/fields.hpp>

namespace logdb::detail {

/// Gives the verbs that ask to a log of events. A query is text, a condition in C++, or what
/// compile() made of either: docs/events.md.
template <class Log>
class event_query_verbs {
 public:
  /// Reads a query once, to be asked often, by any thread.
  /// @errors  errc::bad_query, with the column and what was expected there
  template <event_query Query>
  [[nodiscard]] query::compiled_query compile(const Query& asked) const {
    const query::compile_options chosen = compile_options();
    if constexpr (std::convertible_to<const Query&, std::string_view>) {
      return query::compile(std::string_view{asked}, chosen);
    } else if constexpr (std::same_as<Query, query::expression>) {
      return query::compile(asked, chosen);
    } else {
      return asked;
    }
  }

  /// Returns all events that a query finds, as the log stands now.
  ///
  /// @errors   errc::bad_query, also for a pipe that aggregates; errc::closed
  /// @threads  any; waits for no writer
  /// @cost     to make: that of a snapshot and of compile(); the search is the range's
  template <event_query Query>
  [[nodiscard]] auto query(const Query& asked, const query_options& how = {}) const {
    return event_matches<typename Log::policies>{self().snapshot().scope(),
                                                 ask(asked, how, answer_form::events)};
  }

  /// Returns how many events a query finds.
  /// @errors  as query(), but that it takes a plain `count`; errc::corrupt
  /// @cost    as a walk over the matches; where codes of summaries say all, no event is read
  template <event_query Query>
  [[nodiscard]] std::uint64_t count(const Query& asked, const query_options& how = {}) const {
    const auto question = ask(asked, how, answer_form::count);
    match_counter<stored_of<typename Log::policies>> counter{self().snapshot().scope(), question};
    return counter.count();
  }

  /// Answers the aggregate that a query ends with, such as `| count by service`, over the events
  /// that it finds; without one, their count.
  /// @errors  as query(), but for those pipes; errc::too_large: over one of the limits;
  ///          errc::corrupt
  /// @cost    reads all events; memory for the groups
  template <event_query Query>
  [[nodiscard]] query::answer aggregate(const Query& asked, const query_options& how = {},
                                        const query::aggregate_options& limits = {}) const {
    const auto question = ask(asked, how, answer_form::aggregate);
    query::aggregator groups{question->query, limits};
    const event_matches<typename Log::policies> matches{self().snapshot().scope(), question};
    for (const record& event : matches) groups.add(event.text(), question->site_of(event));
    return groups.result();
  }

  /// Calls `sink(std::string_view)` for each event that a query finds, with a line of JSON and its
  /// end, of the fields that it names with `| fields a, b`, or of the whole event; line ends within
  /// an event become spaces. Returns how many there were.
  /// @errors  as query(), errc::corrupt, and what the sink throws
  template <event_query Query, class Sink>
  std::uint64_t export_lines(const Query& asked, Sink&& sink, const query_options& how = {}) const {
    const query::field_view fields{compile(asked)};
    std::uint64_t lines = 0;
    std::string line;
    for (const record& event : query(asked, how)) {
      line = event.text();
      if (!fields.is_empty()) {
        line = fields.text(line, {.appended = event.time(), .at = event.lsn()});
      }
      for (char& byte : line) {
        if (byte == '\n' || byte == '\r') byte = ' ';
      }
      line += '\n';
      sink(std::string_view{line});
      ++lines;
    }
    return lines;
  }

  /// Answers a query, and returns what that took; the order does not matter, nor does the limit.
  /// @errors  as count()
  /// @cost    reads all events
  template <event_query Query>
  [[nodiscard]] query_report explain(const Query& asked, const query_options& how = {}) const {
    const auto seen = self().snapshot();
    const auto question = ask(asked, how, answer_form::aggregate);
    query_report report{.query = to_string(question->query.where())};
    report.segments = seen.scope().list->log.size();
    query::match_counts counts;
    event_stretches<typename Log::policies> stretches{seen.scope(), question};
    stretch_reader<typename Log::policies> reader{seen.scope()};
    record event;
    for (event_stretch part; stretches.next(part, &report);) {
      reader.go_to(part);
      while (reader.next(event) && !question->how.stop.stop_requested()) {
        ++report.events;
        report.bytes += event.size();
        report.matched += question->matches(event, &counts) ? 1 : 0;
      }
    }
    report.excluded = counts.excluded;
    report.regex_skipped = counts.regex_skipped;
    return report;
  }

  /// Makes the summaries that sealed segments lack, here and now, unless another process does.
  /// Queries do not need them, but read less where they are.
  /// @errors  errc::no_space, errc::io: what was finished stays; errc::closed; errc::read_only
  /// @blocks  for the summariser, if that is at work; no append waits for either
  /// @cost    reads the segments
  void summarise() {
    auto view = log_access::view(self());
    if (mode_of(view.options()) == open_mode::read_only) throw_read_only();
    view.index().summaries().run();
  }
  /// Returns what there is of summaries, and how far they are behind.
  /// @errors  errc::closed
  /// @cost    up to two system calls a segment
  [[nodiscard]] summary_stats index_stats() const {
    return log_access::view(self()).index().summaries().stats();
  }

  /// For the log's `tail`: those of its records that a query finds.
  template <event_query Query>
  [[nodiscard]] event_tail<Log> tail_matches(const Query& asked, lsn from, std::stop_token stop) {
    auto question = ask(asked, {}, answer_form::events);
    if (!question->query.pipes().empty()) {
      refuse_pipe({question->query.where(), question->query.pipes()});
    }
    return {static_cast<Log&>(*this).tail(from, std::move(stop)), std::move(question)};
  }

 private:
  [[nodiscard]] const Log& self() const { return static_cast<const Log&>(*this); }

  [[nodiscard]] query::compile_options compile_options() const {
    return {.time_field = log_access::view(self()).options().index.time_field};
  }

  template <class Query>
  [[nodiscard]] std::shared_ptr<const event_question> ask(const Query& asked,
                                                          const query_options& how,
                                                          answer_form form) const {
    auto question =
        std::make_shared<event_question>(within_window(compile(asked), how, compile_options()), how,
                                         Log::policies::storage::system::now(), form);
    const auto& index = log_access::view(self()).options().index;
    question->summaries = query::options_hash(summary_shape(index));
    return question;
  }
};

}  // namespace logdb::detail
