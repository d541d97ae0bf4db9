// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Index<Events>: records are JSON objects, checked when they are appended. The segments are those
/// of Index<Sparse>: what one of the two writes the other reads, and writes on.

#include <cstdint>
#include <string>
#include <string_view>

#include <logdb/index/events/event_check.hpp>
#include <logdb/index/events/event_index.hpp>
#include <logdb/index/events/event_verbs.hpp>
#include <logdb/index/events/query_verbs.hpp>
#include <logdb/index/sparse.hpp>
#include <logdb/index/summaries/summariser.hpp>
#include <logdb/index/summaries/summary_slot.hpp>
#include <logdb/policy/index.hpp>
#include <logdb/query/language/terms.hpp>

namespace logdb {

/// JSON events: what is appended is checked and kept byte for byte.
struct Events {
  struct options : Sparse::options {
    /// whether appends refuse what is not one JSON object
    event_check check = event_check::on_append;
    /// whether they refuse strings that are not Unicode, too
    event_utf8 utf8 = event_utf8::keep;
    /// path of the event's time, in queries; empty: the first of `ts`, `time`, `timestamp` and
    /// `@timestamp` that reads as one
    std::string time_field{};
    /// how sealed segments are summarised, so that queries read less
    summarising_options summaries{};

    /// Returns what is out of its range; null: nothing.
    [[nodiscard]] const char* fault() const {
      if (!time_field.empty() && !query::is_field(time_field)) {
        return "index.time_field must be the path of a field";
      }
      const char* const wrong = summaries.fault();
      return wrong != nullptr ? wrong : Sparse::options::fault();
    }
  };

  static constexpr std::string_view name = "Events";
  static constexpr std::uint32_t id = Sparse::id;
  static constexpr index_hooks hooks{"fault", "log_index"};

  /// Plain records, whatever they are.
  static constexpr bool reads(std::uint32_t written_by) { return Sparse::reads(written_by); }

  /// That of Sparse, and where the segment's summary is found.
  class segment_index : public Sparse::segment_index {
   public:
    using Sparse::segment_index::segment_index;
    [[nodiscard]] detail::summary_slot& summary() { return summary_; }

   private:
    detail::summary_slot summary_;
  };

  template <class Policies>
  using log_index = detail::event_index<Policies>;
  template <class Policies>
  using snapshot = typename detail::event_snapshot_of<Policies>::type;
  template <class Log>
  using transaction = logdb::transaction<Log>;

  template <class Log>
  class face : public detail::event_append_verbs<Log>,
               public detail::find_verbs<Log>,
               public detail::event_query_verbs<Log> {};

  template <class Transaction>
  class transaction_face : public detail::event_append_verbs<Transaction> {};
};

}  // namespace logdb
