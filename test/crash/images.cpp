// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE images
#include <array>
#include <cstdint>
#include <iostream>
#include <string>

#include <boost/test/unit_test.hpp>

#include "crash/sim/shards.hpp"
#include "crash/sim/trial.hpp"

namespace {

namespace sim = logdb::sim;

constexpr std::uint64_t images_default = 220'000;

template <class Durability>
void run_trial(std::uint64_t number, const sim::workload& kind, sim::tally& count) {
  using logdb::BasicSingleFile;
  if (number / 3 / sim::workloads.size() % 2 == 0) {
    sim::trial<sim::sim_log<Durability>>{kind, number, {}, count}.run();
  } else {
    sim::trial<sim::sim_log<Durability, BasicSingleFile>>{kind, number, {}, count}.run();
  }
}

/// Runs one case: its number says which durability, which workload, which storage, and the seed.
void run_case(std::uint64_t number, sim::scoreboard& board) {
  const auto& kind = sim::workloads[number / 3 % sim::workloads.size()];
  sim::tally count;
  switch (number % 3) {
    case 0: run_trial<logdb::Fsync>(number, kind, count); break;
    case 1: run_trial<logdb::Async>(number, kind, count); break;
    default: run_trial<logdb::None>(number, kind, count); break;
  }
  board.add_hashes(count.hashes);
  board.add(1, count.power_cuts);
  board.add(2, count.deaths);
  board.add(3, count.again);
  board.add(4, 1);
  board.add(0, count.images);
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_image_that_a_crash_leaves_opens_with_all_that_was_promised) {
  const sim::shared_scoreboard board;
  const sim::shard_plan plan{
      .goal = sim::number_from_environment("LOGDB_CRASH_IMAGES", images_default)};
  const std::string failure = sim::run_sharded(*board, plan, run_case);
  BOOST_TEST(failure == "");
  const std::uint64_t images = board->count(0);
  std::cout << "crash images: " << images << " (distinct " << board->distinct() << "), power cuts "
            << board->count(1) << ", process deaths " << board->count(2) << ", during recovery "
            << board->count(3) << ", runs " << board->count(4) << std::endl;
  BOOST_TEST(images > 0u);
}
