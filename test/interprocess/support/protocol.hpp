// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The protocol of many processes, tried on a simulated machine: under drawn schedules, with a
/// process killed at each of its steps, and under every schedule up to a bound.

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <string>

#include <boost/test/unit_test.hpp>

#include "crash/sim/process_trial.hpp"
#include "crash/sim/shards.hpp"
#include "interprocess/support/left_behind.hpp"
#include "support/process.hpp"

namespace logdb::sim {

/// Runs one trial under a schedule that a seed draws; returns the steps of a process.
template <class Log>
std::uint64_t run_drawn(process_size size, std::uint64_t seed, std::size_t of) {
  random_switching order{random_source{seed}};
  size.seed = seed;
  process_trial<Log> one{size, order};
  one.run();
  return one.steps(of);
}

template <class Log>
void kill_one(const process_size& size, std::uint64_t number, scoreboard& board) {
  try {
    run_drawn<Log>(size, number, size.kill.process);
    board.add(1, 1);
  } catch (const std::exception& thrown) {
    board.fail("case " + std::to_string(number) + ", killed at step " +
               std::to_string(size.kill.step) + ": " + thrown.what());
  }
}

/// Kills one process of two at every step that it takes, each under a schedule of its own.
template <class Log>
void kill_at_each_step(std::uint64_t number, scoreboard& board) {
  process_size size{.processes = 2 + number % 2, .threads = 1 + number / 2 % 2};
  size.kill.process = 1 + number / 4 % size.processes;
  size.transactions = number % 5 == 0 ? 1 : 0;
  size.filled = number % 3 == 2 ? 10 : 0;
  const std::uint64_t steps = run_drawn<Log>(size, number, size.kill.process);
  // What is killed stays in memory, so a process of its own does so many.
  constexpr std::uint64_t batch = 200;
  for (std::uint64_t first = 1; first <= steps && board.message().empty(); first += batch) {
    test::child_process child{[&] {
      for (size.kill.step = first; size.kill.step < std::min(first + batch, steps + 1);
           ++size.kill.step) {
        kill_one<Log>(size, number, board);
      }
      return 0;
    }};
    if (child.wait() != 0) throw mismatch{"crashed, behind step " + std::to_string(first)};
  }
}

/// Goes through every schedule of two processes with so many switches that nobody asked for.
template <class Log>
void search(std::size_t preemptions_max, std::uint64_t limit, scoreboard& board) {
  explorer all;
  bool more = true;
  for (std::uint64_t tried = 0; more && tried < limit; ++tried) {
    bounded_switching order{all, preemptions_max};
    order.begin();
    process_trial<Log> one{{.appends = 1}, order};
    one.run();
    board.add(2, 1);
    more = all.next();
  }
}

template <class Fsync, class Async>
void run_case(std::uint64_t number, scoreboard& board) {
  board.add(0, 1);
  if (number % 2 == 0) return kill_at_each_step<Fsync>(number / 2, board);
  kill_at_each_step<Async>(number / 2, board);
}

/// Runs processes that live.
template <class Fsync, class Async>
void try_drawn_schedules(std::uint64_t usual) {
  const shared_scoreboard board;
  const std::uint64_t wanted = number_from_environment("LOGDB_PROTOCOL_RUNS", usual);
  const std::string failure =
      run_sharded(*board, {.cases = wanted}, [](std::uint64_t number, scoreboard& counts) {
        const process_size size{.processes = 2 + number % 3, .threads = 1 + number % 2};
        number % 2 == 0 ? run_drawn<Fsync>(size, number, 1) : run_drawn<Async>(size, number, 1);
        counts.add(1, 1);
      });
  BOOST_TEST(failure == "");
  BOOST_TEST(board->count(1) == wanted);
}

template <class Fsync, class Async>
void try_kills(std::uint64_t usual) {
  const shared_scoreboard board;
  const std::uint64_t wanted = number_from_environment("LOGDB_PROTOCOL_CASES", usual);
  const std::string failure =
      run_sharded(*board, {.cases = wanted, .seconds_max = 600}, run_case<Fsync, Async>);
  BOOST_TEST(failure == "");
  std::cout << "steps killed at: " << board->count(1) << std::endl;
  BOOST_TEST(board->count(1) > 0U);
}

template <class Fsync, class Async>
void try_every_schedule(std::uint64_t usual) {
  const shared_scoreboard board;
  const std::uint64_t limit = number_from_environment("LOGDB_PROTOCOL_SCHEDULES", usual);
  const std::string failure = run_sharded(
      *board, {.cases = 2, .seconds_max = 600}, [limit](std::uint64_t number, scoreboard& counts) {
        number == 0 ? search<Fsync>(1, limit, counts) : search<Async>(1, limit, counts);
      });
  BOOST_TEST(failure == "");
  std::cout << "schedules of processes searched: " << board->count(2) << std::endl;
  BOOST_TEST(board->count(2) > 0U);
}

}  // namespace logdb::sim
