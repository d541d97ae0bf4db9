// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// How a process notices that it is the child of another one that had a log open.

#include <atomic>
#include <cstdint>
#include <pthread.h>
#include <utility>

namespace logdb::platform {

/// Forgets a thread of the parent, which a child of a fork does not have: who ended it would wait
/// for ever.
template <class Thread>
void forget_thread(Thread& gone) {
  if (gone.joinable()) (void)new Thread{std::move(gone)};
}

namespace detail {

/// Is how many forks this process descends from since it began to count.
inline constinit std::atomic<std::uint32_t> fork_count{0};

/// Begins to count. Again: does nothing.
inline void count_forks() {
  static const int registered = ::pthread_atfork(nullptr, nullptr, [] { fork_count.fetch_add(1); });
  (void)registered;
}

}  // namespace detail

}  // namespace logdb::platform
