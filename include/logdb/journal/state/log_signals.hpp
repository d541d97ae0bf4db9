// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What the threads of a log wake each other by.

#include <atomic>
#include <chrono>
#include <cstdint>

#include <logdb/journal/staging/staging.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/mutex.hpp>

namespace logdb::detail {

/// The events of one process's log, and whether a reader waits for more, of any process.
///
/// @threads  any
template <class Storage, bool is_shared>
class log_signals {
 public:
  using system = typename Storage::system;
  using event = platform::basic_event<system>;

  // How often a reader says again that it waits.
  static constexpr std::chrono::milliseconds watch_time{100};

  /// @param ring  has the control file once the log is open
  explicit log_signals(staging<Storage>& ring) : ring_{ring} {}

  /// Signalled when written or durable moved, or the state changed.
  [[nodiscard]] auto& progress() {
    if constexpr (is_shared) {
      return ring_.header().progress;
    } else {
      return own_progress_;
    }
  }

  /// Counts a reader that waits for more, until forget_reader().
  void count_reader() {
    readers_.fetch_add(1, std::memory_order_relaxed);
    watch();
  }
  void forget_reader() { readers_.fetch_sub(1, std::memory_order_relaxed); }
  /// Registers a waiting reader for `watch_time` with the other processes; a dead process drops out
  /// by itself.
  void watch() {
    if constexpr (is_shared) {
      ring_.header().watched_until.store((system::uptime() + watch_time).count(),
                                         std::memory_order_relaxed);
    }
  }
  /// Tells whether a reader waits for more.
  [[nodiscard]] bool is_watched() {
    if (readers_.load(std::memory_order_relaxed) != 0) return true;
    if constexpr (is_shared) {
      const std::chrono::nanoseconds until{
          ring_.header().watched_until.load(std::memory_order_relaxed)};
      // Told by the clock of a process that may live in another time namespace: no trust is long.
      const std::chrono::nanoseconds left = until - system::uptime();
      return until.count() != 0 && left.count() > 0 && left <= trust_max;
    }
    return false;
  }

  event work;     // for the thread that commits
  event settled;  // a sealed segment stands in the manifest, whole
  event chores;   // for the thread that keeps segments ready

 private:
  static constexpr std::chrono::nanoseconds trust_max = 2 * watch_time;

  staging<Storage>& ring_;
  platform::basic_atomic<system, std::uint32_t> readers_ = 0;  // that wait for more
  event own_progress_;  // of progress(), where no other process has one
};

}  // namespace logdb::detail
