// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// One trial of processes that write one time log: each appends, erases, commits and stores, one is
/// killed at one of its steps. What the others see, and what is left, must be what each wrote, rows
/// of one time in one order for all.

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <logdb/logdb.hpp>

#include "../support/row_writer.hpp"
#include "index_processes.hpp"
#include "process_group.hpp"
#include "time_rows.hpp"
#include "world.hpp"

namespace logdb::sim {

template <class Durability>
using shared_sim_times =
    basic_log<Storage<BasicDirectory<sim_system>>, logdb::Durability<Durability>,
              Index<BasicTimeLSM<std::uint64_t>>, Locking<Fcntl>>;

/// Is one run.
template <class Log>
class shared_time_trial {
 public:
  shared_time_trial(const index_processes& size, switching& order)
      : size_{size},
        random_{size.seed},
        machine_{disk_state{{{disk::root, {}}}, {}}, 1, random_.split(), order} {}

  /// @throws  mismatch; std::runtime_error when those that live wait for ever
  void run() {
    machine_.on_step = [this] { processes_.step(); };
    machine_.run([this] {
      processes_.run([this](std::size_t number) { live(number); });
      check_left();
    });
    if (machine_.handles() != 0) throw mismatch{"a file stayed open"};
  }

  /// Returns the steps of the machine that a process took.
  [[nodiscard]] std::uint64_t machine_steps(std::size_t process) const {
    return processes_.steps(process);
  }

 private:
  using row_writer = test::row_writer;

  /// Is what one process was told.
  struct account {
    std::uint64_t begun = 0;
    std::uint64_t done = 0;
  };

  static std::unique_ptr<Log> open() { return open_times<Log>(600); }

  [[nodiscard]] row_writer writer_of(std::size_t process) const {
    return {size_.seed * 8 + process + 1};
  }

  /// Opens what the processes left, alone.
  void check_left() {
    const auto log = open();
    require(log->recovery().damages.empty(), "a process that died damaged the log");
    for (std::size_t i = 0; i < size_.processes; ++i) check(*log, i);
    require(log->validate().empty(), "the index is not in order");
    require(log->verify().intact(), "verify finds damage");
    log->close();
  }

  /// Is one process.
  void live(std::size_t number) {
    account& mine = accounts_[number];
    auto log = open();
    for (std::uint64_t n = 1; n <= size_.steps; ++n) {
      ++mine.begun;
      writer_of(number).do_step(*log, n);
      ++mine.done;
      if ((n + number) % 3 == 0) log->checkpoint();
      if (n % 4 == 0) log->compact();
      check(*log, number);
    }
    log->close();
    log.reset();
  }

  /// Checks the rows of a process, through whichever handle.
  void check(const Log& log, std::size_t process) {
    const rows found = rows_of(log);
    const account told = accounts_[process];
    require(writer_of(process).is_after(found, told.done, told.begun > told.done),
            "the rows of a process are not what it wrote");
    for (std::int64_t time = 0; time < row_writer::common_times; ++time) check_order(found, time);
  }

  /// At a time at which nothing is erased rows come behind those that anybody has seen.
  void check_order(const rows& found, std::int64_t time) {
    std::vector<std::uint64_t> now;
    for (const auto& [at, value] : found) {
      if (at == time) now.push_back(value);
    }
    auto& seen = seen_[static_cast<std::size_t>(time)];
    const auto both = std::min(seen.size(), now.size());
    const auto end = static_cast<std::ptrdiff_t>(both);
    require(std::equal(seen.begin(), seen.begin() + end, now.begin()),
            "processes see rows of one time in another order");
    if (now.size() > seen.size()) seen = std::move(now);
  }

  index_processes size_;
  random_source random_;
  world machine_;
  process_group processes_{machine_, size_.processes, size_.kill};
  std::vector<account> accounts_ = std::vector<account>(size_.processes);
  std::array<std::vector<std::uint64_t>, row_writer::common_times> seen_;
};

}  // namespace logdb::sim
