// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE key_images
#include <cstdint>
#include <iostream>
#include <string>

#include <boost/test/unit_test.hpp>

#include "crash/sim/key_trial.hpp"
#include "crash/sim/shards.hpp"

namespace {

namespace sim = logdb::sim;

constexpr std::uint64_t images_default = 4'000;

template <class Durability>
std::string run_trials() {
  sim::key_tally count;
  const auto goal = sim::number_from_environment("LOGDB_KEY_IMAGES", images_default) / 3;
  std::uint64_t seed = sim::number_from_environment("LOGDB_CRASH_SEED", 0);
  try {
    for (; count.images < goal; ++seed)
      sim::key_trial<sim::sim_keys<Durability>>{seed, count}.run();
  } catch (const std::exception& failure) {
    return "seed " + std::to_string(seed) + ": " + failure.what();
  }
  std::cout << count.images << " images, " << count.compactions << " segments compacted\n";
  BOOST_TEST(count.compactions > 0U);
  return {};
}

BOOST_AUTO_TEST_CASE(every_image_of_a_synced_log_of_keys_is_its_map_after_some_step) {
  BOOST_TEST(run_trials<logdb::Fsync>() == "");
}

BOOST_AUTO_TEST_CASE(every_image_of_an_async_log_of_keys_is_its_map_after_some_step) {
  BOOST_TEST(run_trials<logdb::Async>() == "");
}

BOOST_AUTO_TEST_CASE(every_image_of_an_unsynced_log_of_keys_is_its_map_after_some_step) {
  BOOST_TEST(run_trials<logdb::None>() == "");
}

}  // namespace
