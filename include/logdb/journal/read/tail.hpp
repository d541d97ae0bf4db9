// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The range that waits for more: what `tail()` gives.

#include <iterator>
#include <stop_token>
#include <utility>

#include <logdb/journal/read/record_walker.hpp>
#include <logdb/policy/index.hpp>

namespace logdb {

/// The records of a log from one on, those that are still to come included.
///
/// ++ waits at the end of the log. It ends when a stop is requested, or the log is closed or fails,
/// after what was there then; however much is appended meanwhile. Single-pass. The log object must
/// outlive it and stay where it is; its records may outlive both.
/// @errors   errc::corrupt; errc::truncated when retention overtook it; errc::closed in a child of
///           the process that opened the log, and when the log was moved from
/// @threads  one at a time; any number of tails
template <class Log>
class record_tail {
 public:
  record_tail(Log& log, lsn from, std::stop_token stop)
      : log_{&log}, stop_{std::move(stop)}, seen_{from - 1} {}

  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = record;
    using difference_type = std::ptrdiff_t;

    iterator() = default;
    const record& operator*() const { return tail_->current_; }
    const record* operator->() const { return &tail_->current_; }
    iterator& operator++() {
      tail_->advance();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& a, std::default_sentinel_t) { return a.is_over(); }

   private:
    friend class record_tail;
    explicit iterator(record_tail& tail) : tail_{&tail} {}
    [[nodiscard]] bool is_over() const { return tail_->done_; }
    record_tail* tail_ = nullptr;
  };

  /// Waits for the first record.
  [[nodiscard]] iterator begin() {
    advance();
    return iterator{*this};
  }
  [[nodiscard]] static std::default_sentinel_t end() { return {}; }

 private:
  void advance() {
    detail::log_access::view(*log_).require_own();
    if (!last_look_ && stop_.stop_requested()) look_last();
    while (!step()) {
      if (last_look_) {
        done_ = true;
        return;
      }
      detail::log_access::view(*log_).wait_beyond(seen_, stop_) ? look_again() : look_last();
    }
  }

  /// What is appended from here on is no longer given.
  void look_last() {
    look_again();
    last_look_ = true;
  }

  bool step() {
    if (!begun_ || !walker_.next(current_)) return false;
    seen_ = current_.lsn();
    return true;
  }

  void look_again() {
    auto scope = detail::log_access::view(*log_).scope();
    if (begun_) return walker_.extend(std::move(scope));
    if (seen_ + 1 < scope.first && scope.first > lsn{1}) {
      throw error{errc::truncated,
                  "the first record kept is lsn " + std::to_string(scope.first.value()),
                  {.at = seen_ + 1}};
    }
    if (scope.last <= seen_) return;
    walker_ = detail::record_walker<typename Log::policies>{std::move(scope), seen_ + 1};
    begun_ = true;
  }

  Log* log_;
  std::stop_token stop_;
  lsn seen_;  // the last record given
  detail::record_walker<typename Log::policies> walker_;
  bool begun_ = false;
  bool last_look_ = false;
  bool done_ = false;
  record current_;
};

}  // namespace logdb
