// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE schedules
#include <array>
#include <cstdint>
#include <iostream>
#include <string>

#include <boost/test/unit_test.hpp>

#include "crash/sim/schedule_trial.hpp"
#include "crash/sim/shards.hpp"

namespace {

namespace sim = logdb::sim;

constexpr std::uint64_t random_default = 3'000;
constexpr std::uint64_t searched_default = 6'000;  // of each exhaustive search at most

template <class Durability>
void run_random(std::uint64_t number, std::size_t images) {
  const sim::random_source random{number};
  sim::random_switching order{random};
  const std::size_t writers = 2 + number / 3 % 2;
  sim::schedule_trial<sim::sim_log<Durability>> trial{
      {.writers = writers, .appends = 4, .seed = number, .images = images, .reads = true}, order};
  trial.run([] {}, [] {});
}

void run_random_case(std::uint64_t number, sim::scoreboard& board) {
  const std::size_t images = number % 4 == 0 ? 2 : 0;
  switch (number % 3) {
    case 0: run_random<logdb::Fsync>(number, images); break;
    case 1: run_random<logdb::Async>(number, images); break;
    default: run_random<logdb::None>(number, images); break;
  }
  board.add(0, 1);
}

/// Is one exhaustive search: every schedule with so many switches that nobody asked for.
struct search {
  std::size_t writers;
  std::size_t appends;
  std::size_t preemptions_max;
  bool reads;
};

constexpr std::array searches{search{2, 1, 1, false}, search{2, 2, 1, false}, search{2, 1, 1, true},
                              search{2, 1, 2, false}};

template <class Durability>
void run_search(const search& what, sim::scoreboard& board, std::uint64_t limit) {
  sim::explorer all;
  bool more = true;
  for (std::uint64_t tried = 0; more && tried < limit; ++tried) {
    sim::bounded_switching order{all, what.preemptions_max};
    sim::schedule_trial<sim::sim_log<Durability>> trial{
        {.writers = what.writers, .appends = what.appends, .images = 1, .reads = what.reads},
        order};
    trial.run([&order] { order.begin(); }, [&order] { order.end(); });
    board.add(1, 1);
    more = all.next();
  }
  board.add(more ? 3 : 2, 1);
}

void run_search_case(std::uint64_t number, sim::scoreboard& board) {
  const std::uint64_t limit =
      sim::number_from_environment("LOGDB_CRASH_SCHEDULES", searched_default);
  const search& what = searches[number / 2];
  if (number % 2 == 0) return run_search<logdb::Fsync>(what, board, limit);
  run_search<logdb::Async>(what, board, limit);
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_schedule_of_two_writers_keeps_order_and_promises) {
  const sim::shared_scoreboard board;
  const std::string failure =
      sim::run_sharded(*board, {.cases = 2 * searches.size(), .seconds_max = 600}, run_search_case);
  BOOST_TEST(failure == "");
  std::cout << "schedules searched: " << board->count(1) << ", searches complete "
            << board->count(2) << ", stopped at the limit " << board->count(3) << std::endl;
  BOOST_TEST(board->count(1) > 0u);
}

BOOST_AUTO_TEST_CASE(random_schedules_keep_order_and_promises) {
  const sim::shared_scoreboard board;
  const std::uint64_t wanted =
      sim::number_from_environment("LOGDB_CRASH_SCHEDULES", random_default);
  const std::string failure = sim::run_sharded(*board, {.cases = wanted}, run_random_case);
  BOOST_TEST(failure == "");
  std::cout << "schedules drawn: " << board->count(0) << std::endl;
  BOOST_TEST(board->count(0) > 0u);
}
