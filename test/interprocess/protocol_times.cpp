// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE protocol_times
#include <algorithm>
#include <cstdint>
#include <iostream>
#include <string>

#include <boost/test/unit_test.hpp>

#include "crash/sim/schedule_trial.hpp"
#include "crash/sim/shards.hpp"
#include "crash/sim/shared_time_trial.hpp"
#include "interprocess/support/left_behind.hpp"
#include "support/process.hpp"

// Processes that write and store one time log, on a simulated machine: under drawn
// schedules, and with a process killed at its steps.

namespace logdb::sim {

template <class Log>
std::uint64_t run_drawn(time_processes size, std::uint64_t seed, std::size_t of) {
  random_switching order{random_source{seed}};
  size.seed = seed;
  shared_time_trial<Log> one{size, order};
  one.run();
  return one.machine_steps(of);
}

void run_alive(std::uint64_t number, scoreboard& board) {
  const time_processes size{.processes = 2 + number / 2 % 2, .steps = 4 + number % 5};
  number % 2 == 0 ? run_drawn<shared_sim_times<Fsync>>(size, number, 1)
                  : run_drawn<shared_sim_times<Async>>(size, number, 1);
  board.add(1, 1);
}

/// Kills a process at every so many of its steps, each time under the same schedule up to there.
template <class Log>
void kill_along(std::uint64_t number, scoreboard& board) {
  time_processes size{.processes = 2, .steps = 4};
  size.kill.process = 1 + number % 2;
  const std::uint64_t steps = run_drawn<Log>(size, number, size.kill.process);
  constexpr std::uint64_t stride = 7;  // what is between is for other numbers
  // What is killed stays in memory, so a process of its own does so many.
  constexpr std::uint64_t batch = 100 * stride;
  for (std::uint64_t first = 1 + number % stride; first <= steps; first += batch) {
    test::child_process child{[&] {
      const std::uint64_t end = std::min(first + batch, steps + 1);
      for (size.kill.step = first; size.kill.step < end; size.kill.step += stride) {
        try {
          run_drawn<Log>(size, number, size.kill.process);
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

BOOST_AUTO_TEST_CASE(processes_without_a_kill_see_the_rows_of_each_in_one_order) {
  const shared_scoreboard board;
  const std::uint64_t wanted = number_from_environment("LOGDB_PROTOCOL_RUNS", 300);
  const std::string failure = run_sharded(*board, {.cases = wanted}, run_alive);
  BOOST_TEST(failure == "");
  BOOST_TEST(board->count(1) == wanted);
}

BOOST_AUTO_TEST_CASE(a_process_killed_at_its_steps_loses_nothing_and_stops_nobody) {
  const shared_scoreboard board;
  const std::uint64_t wanted = number_from_environment("LOGDB_PROTOCOL_CASES", 4);
  const std::string failure = run_sharded(
      *board, {.cases = wanted, .seconds_max = 600}, [](std::uint64_t number, scoreboard& counts) {
        number % 2 == 0 ? kill_along<shared_sim_times<Fsync>>(number / 2, counts)
                        : kill_along<shared_sim_times<Async>>(number / 2, counts);
      });
  BOOST_TEST(failure == "");
  std::cout << "steps killed at: " << board->count(1) << std::endl;
  BOOST_TEST(board->count(1) > 0U);
}

}  // namespace logdb::sim
