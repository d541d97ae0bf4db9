// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Named cursors: a consumer's place, kept in the log itself.

#include <stop_token>
#include <string>
#include <utility>

#include <logdb/journal/read/tail.hpp>
#include <logdb/policy/index.hpp>

namespace logdb {

/// The place of a named consumer. Exactly what was acknowledged is not given again; after a
/// crash at least once, since an acknowledgement is as durable as an append of the same log.
///
/// Does not hold retention back. The log object must outlive it and stay where it is; what
/// `records()` gave may outlive both.
/// @threads  any; the last acknowledgement in log order counts
template <class Log>
class log_cursor {
 public:
  log_cursor(Log& log, std::string name) : log_{&log}, name_{std::move(name)} {}

  [[nodiscard]] const std::string& name() const { return name_; }

  /// Returns the record to read next: the one behind the last acknowledged, or the log's first.
  [[nodiscard]] lsn next() const {
    return std::max(detail::log_access::view(*log_).cursor(name_) + 1, log_->first_lsn());
  }

  /// Returns how many records were given up, by retention or truncation, before they were
  /// acknowledged: next() has passed them.
  [[nodiscard]] std::uint64_t missed() const {
    return next() - (detail::log_access::view(*log_).cursor(name_) + 1);
  }

  /// Returns what is there from next() on.
  [[nodiscard]] auto records() const { return log_->records(next()); }

  /// Returns the same and waits for more.
  [[nodiscard]] auto tail(std::stop_token stop = {}) const {
    return record_tail<Log>{*log_, next(), std::move(stop)};
  }

  /// Says that everything up to and with `done` was dealt with. May go back, to read again.
  ///
  /// @errors      as append(); errc::invalid_argument beyond last_lsn()
  /// @durability  as an append
  void acknowledge(lsn done) { detail::log_access::view(*log_).set_cursor(name_, done); }

 private:
  Log* log_;
  std::string name_;
};

}  // namespace logdb
