// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The part of an event log's index that lives as long as the log: it has the segments summarised.

#include <utility>

#include <logdb/index/summaries/summariser.hpp>
#include <logdb/journal/read/snapshot.hpp>
#include <logdb/journal/transaction.hpp>
#include <logdb/journal/view/index_view.hpp>
#include <logdb/query/summary/build/builder.hpp>

namespace logdb::detail {

/// Returns what shapes the summaries of a log with these options.
template <class Options>
query::summary_options summary_shape(const Options& of) {
  return {.block_bytes = of.summaries.block_bytes,
          .summary_share_max = of.summaries.share_max,
          .time_field = of.time_field};
}

/// The snapshots of an event log: those of any; the contract of an index asks for one of no log.
template <class Policies>
struct event_snapshot_of {
  using type = void;
};
template <class Policies>
requires requires { typename Policies::storage; }
struct event_snapshot_of<Policies> {
  using type = log_snapshot<Policies>;
};

/// @threads  any
template <class Policies>
class event_index {
 public:
  using transaction_state = detail::transaction_state<Policies>;

  explicit event_index(index_view<Policies> view)
      : view_{std::move(view)},
        summariser_{view_, view_.options().index.summaries, summary_shape(view_.options().index)} {
    summariser_.start();
  }
  event_index(const event_index&) = delete;
  event_index& operator=(const event_index&) = delete;

  [[nodiscard]] log_snapshot<Policies> snapshot() { return view_.snapshot(); }
  template <class Transaction>
  [[nodiscard]] Transaction begin() {
    return Transaction{view_.begin_records()};
  }
  [[nodiscard]] summariser<Policies>& summaries() { return summariser_; }
  void close() { summariser_.stop(); }

 private:
  index_view<Policies> view_;
  summariser<Policies> summariser_;
};

}  // namespace logdb::detail
