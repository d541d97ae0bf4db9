// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A pinned, consistent view of a log.

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <logdb/journal/read/stretches.hpp>

namespace logdb {

/// A log as it stood at one moment: a prefix without holes, that neither appends nor truncation
/// change.
///
/// Holding one keeps the segments that it covers on disk. It may outlive the log.
/// @threads  any
/// @cost     to make: O(1), no copy
template <class Policies>
class basic_log_snapshot {
 public:
  basic_log_snapshot() = default;
  explicit basic_log_snapshot(detail::read_scope<Policies> scope) : scope_{std::move(scope)} {}

  /// Returns the oldest lsn that was not given up; last_lsn() + 1 when the log is empty.
  [[nodiscard]] lsn first_lsn() const { return scope_.first; }
  /// Returns the newest lsn; first_lsn() - 1 when the log is empty.
  [[nodiscard]] lsn last_lsn() const { return scope_.last; }
  [[nodiscard]] std::uint64_t size() const { return (scope_.last + 1) - scope_.first; }

  /// Returns the log as it stood right behind a record, which is one of those here or the one
  /// before the first.
  [[nodiscard]] basic_log_snapshot until(lsn last) const {
    auto scope = scope_;
    scope.last = std::clamp(last, scope.first - 1, scope.last);
    return basic_log_snapshot{std::move(scope)};
  }

  [[nodiscard]] record_range<Policies> records() const { return {scope_, scope_.first}; }

  /// Returns the records from `from` on; none when it lies above last_lsn().
  /// @errors  errc::truncated below first_lsn(), unless nothing was ever given up
  [[nodiscard]] record_range<Policies> records(lsn from) const {
    return {scope_, require_kept(from)};
  }

  /// Returns the records in [from, to); none when the range is empty or inverted.
  [[nodiscard]] record_range<Policies> records(lsn from, lsn to) const {
    if (from >= to) return {{}, lsn{1}};
    auto scope = scope_;
    scope.last = std::min(scope.last, to - 1);
    return {std::move(scope), require_kept(from)};
  }

  /// Returns the records of stretches that an index has chosen, in their order: of the rest nothing
  /// is read.
  /// @errors  while walking: errc::corrupt also where no frame stands as chosen
  [[nodiscard]] stretch_range<Policies> records(std::vector<record_stretch> chosen) const {
    return {scope_, std::move(chosen)};
  }

  /// Returns one record.
  /// @errors  errc::truncated, errc::not_found, errc::corrupt
  [[nodiscard]] record read(lsn at) const {
    if (at > scope_.last || (at < lsn{1} && scope_.first == lsn{1})) throw_not_found(at);
    for (const record& found : records(at)) {
      if (found.lsn() != at) break;  // salvage skipped it
      return found;
    }
    throw_not_found(at);
  }

  /// Returns the first record whose commit group began at `time` or later. Where a clock came back
  /// by more than an hour, what it had put ahead counts as of then.
  [[nodiscard]] std::optional<lsn> find_time(timestamp time) const {
    for (const record& candidate : records(floor(time))) {
      if (candidate.time() >= time) return candidate.lsn();
    }
    return std::nullopt;
  }

  /// Returns the scope, for the parts of the library that walk it themselves.
  [[nodiscard]] const detail::read_scope<Policies>& scope() const { return scope_; }

 private:
  [[nodiscard]] lsn require_kept(lsn from) const {
    if (from >= scope_.first) return from;
    if (scope_.first == lsn{1}) return scope_.first;
    throw error{
        errc::truncated,
        "the record was given up; the first kept is lsn " + std::to_string(scope_.first.value()),
        {.at = from}};
  }

  /// Returns a record at or before the first from which on none is older than a time: where a
  /// segment begins, times may go back.
  [[nodiscard]] lsn floor(timestamp time) const {
    if (scope_.last < scope_.first) return scope_.first;
    const auto& log = scope_.list->log;
    const auto last = std::find_if(log.rbegin(), log.rend(), [time](const auto& segment) {
      return segment->base() && segment->time_first() < time;
    });
    if (last == log.rend()) return scope_.first;
    const auto& segment = *last;
    const auto entry = segment->known_entries().floor(time);
    return std::max(scope_.first, entry ? entry->first : segment->base());
  }

  [[noreturn]] void throw_not_found(lsn at) const {
    if (at >= scope_.first && at <= scope_.last) {
      throw error{errc::not_found,
                  scope_.salvage ? "the record was damaged, or compacted away"
                                 : "the record was compacted away",
                  {.at = at, .remedy = "records(from) gives those that are there"}};
    }
    throw error{errc::not_found,
                "there is no such record; the last is lsn " + std::to_string(scope_.last.value()),
                {.at = at, .remedy = "read from first_lsn() to last_lsn()"}};
  }

  detail::read_scope<Policies> scope_;
};

/// The snapshot of a log: one type for all its durabilities and lockings.
template <class Policies>
using log_snapshot = basic_log_snapshot<detail::stored_of<Policies>>;

}  // namespace logdb
