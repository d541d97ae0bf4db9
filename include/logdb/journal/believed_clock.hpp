// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// How much time has passed by the times of a log, some of which may be wrong.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

#include <logdb/types.hpp>

namespace logdb::detail {

/// Adds up the steps between times that follow one another in a log.
///
/// A small step ahead is believed. A leap ahead is so only when the clock has leapt on from there
/// without having come back: one that was wrong once has not. When it comes back, or forth from
/// where it had fallen to, time goes on from before.
class believed_clock {
 public:
  using duration = std::chrono::nanoseconds;

  /// @param small  the largest step that is believed at once
  explicit believed_clock(duration small)
      : small_{small > duration{} ? static_cast<std::uint64_t>(small.count()) : 0} {}

  /// Goes on to the next time. @return what has passed since the first, in nanoseconds
  std::uint64_t go_to(timestamp time) {
    if (started_) {
      step_to(time);
    } else {
      at_ = before_ = time;
      started_ = true;
    }
    return passed_;
  }

  /// Tells whether the last time came by a leap ahead that is not believed yet.
  [[nodiscard]] bool has_leapt() const { return state_ == state::ahead; }
  /// Returns by how much; 0 when it did not.
  [[nodiscard]] std::uint64_t leapt() const { return has_leapt() ? leapt_ : 0; }
  /// Returns the time before that leap.
  [[nodiscard]] timestamp before() const { return before_; }

 private:
  enum class state : std::uint8_t { sure, ahead, behind };

  /// Not by a difference of times: those in a file may be any.
  static std::uint64_t between(timestamp from, timestamp to) {
    return static_cast<std::uint64_t>(to.time_since_epoch().count()) -
           static_cast<std::uint64_t>(from.time_since_epoch().count());
  }
  [[nodiscard]] bool is_small(timestamp from, timestamp to) const {
    return from <= to && between(from, to) <= small_;
  }
  void pass(std::uint64_t time) {
    passed_ += std::min(time, std::numeric_limits<std::uint64_t>::max() - passed_);
  }

  void step_to(timestamp time) {
    if (is_small(at_, time)) {
      pass(between(at_, time));
    } else if (state_ != state::sure && is_small(before_, time)) {
      pass(between(before_, time));
      state_ = state::sure;
    } else if (time > at_ && state_ != state::behind) {
      if (state_ == state::ahead) pass(leapt_);
      leap(at_, time);
    } else if (state_ != state::sure && time > before_) {
      leap(before_, time);
    } else {
      if (state_ == state::sure) before_ = at_;
      state_ = state::behind;
    }
    at_ = time;
  }

  void leap(timestamp from, timestamp to) {
    before_ = from;
    leapt_ = between(from, to);
    state_ = state::ahead;
  }

  std::uint64_t small_;
  bool started_ = false;
  state state_ = state::sure;
  timestamp at_{};           // the last time
  timestamp before_{};       // before a leap ahead or a fall back, unless sure
  std::uint64_t leapt_ = 0;  // from there, when ahead
  std::uint64_t passed_ = 0;
};

/// By how much a clock may be set right without having been wrong.
inline constexpr std::chrono::hours clock_slack{1};

/// Tells whether a time is later by more than that.
inline bool is_far_behind(timestamp time, timestamp later) {
  believed_clock steps{clock_slack};
  steps.go_to(time);
  steps.go_to(later);
  return steps.has_leapt();
}

/// Gives marks their times. They ascend, but that a clock which leapt ahead may come back where a
/// segment begins.
struct mark_clock {
  timestamp time{};        // of the last mark
  timestamp leapt_from{};  // where the clock last leapt ahead from; 0: it did not

  /// Tells whether the clock had leapt ahead and has come back: that leap was wrong.
  /// @param log  has clock(), which is asked only where there was one
  template <class Log>
  [[nodiscard]] bool has_come_back(const Log& log) const {
    if (leapt_from == timestamp{}) return false;
    const timestamp now = log.clock();
    return leapt_from <= now && is_far_behind(now, time);
  }
  /// Goes on to the time of the clock; back, if it has come back.
  template <class Log>
  void turn(const Log& log) {
    if (has_come_back(log)) time = leapt_from, leapt_from = {};
    const timestamp now = log.clock();
    if (is_far_behind(time, now)) leapt_from = time;
    time = std::max(time, now);
  }
};

}  // namespace logdb::detail
