// SPDX-License-Identifier: BSL-1.0
// What a function of the user throws loses no notice, stops no maintenance and ends no process.
#define BOOST_TEST_MODULE timelsm_callbacks
#include <atomic>
#include <cstdint>
#include <future>
#include <set>
#include <stdexcept>
#include <string>
#include <sys/resource.h>

#include "stored_support.hpp"

namespace {

using namespace timelsm_test;  // NOLINT: a test
using logdb::maintenance_mode;

BOOST_AUTO_TEST_SUITE(timelsm_callbacks)

BOOST_AUTO_TEST_CASE(each_row_is_told_of_once_whatever_on_drop_throws) {
  for (const auto mode : {maintenance_mode::by_hand, maintenance_mode::background}) {
    auto options = small_options();
    options.maintenance = mode;
    std::multiset<std::int64_t> told;
    std::atomic<int> complaints = 0;
    options.on_drop = [&told](std::int64_t time, value_type) {
      told.insert(time);
      if (time % 3 == 0) throw std::runtime_error{"no"};
      if (time % 5 == 0) throw 5;  // NOLINT: a user may
    };
    options.log = [&complaints](std::string_view) {
      ++complaints;
      throw std::runtime_error{"neither"};
    };
    {
      index_type index{options};
      fill(index, 0, 3000);
      index.erase({100, 2099});
      index.compact();
      fill(index, 3000, 6000);
      index.erase({5990, last_time});
      index.compact();
      BOOST_TEST(index.stats().rows_dropped == 2010U);
      BOOST_TEST(index.stats().faults != 0U);
      BOOST_TEST(index.snapshot().size() == 6000U - 2010U);
    }
    BOOST_TEST(told.size() == 2010U);
    BOOST_TEST(std::set(told.begin(), told.end()).size() == 2010U);
    BOOST_TEST(complaints != 0);
  }
}

/// Lets this process open nothing more, as long as it lives.
class no_descriptors {
 public:
  no_descriptors() {
    BOOST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const ::rlimit none{.rlim_cur = 3, .rlim_max = before_.rlim_max};
    BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  }
  no_descriptors(const no_descriptors&) = delete;
  no_descriptors& operator=(const no_descriptors&) = delete;
  ~no_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  ::rlimit before_{};
};

BOOST_AUTO_TEST_CASE(a_log_goes_on_after_a_checkpoint_failed_and_who_was_told_threw) {
  const temp_dir dir;
  auto options = small_memory();
  options.segment_bytes = 4 << 20;
  options.durability.staging_bytes = 4 << 20;
  options.index.memory_bytes_max = 64 << 20;
  options.index.checkpoint_bytes = 1000;
  std::promise<void> complained;
  std::atomic<bool> once = false;
  options.index.log = [&](std::string_view) {
    if (!once.exchange(true)) complained.set_value();
    throw std::runtime_error{"no"};
  };
  log_type log{dir / "log", options};
  {
    const no_descriptors left;
    fill(log, 0, 2000);
    complained.get_future().wait();
  }
  fill(log, 2000, 4000);
  log.checkpoint();
  BOOST_TEST(log.size() == 4000U);
  BOOST_TEST(log.index_stats().stored_rows == 4000U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
