// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `last_words_of`: what a program says that a broken precondition ends.

#include <array>
#include <cerrno>
#include <signal.h>
#include <string>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>

#include "support/process.hpp"

namespace logdb::test {

/// Runs a function in a fork of this process, and returns what it wrote to the standard error if a
/// signal ended it; nothing if it returned.
template <class Function>
std::string last_words_of(Function run) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) == -1) throw std::system_error{errno, std::generic_category(), "pipe"};
  child_process child{[&] {
    ::signal(SIGABRT, SIG_DFL);  // the test's handler would go on
    const ::rlimit none{};
    ::setrlimit(RLIMIT_CORE, &none);
    ::dup2(ends[1], STDERR_FILENO);
    run();
    return 0;
  }};
  ::close(ends[1]);
  std::string words;
  std::array<char, 512> piece{};
  for (::ssize_t got = 0; (got = ::read(ends[0], piece.data(), piece.size())) > 0;) {
    words.append(piece.data(), static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  return child.wait() == -1 ? words : std::string{};
}

}  // namespace logdb::test
