// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `quiet_thread`: a thread on which no signal handler of the program runs.

#include <csignal>
#include <pthread.h>
#include <thread>
#include <utility>

namespace logdb::platform {

namespace detail {

/// Blocks the signals that may go to any thread, for its lifetime: a thread that is made meanwhile
/// never takes one. Those that say what the thread itself did wrong stay.
class blocked_signals {
 public:
  blocked_signals() {
    ::sigset_t others;
    ::sigfillset(&others);
    for (const int own : {SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP}) {
      ::sigdelset(&others, own);
    }
    ::pthread_sigmask(SIG_BLOCK, &others, &before_);
  }
  blocked_signals(const blocked_signals&) = delete;
  blocked_signals& operator=(const blocked_signals&) = delete;
  ~blocked_signals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  ::sigset_t before_;
};

}  // namespace detail

/// A std::thread that leaves the program's signals to the program's own threads.
class quiet_thread : public std::thread {
 public:
  quiet_thread() = default;
  template <class Call>
  explicit quiet_thread(Call call) : quiet_thread{detail::blocked_signals{}, std::move(call)} {}

 private:
  template <class Call>
  quiet_thread(const detail::blocked_signals&, Call call) : std::thread{std::move(call)} {}
};

}  // namespace logdb::platform
