// SPDX-License-Identifier: BSL-1.0
// What a time index answers.
#define BOOST_TEST_MODULE timelsm_reading
#include <string>

#include "support.hpp"

namespace {

using namespace timelsm_test;  // NOLINT: a test
using logdb::errc;
using logdb::maintenance_mode;

BOOST_AUTO_TEST_SUITE(timelsm_reading)

BOOST_AUTO_TEST_CASE(a_visitor_stops_early) {
  index_type index{small_options()};
  fill(index, 0, 5000);
  index.compact();
  std::size_t spans = 0;
  const auto first_two = [&](const auto&) { return ++spans < 2; };
  BOOST_TEST(!index.snapshot().visit(0, 5000, first_two));
  BOOST_TEST(spans == 2U);
  BOOST_TEST(index.snapshot().visit(0, 10, [](const auto&) { return true; }));
}

BOOST_AUTO_TEST_CASE(buckets_sum_up_what_a_scan_sees) {
  index_type index{small_options()};
  fill(index, -25, 35);
  index.erase({0, 9});
  index.append(3, 100);
  const auto buckets = index.snapshot().aggregate(first_time, last_time, 10);
  BOOST_REQUIRE_EQUAL(buckets.size(), 7U);
  BOOST_TEST(buckets[0].begin == -30);
  BOOST_TEST(buckets[0].count == 5U);
  BOOST_TEST(buckets[3].begin == 0);
  BOOST_TEST(buckets[3].count == 1U);
  BOOST_TEST(buckets[3].mean() == 100.0);
  BOOST_TEST(buckets[5].min == 20U);
  BOOST_TEST(buckets[5].max == 29U);
  BOOST_TEST(buckets[5].sum == 245.0);
  BOOST_TEST(buckets[6].first == 30U);
  BOOST_TEST(buckets[6].last == 34U);
}

BOOST_AUTO_TEST_CASE(buckets_reach_both_ends_of_time) {
  index_type index{small_options()};
  index.append(first_time, 1);
  index.append(last_time, 2);
  for (const std::int64_t width :
       {std::int64_t{1}, std::int64_t{3}, std::int64_t{1} << 62, last_time}) {
    const auto buckets = index.snapshot().aggregate(first_time, last_time, width);
    BOOST_REQUIRE_EQUAL(buckets.size(), 1U);
    BOOST_TEST(buckets[0].begin == first_time);
  }
  BOOST_CHECK_EXCEPTION(
      static_cast<void>(index.snapshot().aggregate(0, 1, 0)), logdb::error,
      [](const auto& wrong) { return wrong.condition() == errc::invalid_argument; });
}

BOOST_AUTO_TEST_CASE(a_count_agrees_with_a_scan_while_deletions_are_kept) {
  index_type index{small_options()};
  fill(index, 0, 10'000);
  for (std::int64_t time = 0; time < 10'000; time += 10) index.erase({time, time + 4});
  BOOST_TEST(index.snapshot().size() == 5000U);
  BOOST_TEST(listed(index.snapshot().all()).size() == 5000U);
  BOOST_TEST(index.snapshot().count(0, 15) == 5U + 0U);
  BOOST_TEST((index.snapshot().next_time(9) == 15));
  BOOST_TEST((index.snapshot().prev_time(15) == 9));
  BOOST_TEST(index.validate().empty());
}

BOOST_AUTO_TEST_CASE(a_count_agrees_with_a_scan_however_deletions_overlap_and_are_kept) {
  auto options = small_options();
  options.maintenance = maintenance_mode::none;
  index_type index{options};
  fill(index, 0, 20'000);
  index.flush();
  const auto check = [&index] {
    for (std::int64_t from = 0; from < 20'000; from += 1234) {
      for (const std::int64_t width : {1, 100, 5000, 20'000}) {
        const auto seen = index.snapshot();
        BOOST_REQUIRE_EQUAL(seen.count(from, from + width),
                            listed(seen.range(from, from + width)).size());
      }
    }
  };
  // So many that sums are made, and some that are in no map yet.
  for (std::int64_t i = 0; i < 1000; ++i) {
    index.erase({i * 20, i * 20 + i % 25});
    if (i % 97 == 0) check();
  }
  index.erase({0, 1000});
  index.erase({500, 600});
  index.append(550, 1);
  check();
  index.erase({});
  check();
}

BOOST_AUTO_TEST_CASE(byte_values_keep_their_bytes_through_every_state) {
  logdb::timelsm_options<logdb::bytes_value> options;
  options.maintenance = maintenance_mode::by_hand;
  options.memtable_rows = options.partition_rows = 256;
  logdb::timelsm::time_index<logdb::bytes_value, logdb::platform::posix> index{options};
  for (int i = 0; i < 3000; ++i) {
    std::string text = "value " + std::to_string(i);
    index.append(i * 7919 % 3000, logdb::bytes_value{logdb::as_bytes(text)});
    text.assign(text.size(), '?');
  }
  const auto check = [&index] {
    std::int64_t next = 0;
    for (const auto& [time, value] : index.snapshot().all()) {
      BOOST_REQUIRE_EQUAL(time, next++);
      const auto number = std::stoll(std::string{value.text().substr(6)});
      BOOST_REQUIRE_EQUAL(number * 7919 % 3000, time);
    }
    BOOST_TEST(next == 3000);
  };
  check();
  index.flush();
  check();
  index.compact();
  check();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
