// SPDX-License-Identifier: BSL-1.0
/// @file
/// The verbs that every log has, on time logs. One in memory has none of them: no records.

#include "conformance/as_texts.hpp"
#include "conformance/suite.hpp"

namespace logdb::test {

namespace {

const std::vector<std::string> left_out{
    // snapshot() is of rows: unit/timelsm/reading
    "a_new_log_has_no_records", "a_snapshot_is_undisturbed_by_appends_and_truncation",
    "a_snapshot_outlives_its_log", "readers_beside_writers_see_a_growing_prefix",
    "an_open_one_delays_nobody", "one_larger_than_staging_is_committed_whole",
    "readers_are_undisturbed_by_retention",
    // a transaction reads rows, and has no records(): unit/timelsm/transaction_reads
    "one_that_is_over_or_has_another_in_it_refuses",
    "reads_inside_see_the_log_and_their_own_writes", "reads_inside_see_what_has_left_memory",
    "a_nested_rollback_reaches_what_has_left_memory",
    // truncate_front() and options::retention do not compile: reject/
    "truncation_gives_up_whole_segments_below_a_record",
    "truncation_takes_the_active_segment_only_where_nothing_is_to_stay",
    "truncation_takes_large_transactions_with_it", "retention_by_bytes_bounds_the_log",
    "retention_by_count_keeps_that_many_at_least", "retention_by_age_gives_up_what_is_older",
    "what_was_truncated_stays_away", "retention_is_applied_at_the_open"};

template <class Log>
tested_kind time_kind() {
  return {
      .name = name_of<Log>(),
      .persistent = true,
      .durable_on_return = Log::policies::durability::readable == watermark::durable,
      .finds = false,
      .open = open_texts<Log>,
      .typed = {},
      .left_out = left_out,
  };
}

}  // namespace

std::vector<tested_kind> tested_kinds() {
  return {time_kind<timelog>(), time_kind<timelog::with<Locking<Fcntl>>>(),
          time_kind<timelog::with<Storage<SingleFile>, Durability<Fsync>>>()};
}

}  // namespace logdb::test
