// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Processes that share one log whose index they all follow, on a simulated machine: under drawn
/// schedules, and with a process killed at its steps.

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <string>

#include <boost/test/unit_test.hpp>

#include "crash/sim/index_processes.hpp"
#include "crash/sim/schedule_trial.hpp"
#include "crash/sim/shards.hpp"
#include "interprocess/support/left_behind.hpp"
#include "support/process.hpp"

namespace logdb::sim {

/// Runs one trial under a schedule that a seed draws; returns the steps of a process.
template <class Trial>
std::uint64_t run_drawn(index_processes size, std::uint64_t seed, std::size_t of) {
  random_switching order{random_source{seed}};
  size.seed = seed;
  Trial one{size, order};
  one.run();
  return one.machine_steps(of);
}

/// Kills a process at every so many of its steps, each time under the same schedule up to there.
template <class Trial>
void kill_along(std::uint64_t number, scoreboard& board) {
  index_processes size{.processes = 2, .steps = 4};
  size.kill.process = 1 + number % 2;
  const std::uint64_t steps = run_drawn<Trial>(size, number, size.kill.process);
  constexpr std::uint64_t stride = 7;  // what is between is for other numbers
  // What is killed stays in memory, so a process of its own does so many.
  constexpr std::uint64_t batch = 100 * stride;
  for (std::uint64_t first = 1 + number % stride; first <= steps; first += batch) {
    test::child_process child{[&] {
      const std::uint64_t end = std::min(first + batch, steps + 1);
      for (size.kill.step = first; size.kill.step < end; size.kill.step += stride) {
        try {
          run_drawn<Trial>(size, number, size.kill.process);
          board.add(1, 1);
        } catch (const std::exception& thrown) {
          board.fail("case " + std::to_string(number) + ", killed at step " +
                     std::to_string(size.kill.step) + ": " + thrown.what());
        }
      }
      return 0;
    }};
    if (child.wait() != 0) throw mismatch{"crashed, behind step " + std::to_string(first)};
  }
}

/// Runs processes that live.
template <class Fsync, class Async>
void try_drawn_schedules() {
  const shared_scoreboard board;
  const std::uint64_t wanted = number_from_environment("LOGDB_PROTOCOL_RUNS", 300);
  const std::string failure =
      run_sharded(*board, {.cases = wanted}, [](std::uint64_t number, scoreboard& counts) {
        const index_processes size{.processes = 2 + number / 2 % 2, .steps = 4 + number % 5};
        number % 2 == 0 ? run_drawn<Fsync>(size, number, 1) : run_drawn<Async>(size, number, 1);
        counts.add(1, 1);
      });
  BOOST_TEST(failure == "");
  BOOST_TEST(board->count(1) == wanted);
}

template <class Fsync, class Async>
void try_kills() {
  const shared_scoreboard board;
  const std::uint64_t wanted = number_from_environment("LOGDB_PROTOCOL_CASES", 4);
  const std::string failure = run_sharded(*board, {.cases = wanted, .seconds_max = 600},
                                          [](std::uint64_t number, scoreboard& counts) {
                                            number % 2 == 0 ? kill_along<Fsync>(number / 2, counts)
                                                            : kill_along<Async>(number / 2, counts);
                                          });
  BOOST_TEST(failure == "");
  std::cout << "steps killed at: " << board->count(1) << std::endl;
  BOOST_TEST(board->count(1) > 0U);
}

}  // namespace logdb::sim
