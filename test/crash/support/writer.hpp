// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A process that appends until it is killed, and tells through a pipe what was acknowledged.

#include <cerrno>
#include <cstdint>
#include <random>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <logdb/error.hpp>

#include "history.hpp"

namespace logdb::test {

/// Carries acknowledgements from a process to its parent.
class acknowledgement_pipe {
 public:
  acknowledgement_pipe() {
    if (::pipe(ends_) == -1) throw std::runtime_error{"pipe"};
  }
  acknowledgement_pipe(const acknowledgement_pipe&) = delete;
  acknowledgement_pipe& operator=(const acknowledgement_pipe&) = delete;
  ~acknowledgement_pipe() {
    ::close(ends_[0]);
    if (ends_[1] != -1) ::close(ends_[1]);
  }

  /// Tells one; writes of this size are atomic. False: nobody listens any more.
  [[nodiscard]] bool tell(const acknowledgement& told) const {
    return ::write(ends_[1], &told, sizeof told) == static_cast<ssize_t>(sizeof told);
  }

  /// Waits for one; false: every writer is gone.
  [[nodiscard]] bool hear(acknowledgement& told) const {
    std::size_t got = 0;
    while (got < sizeof told) {
      const auto n = ::read(ends_[0], reinterpret_cast<char*>(&told) + got, sizeof told - got);
      if (n == -1 && errno == EINTR) continue;
      if (n <= 0) return false;
      got += static_cast<std::size_t>(n);
    }
    return true;
  }

  /// Leaves the writing end to the child, so that the pipe ends with it.
  void only_read() {
    ::close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  int ends_[2] = {-1, -1};
};

/// Appends as one writer of a round: single records, batches, transactions, some with others
/// nested in them, some that are rolled back, some too large for staging.
template <class Log>
class busy_writer {
 public:
  busy_writer(Log& log, const acknowledgement_pipe& pipe, std::uint32_t round, std::uint32_t writer)
      : log_{log}, pipe_{pipe}, round_{round}, writer_{writer}, random_{mix(round) ^ writer} {}

  /// Returns when nobody listens any more.
  void run() {
    while (step()) {
    }
  }

  /// Returns after so many appends, batches and transactions.
  void run(std::uint64_t steps) {
    while (steps-- > 0 && step()) {
    }
  }

 private:
  [[nodiscard]] bool step() {
    try {
      return act();
    } catch (const error& full) {
      if (full.condition() != errc::no_space) throw;
      return false;  // the round is over: what comes next is to be killed
    }
  }

  [[nodiscard]] bool act() {
    const auto kind = random_() % 16;
    if (kind < 10) return append_one();
    if (kind < 13) return append_batch(1 + static_cast<std::uint32_t>(random_() % 8));
    if (kind < 15) return commit(1 + static_cast<std::uint32_t>(random_() % 8));
    return commit(random_() % 8 == 0 ? 150 : 1);
  }

  [[nodiscard]] stamp next(std::uint32_t index = 0, std::uint32_t count = 1) {
    return {round_, writer_, sequence_++, index, count};
  }

  [[nodiscard]] bool append_one() {
    const stamp who = next();
    return pipe_.tell({log_.append(make_payload(who)).value(), who});
  }

  [[nodiscard]] bool append_batch(std::uint32_t count) {
    std::vector<std::string> records;
    stamp last;
    for (std::uint32_t i = 0; i < count; ++i)
      records.push_back(make_payload(last = next(i, count)));
    return pipe_.tell({log_.append(records).value(), last});
  }

  [[nodiscard]] bool commit(std::uint32_t count) {
    auto transaction = log_.begin();
    stamp last;
    for (std::uint32_t i = 0; i < count; ++i) {
      transaction.append(make_payload(last = next(i, count)));
      if (i % 4 == 1) append_in_vain(transaction);
    }
    return pipe_.tell({transaction.commit().value(), last});
  }

  template <class Transaction>
  void append_in_vain(Transaction& around) {
    auto nested = around.begin();
    nested.append("never seen");
    nested.rollback();
  }

  Log& log_;
  const acknowledgement_pipe& pipe_;
  std::uint32_t round_;
  std::uint32_t writer_;
  std::uint32_t sequence_ = 0;
  std::mt19937_64 random_;
};

/// Opens the log at a path and writes with some threads until killed.
template <class Log, class Path>
int write_until_killed(const Path& path, const typename Log::options& options,
                       const acknowledgement_pipe& pipe, std::uint32_t round,
                       std::uint32_t writers) {
  Log log{path, options};
  std::vector<std::thread> threads;
  for (std::uint32_t writer = 1; writer < writers; ++writer) {
    threads.emplace_back([&, writer] { busy_writer<Log>{log, pipe, round, writer}.run(); });
  }
  busy_writer<Log>{log, pipe, round, 0}.run();
  for (auto& thread : threads) thread.join();
  return 0;
}

}  // namespace logdb::test
