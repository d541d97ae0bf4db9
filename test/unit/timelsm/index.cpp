// SPDX-License-Identifier: BSL-1.0
// What must hold of a time index; several of these went wrong in others.
#define BOOST_TEST_MODULE timelsm_index
#include <memory>
#include <memory_resource>
#include <set>
#include <string>

#include "support.hpp"

namespace {

using namespace timelsm_test;  // NOLINT: a test
using logdb::errc;
using logdb::maintenance_mode;

BOOST_AUTO_TEST_SUITE(timelsm_index)

BOOST_AUTO_TEST_CASE(rows_come_back_in_the_order_of_time) {
  index_type index{small_options()};
  for (const std::int64_t time : {5, 1, 9, 3}) index.append(time, static_cast<value_type>(time));
  BOOST_TEST((listed(index.snapshot().all()) == rows{{1, 1}, {3, 3}, {5, 5}, {9, 9}}));
  BOOST_TEST((listed(index.snapshot().range(3, 9)) == rows{{3, 3}, {5, 5}}));
  BOOST_TEST((listed(index.snapshot().backward(3, 10)) == rows{{9, 9}, {5, 5}, {3, 3}}));
  BOOST_TEST(listed(index.snapshot().range(9, 3)).empty());
}

BOOST_AUTO_TEST_CASE(the_whole_range_of_times_is_data) {
  index_type index{small_options()};
  for (const std::int64_t time : {last_time, first_time, std::int64_t{0}, last_time, first_time}) {
    index.append(time, index.snapshot().size());
  }
  const rows all{{first_time, 1}, {first_time, 4}, {0, 2}, {last_time, 0}, {last_time, 3}};
  const auto check = [&] {
    BOOST_TEST((listed(index.snapshot().all()) == all));
    BOOST_TEST(index.snapshot().count(first_time, last_time) == 3U);
    BOOST_TEST(listed(index.snapshot().since(last_time)).size() == 2U);
    BOOST_TEST((index.snapshot().next_time(0) == last_time));
    BOOST_TEST((index.snapshot().prev_time(0) == first_time));
    BOOST_TEST(!index.snapshot().next_time(last_time));
    BOOST_TEST(!index.snapshot().prev_time(first_time));
  };
  check();
  index.flush();
  check();
  index.compact();
  check();
  index.erase({last_time, last_time});
  BOOST_TEST((index.snapshot().max_time() == 0));
  index.compact();
  index.append(last_time, 7);
  BOOST_TEST((index.snapshot().max_time() == last_time));
}

BOOST_AUTO_TEST_CASE(a_row_at_the_first_time_does_not_stop_compaction) {
  index_type index{small_options()};
  index.append(first_time, 1);
  fill(index, 0, 2000);
  index.compact();
  fill(index, 1000, 3000);
  index.compact();
  BOOST_TEST(index.snapshot().size() == 4001U);
  BOOST_TEST(index.stats().faults == 0U);
}

BOOST_AUTO_TEST_CASE(equal_times_keep_the_order_of_their_insertion_in_every_state) {
  index_type index{small_options()};
  rows wanted;
  for (value_type i = 0; i < 3000; ++i) {
    // Every third is late, and all of one time meet in the end.
    index.append(i % 3 == 0 ? 5 : 7, i);
    wanted.emplace_back(i % 3 == 0 ? 5 : 7, i);
    if (i % 500 == 250) index.flush();
    if (i % 1000 == 600) index.compact();
  }
  std::ranges::stable_sort(wanted, {}, &row::first);
  BOOST_TEST((listed(index.snapshot().all()) == wanted));
  index.compact();
  BOOST_TEST((listed(index.snapshot().all()) == wanted));
}

BOOST_AUTO_TEST_CASE(a_deletion_hides_only_what_was_inserted_before) {
  index_type index{small_options()};
  for (int round = 0; round < 20; ++round) {
    fill(index, 0, 100);
    index.erase({0, 99});
    fill(index, 50, 60);
    BOOST_REQUIRE_EQUAL(index.snapshot().size(), 10U);
    if (round % 3 == 0) index.flush();
    if (round % 7 == 0) index.compact();
    index.erase({50, 59});
    BOOST_REQUIRE_EQUAL(index.snapshot().size(), 0U);
  }
  BOOST_TEST(!index.snapshot().front());
  BOOST_TEST(index.snapshot().empty());
}

BOOST_AUTO_TEST_CASE(every_row_that_is_removed_is_reported_once) {
  std::multiset<value_type> dropped;
  auto options = small_options();
  options.on_drop = [&](std::int64_t, const value_type& value) { dropped.insert(value); };
  index_type index{options};
  fill(index, 0, 5000);
  index.flush();
  fill(index, 5000, 6000);
  index.erase({0, 999});
  index.erase({500, 1499});
  index.erase({5900, 6100});
  index.compact();
  BOOST_TEST(dropped.size() == 1600U);
  BOOST_TEST(std::set(dropped.begin(), dropped.end()).size() == 1600U);
  BOOST_TEST(index.stats().rows_dropped == 1600U);
}

BOOST_AUTO_TEST_CASE(a_snapshot_keeps_what_it_saw) {
  index_type index{small_options()};
  fill(index, 0, 1000);
  const auto before = index.snapshot();
  const auto wanted = listed(before.all());
  index.erase({0, 499});
  fill(index, 200, 700);
  index.compact();
  index.erase({});
  index.compact();
  BOOST_TEST(index.snapshot().empty());
  BOOST_TEST((listed(before.all()) == wanted));
  index.close();
  BOOST_TEST((listed(before.all()) == wanted));
}

BOOST_AUTO_TEST_CASE(memory_is_given_back_when_everything_was_erased_and_no_snapshot_is_left) {
  index_type index{small_options()};
  for (int round = 0; round < 50; ++round) {
    fill(index, 0, 5000);
    { const auto held = index.snapshot(); }
    index.erase({});
    index.compact();
  }
  BOOST_TEST(index.stats().rows == 0U);
  BOOST_TEST(index.stats().partitions == 0U);
  BOOST_TEST(index.stats().memory_bytes < 100'000U);
}

BOOST_AUTO_TEST_CASE(l0_stays_within_its_limit_however_often_a_writer_flushes) {
  for (const auto mode :
       {maintenance_mode::by_hand, maintenance_mode::none, maintenance_mode::background}) {
    auto options = small_options();
    options.maintenance = mode;
    index_type index{options};
    for (std::int64_t i = 0; i < 300; ++i) {
      // Late rows over all of history, so that no run lies behind the others.
      for (std::int64_t k = 0; k < 20; ++k) index.append((i * 7919 + k * 104'729) % 1'000'000, 0);
      index.flush();
      BOOST_REQUIRE_LE(index.stats().l0_runs, options.l0_runs_max);
    }
    BOOST_TEST(index.stats().write_amplification() < 40.0);
    BOOST_TEST(index.snapshot().size() == 6000U);
  }
}

BOOST_AUTO_TEST_CASE(to_delete_nothing_deletes_nothing) {
  index_type index{small_options()};
  fill(index, 0, 1000);
  index.append(10, 7);  // late
  for (const bounds& nothing : {bounds{5, 4}, bounds{last_time, first_time}, bounds{999, 0}}) {
    index.erase(nothing);
    BOOST_TEST(index.snapshot().size() == 1001U);
    BOOST_TEST(listed(index.snapshot().backward(0, 1000)).size() == 1001U);
  }
  BOOST_TEST(index.stats().deletions == 0U);
  BOOST_TEST(index.validate().empty());
}

BOOST_AUTO_TEST_CASE(maintenance_comes_to_rest_whatever_was_written) {
  for (std::size_t runs_max = 2; runs_max <= 5; ++runs_max) {
    auto options = small_options();
    options.l0_runs_max = runs_max;
    index_type index{options};
    fill(index, 0, 20'000);
    for (std::int64_t i = 0; i < 30; ++i) {
      // Few late rows, far from one another: to sweep them would rewrite all partitions.
      for (std::int64_t k = 0; k < 20; ++k) index.append((i + k * 1009) % 20'000, 0);
      index.erase({i * 500, i * 500 + 20});
      index.flush();
      for (int steps = 0; index.maintain(); ++steps) BOOST_REQUIRE_LT(steps, 1000);
    }
  }
}

BOOST_AUTO_TEST_CASE(rows_in_order_are_not_copied_on_their_way_to_their_partition) {
  index_type index{small_options()};
  for (std::int64_t i = 0; i < 100; ++i) fill(index, i * 256, (i + 1) * 256);
  index.flush();
  const auto figures = index.stats();
  BOOST_TEST(figures.l0_runs == 0U);
  BOOST_TEST(figures.l1_rows == 25'600U);
  BOOST_TEST(figures.rows_rewritten == 0U);
}

BOOST_AUTO_TEST_CASE(partitions_are_bounded_by_size_whatever_the_unit_of_time) {
  for (const std::int64_t step : {1, 1'000'000'000}) {
    index_type index{small_options()};
    fill(index, 0, 5000 * step, step);
    fill(index, 1, 5000 * step, step);
    index.compact();
    const auto figures = index.stats();
    BOOST_TEST(figures.partitions >= 10'000U / 256U);
    BOOST_TEST(figures.l1_rows == 9999U + (step == 1 ? 0U : 1U));
    BOOST_TEST(index.validate().empty());
  }
}

BOOST_AUTO_TEST_CASE(many_rows_of_one_time_are_no_trouble) {
  index_type index{small_options()};
  for (value_type i = 0; i < 5000; ++i) index.append(42, i);
  index.append(41, 0);
  index.compact();
  BOOST_TEST(index.snapshot().at(42).count() == 5000U);
  BOOST_TEST(index.validate().empty());
  index.erase({42, 42});
  BOOST_TEST(index.snapshot().size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_write_that_cannot_be_taken_says_busy_and_was_not_taken) {
  auto options = small_options();
  options.pressure = logdb::pressure_mode::report;
  options.frozen_max = 1;
  index_type index{options};
  std::size_t taken = 0;
  bool busy = false;
  while (!busy) {
    try {
      index.append(static_cast<std::int64_t>(taken), taken);
      ++taken;
    } catch (const logdb::error& refused) {
      BOOST_REQUIRE(refused.condition() == errc::busy);
      busy = true;
    }
  }
  BOOST_TEST(index.snapshot().size() == taken);
  while (index.maintain()) {
  }
  index.append(static_cast<std::int64_t>(taken), taken);
  BOOST_TEST(index.snapshot().size() == taken + 1);
}

BOOST_AUTO_TEST_CASE(a_writer_helps_where_nobody_maintains) {
  auto options = small_options();
  options.frozen_max = 1;
  index_type index{options};
  fill(index, 0, 10'000);
  BOOST_TEST(index.snapshot().size() == 10'000U);
  BOOST_TEST(index.stats().frozen <= 1U);
  BOOST_TEST(index.stats().stalls > 0U);
}

BOOST_AUTO_TEST_CASE(a_batch_is_larger_than_a_memtable) {
  index_type index{small_options()};
  rows batch;
  for (std::int64_t i = 0; i < 10'000; ++i) batch.emplace_back(i * 7919 % 10'000, 1);
  index.append(batch);
  index.append(rows{});
  BOOST_TEST(index.snapshot().size() == 10'000U);
  index.compact();
  BOOST_TEST(index.snapshot().size() == 10'000U);
  BOOST_TEST(index.validate().empty());
}

BOOST_AUTO_TEST_CASE(columns_are_appended_as_they_are) {
  index_type index{small_options()};
  const std::vector<std::int64_t> times{3, 1, 2};
  const std::vector<value_type> values{30, 10, 20};
  index.append(times, values);
  BOOST_TEST((listed(index.snapshot().all()) == rows{{1, 10}, {2, 20}, {3, 30}}));
  BOOST_CHECK_EXCEPTION(
      index.append(times, std::span{values}.first(2)), logdb::error,
      [](const auto& wrong) { return wrong.condition() == errc::invalid_argument; });
}

BOOST_AUTO_TEST_CASE(memory_comes_from_where_the_options_say) {
  std::pmr::monotonic_buffer_resource memory;
  auto options = small_options();
  options.memory = &memory;
  index_type index{options};
  fill(index, 0, 3000);
  index.compact();
  BOOST_TEST(index.snapshot().size() == 3000U);
}

BOOST_AUTO_TEST_CASE(options_out_of_their_range_are_refused) {
  const auto refused = [](auto change) {
    auto options = small_options();
    change(options);
    BOOST_CHECK_EXCEPTION(index_type{options}, logdb::error, [](const auto& wrong) {
      return wrong.condition() == errc::invalid_argument;
    });
  };
  refused([](auto& options) { options.memtable_rows = 1; });
  refused([](auto& options) { options.partition_rows = 1; });
  refused([](auto& options) { options.frozen_max = 0; });
  refused([](auto& options) { options.l0_runs_max = 1; });
  refused([](auto& options) { options.unit = std::chrono::nanoseconds{0}; });
}

BOOST_AUTO_TEST_CASE(a_closed_index_refuses_writes_and_shows_what_it_had) {
  index_type index{small_options()};
  fill(index, 0, 10);
  index.close();
  index.close();
  const auto is_closed = [](const auto& wrong) { return wrong.condition() == errc::closed; };
  BOOST_CHECK_EXCEPTION(index.append(11, 1), logdb::error, is_closed);
  BOOST_CHECK_EXCEPTION(index.append(3, 1), logdb::error, is_closed);
  BOOST_CHECK_EXCEPTION(index.erase({}), logdb::error, is_closed);
  BOOST_TEST(index.snapshot().size() == 10U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
