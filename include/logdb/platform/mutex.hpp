// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `basic_mutex` and `basic_event`: locks of a few bytes over the futex of a system, and
/// `backoff` to spin before.

#include <atomic>
#include <chrono>
#include <climits>
#include <cstdint>
#include <optional>

#include <logdb/platform/atomic.hpp>
#include <logdb/platform/expects.hpp>
#include <logdb/platform/posix.hpp>

namespace logdb::platform {

/// Tells the processor that this is a spin loop.
inline void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");  // `yield` does nothing on most cores
#endif
}

/// Spins with pauses that double, for about as long as a futex wake takes to arrive.
///
/// Usage: `for (backoff spin; spin.next();) if (done()) return;`
class backoff {
 public:
  /// Pauses and returns true, or returns false at once when it is time to sleep.
  bool next() {
    if (round_ == rounds) return false;
    for (int i = 0; i < (1 << round_); ++i) relax();
    return ++round_, true;
  }

 private:
  static constexpr int rounds = 8;  // 255 pauses: 3 .. 10 µs

  int round_ = 0;
};

/// A mutex of 4 bytes for the threads of one process; models std's and Boost.Interprocess'
/// Lockable.
///
/// Throughput goes before fairness: whoever runs may take it before a thread that was just woken.
///
/// @threads  any; not recursive
/// @cost     lock and unlock without contention: two atomic instructions, no system call
/// @source   Drepper, "Futexes Are Tricky", 2011: mutex3
template <class System>
class basic_mutex {
 public:
  basic_mutex() = default;
  basic_mutex(const basic_mutex&) = delete;
  basic_mutex& operator=(const basic_mutex&) = delete;

  /// @blocks until it is free
  void lock() {
    if (!try_lock()) lock_contended();
  }

  [[nodiscard]] bool try_lock() {
    std::uint32_t expected = state_free;
    // Acquire: pairs with the release in unlock().
    return word_.compare_exchange_strong(expected, state_held, std::memory_order_acquire,
                                         std::memory_order_relaxed);
  }

  /// Tells whether nobody holds it; then what was done under it before is seen.
  [[nodiscard]] bool is_free() const {
    // Acquire: pairs with the release in unlock().
    return word_.load(std::memory_order_acquire) == state_free;
  }

  /// Tells whether some thread holds it; for checks that the caller does.
  [[nodiscard]] bool is_held() const {
    // Relaxed: a thread sees what it did itself. As std::atomic, so that a simulation that decides
    // at each access who runs next does not count a check as one.
    const std::atomic<std::uint32_t>& word = word_;
    return word.load(std::memory_order_relaxed) != state_free;
  }

  /// Requires that this thread holds it.
  void unlock() {
    LOGDB_EXPECTS(is_held());
    // Release: pairs with the acquires in try_lock(), lock_contended() and is_free().
    if (word_.exchange(state_free, std::memory_order_release) == state_awaited) {
      System::futex_wake(word_, 1);
    }
  }

 private:
  static constexpr std::uint32_t state_free = 0;
  static constexpr std::uint32_t state_held = 1;
  static constexpr std::uint32_t state_awaited = 2;  // held, and somebody may sleep

  void lock_contended() {
    for (backoff spin; spin.next();) {
      // Relaxed: only a hint; try_lock() acquires.
      if (word_.load(std::memory_order_relaxed) == state_free && try_lock()) return;
    }
    // Acquire: pairs with the release in unlock(). Whoever gets it here holds it as awaited,
    // since others may
    // sleep: one wake too many is harmless, one too few is not.
    while (word_.exchange(state_awaited, std::memory_order_acquire) != state_free) {
      System::futex_wait(word_, state_awaited);
    }
  }

  basic_atomic<System, std::uint32_t> word_{state_free};
};

using mutex = basic_mutex<posix>;

/// A moment that can be waited for any number of times: an event count.
///
/// A waiter takes a ticket, looks whether what it wants is already so, and if not waits with the
/// ticket; a
/// signal in between ends the wait at once, so none is missed.
///
/// @threads  any
/// @tparam Shared  it lies in memory that processes share, and any of them may wait; who dies while
///                 it waits only makes signals dearer
/// @cost     signal with nobody waiting: two atomic instructions, no system call
template <class System, bool Shared = false>
class basic_event {
 public:
  basic_event() = default;
  basic_event(const basic_event&) = delete;
  basic_event& operator=(const basic_event&) = delete;

  /// Returns the number of signals so far (it may wrap around).
  [[nodiscard]] std::uint32_t ticket() const {
    // Acquire: pairs with the increment in signal(): what was done before that signal is seen.
    return signals_.load(std::memory_order_acquire);
  }

  /// Waits for a signal after `ticket` was taken; returns false when the time passed without one.
  ///
  /// @blocks until signalled
  bool wait(std::uint32_t ticket, std::optional<std::chrono::nanoseconds> timeout = {}) {
    // Sequentially consistent, as the other three accesses: either signal() sees this waiter, or
    // this waiter
    // sees the signal. Pairs with the load in signal().
    waiters_.fetch_add(1, std::memory_order_seq_cst);
    const bool signalled = timeout ? sleep(ticket, System::uptime() + *timeout) : sleep(ticket);
    // Relaxed: a signal that still counts this waiter only wakes nobody.
    waiters_.fetch_sub(1, std::memory_order_relaxed);
    return signalled;
  }

  /// Ends every wait with a ticket taken before.
  void signal() {
    // Sequentially consistent: pairs with is_past() (and, as a release, with ticket()).
    signals_.fetch_add(1, std::memory_order_seq_cst);
    // Sequentially consistent: pairs with the increment in wait().
    if (waiters_.load(std::memory_order_seq_cst) == 0) return;
    Shared ? System::futex_wake_shared(signals_, INT_MAX) : System::futex_wake(signals_, INT_MAX);
  }

 private:
  [[nodiscard]] bool is_past(std::uint32_t ticket) const {
    // Sequentially consistent: pairs with the increment in signal().
    return signals_.load(std::memory_order_seq_cst) != ticket;
  }

  void wait_once(std::uint32_t ticket, std::optional<std::chrono::nanoseconds> left = {}) {
    Shared ? System::futex_wait_shared(signals_, ticket, left)
           : System::futex_wait(signals_, ticket, left);
  }

  bool sleep(std::uint32_t ticket) {
    while (!is_past(ticket)) wait_once(ticket);
    return true;
  }

  bool sleep(std::uint32_t ticket, std::chrono::nanoseconds deadline) {
    while (!is_past(ticket)) {
      const std::chrono::nanoseconds left = deadline - System::uptime();
      if (left <= std::chrono::nanoseconds{0}) return false;
      wait_once(ticket, left);
    }
    return true;
  }

  basic_atomic<System, std::uint32_t> signals_{0};
  basic_atomic<System, std::uint32_t> waiters_{0};  // at least the threads that sleep on signals_
};

using event = basic_event<posix>;

}  // namespace logdb::platform
