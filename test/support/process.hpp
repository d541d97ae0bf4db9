// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `child_process` and `pipe_signal`: other processes for tests, and a way to wait for them
/// without sleeping.

#include <array>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <signal.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "support/sanitizer.hpp"

namespace logdb::test {

/// Tells whether a child of a process with several threads may begin threads. ThreadSanitizer ends
/// one that does: "starting new threads after multi-threaded fork is not supported".
inline constexpr bool children_may_begin_threads = !under_thread_sanitizer;

/// Lets one process wait for a step of another: a byte through a pipe.
class pipe_signal {
 public:
  pipe_signal() {
    if (::pipe(ends_.data()) == -1) throw std::system_error{errno, std::generic_category(), "pipe"};
  }
  pipe_signal(const pipe_signal&) = delete;
  pipe_signal& operator=(const pipe_signal&) = delete;
  ~pipe_signal() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }

  /// Returns whether the step was announced.
  [[nodiscard]] bool announce() const {
    const char step = 1;
    return ::write(ends_[1], &step, 1) == 1;
  }
  /// Waits for the announcement.
  [[nodiscard]] bool wait() const {
    char step = 0;
    return ::read(ends_[0], &step, 1) == 1;
  }

 private:
  std::array<int, 2> ends_{};
};

/// Runs a function in a fork of this process, whose exit status is what the function returns;
/// killed at the
/// latest by the destructor.
class child_process {
 public:
  template <class Function>
  explicit child_process(Function run) : id_{::fork()} {
    if (id_ == -1) throw std::system_error{errno, std::generic_category(), "fork"};
    if (id_ == 0) ::_exit(run_guarded(run));
  }
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;
  ~child_process() {
    if (id_ > 0) kill();
  }

  [[nodiscard]] ::pid_t id() const { return id_; }

  /// Waits for its end and returns the exit status, or -1 when it was killed.
  int wait() {
    int status = 0;
    ::waitpid(std::exchange(id_, 0), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  /// Ends it as `kill -9` does, and waits until it is gone.
  void kill() {
    ::kill(id_, SIGKILL);
    wait();
  }

 private:
  template <class Function>
  static int run_guarded(Function& run) {
    try {
      return run();
    } catch (const std::exception& thrown) {
      std::fprintf(stderr, "a child ends: %s\n", thrown.what());
      return 99;
    }
  }

  ::pid_t id_;  // 0 once it was waited for
};

}  // namespace logdb::test
