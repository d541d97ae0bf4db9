// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE protocol
#include <algorithm>
#include <cstdint>
#include <iostream>
#include <string>

#include <boost/test/unit_test.hpp>

#include "crash/sim/process_trial.hpp"
#include "crash/sim/shards.hpp"
#include "support/process.hpp"

// What processes are killed in leaves objects on their stacks that nobody destroys.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

namespace {

namespace sim = logdb::sim;

template <class Durability>
using trial = sim::process_trial<sim::shared_sim_log<Durability>>;

/// Runs one trial under a schedule that a seed draws; returns the steps of a process.
template <class Durability>
std::uint64_t run_drawn(sim::process_size size, std::uint64_t seed, std::size_t of) {
  sim::random_switching order{sim::random_source{seed}};
  size.seed = seed;
  trial<Durability> one{size, order};
  one.run();
  return one.steps(of);
}

template <class Durability>
void kill_one(const sim::process_size& size, std::uint64_t number, sim::scoreboard& board) {
  try {
    run_drawn<Durability>(size, number, size.killed);
    board.add(1, 1);
  } catch (const std::exception& thrown) {
    board.fail("case " + std::to_string(number) + ", killed at step " +
               std::to_string(size.kill_at) + ": " + thrown.what());
  }
}

/// Kills one process of two at every step that it takes, each under a schedule of its own.
template <class Durability>
void kill_at_each_step(std::uint64_t number, sim::scoreboard& board) {
  sim::process_size size{.processes = 2 + number % 2, .threads = 1 + number / 2 % 2};
  size.killed = 1 + number / 4 % size.processes;
  size.transactions = number % 5 == 0 ? 1 : 0;
  const std::uint64_t steps = run_drawn<Durability>(size, number, size.killed);
  // What is killed stays in memory, so a process of its own does so many.
  constexpr std::uint64_t batch = 200;
  for (std::uint64_t first = 1; first <= steps && board.message().empty(); first += batch) {
    logdb::test::child_process child{[&] {
      for (size.kill_at = first; size.kill_at < std::min(first + batch, steps + 1);
           ++size.kill_at) {
        kill_one<Durability>(size, number, board);
      }
      return 0;
    }};
    if (child.wait() != 0) throw sim::mismatch{"crashed, behind step " + std::to_string(first)};
  }
}

/// Goes through every schedule of two processes with so many switches that nobody asked for.
template <class Durability>
void search(std::size_t preemptions_max, std::uint64_t limit, sim::scoreboard& board) {
  sim::explorer all;
  bool more = true;
  for (std::uint64_t tried = 0; more && tried < limit; ++tried) {
    sim::bounded_switching order{all, preemptions_max};
    order.begin();
    trial<Durability> one{{.appends = 1}, order};
    one.run();
    board.add(2, 1);
    more = all.next();
  }
}

void run_case(std::uint64_t number, sim::scoreboard& board) {
  board.add(0, 1);
  if (number % 2 == 0) return kill_at_each_step<logdb::Fsync>(number / 2, board);
  kill_at_each_step<logdb::Async>(number / 2, board);
}

}  // namespace

BOOST_AUTO_TEST_CASE(processes_without_a_kill_lose_nothing_and_keep_the_order) {
  const sim::shared_scoreboard board;
  const std::uint64_t wanted = sim::number_from_environment("LOGDB_PROTOCOL_RUNS", 4'000);
  const std::string failure = sim::run_sharded(
      *board, {.cases = wanted}, [](std::uint64_t number, sim::scoreboard& counts) {
        const sim::process_size size{.processes = 2 + number % 3, .threads = 1 + number % 2};
        number % 2 == 0 ? run_drawn<logdb::Fsync>(size, number, 1)
                        : run_drawn<logdb::Async>(size, number, 1);
        counts.add(1, 1);
      });
  BOOST_TEST(failure == "");
  BOOST_TEST(board->count(1) == wanted);
}

BOOST_AUTO_TEST_CASE(a_process_killed_at_any_step_loses_nothing_and_stops_nobody) {
  const sim::shared_scoreboard board;
  const std::uint64_t wanted = sim::number_from_environment("LOGDB_PROTOCOL_CASES", 10);
  const std::string failure =
      sim::run_sharded(*board, {.cases = wanted, .seconds_max = 600}, run_case);
  BOOST_TEST(failure == "");
  std::cout << "steps killed at: " << board->count(1) << std::endl;
  BOOST_TEST(board->count(1) > 0U);
}

BOOST_AUTO_TEST_CASE(every_schedule_of_two_processes_keeps_order_and_promises) {
  const sim::shared_scoreboard board;
  const std::uint64_t limit = sim::number_from_environment("LOGDB_PROTOCOL_SCHEDULES", 2'000);
  const std::string failure =
      sim::run_sharded(*board, {.cases = 2, .seconds_max = 600},
                       [limit](std::uint64_t number, sim::scoreboard& counts) {
                         number == 0 ? search<logdb::Fsync>(1, limit, counts)
                                     : search<logdb::Async>(1, limit, counts);
                       });
  BOOST_TEST(failure == "");
  std::cout << "schedules of processes searched: " << board->count(2) << std::endl;
  BOOST_TEST(board->count(2) > 0U);
}
