// SPDX-License-Identifier: BSL-1.0
// What a time index holds in memory and in a block is bounded in bytes, whatever its rows are.
#define BOOST_TEST_MODULE timelsm_limits
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include <logdb/index/timelsm/columns/limits.hpp>

#include "stored_support.hpp"

namespace {

using namespace timelsm_test;  // NOLINT: a test
using logdb::bytes_value;
using logdb::timelog;
using logdb::timelsm::amount;
using logdb::timelsm::block_max;
using logdb::timelsm::fitting;
using logdb::timelsm::limits_of;

timelog::options of_bytes(std::size_t memory_bytes_max, std::pmr::memory_resource* memory) {
  timelog::options options;
  options.segment_bytes = 256 << 10;
  options.durability.staging_bytes = 256 << 10;
  options.index.memory_bytes_max = memory_bytes_max;
  options.index.memory = memory;
  return options;
}

std::string text_of(std::int64_t i, std::size_t bytes) {
  std::string text(bytes, static_cast<char>('a' + i % 26));
  return text.replace(0, std::min<std::size_t>(bytes, 8), std::to_string(i).substr(0, bytes));
}

BOOST_AUTO_TEST_SUITE(timelsm_limits)

BOOST_AUTO_TEST_CASE(byte_values_of_any_size_stay_within_the_memory) {
  constexpr std::size_t most = 2 << 20;
  for (const std::size_t bytes : {10U, 100U, 4096U, 30'000U}) {
    BOOST_TEST_CONTEXT(bytes << " bytes a value") {
      const temp_dir dir;
      counted_memory memory;
      const auto rows = static_cast<std::int64_t>(6 * most / (bytes + 24));
      {
        timelog log{dir / "log", of_bytes(most, &memory)};
        for (std::int64_t i = 0; i < rows; ++i) {
          log.append(i % 8 == 7 ? i - 100 : i, text_of(i, bytes));
        }
        log.compact();
        BOOST_TEST(log.size() == static_cast<std::size_t>(rows));
        BOOST_TEST(log.validate().empty());
        BOOST_TEST(log.index_stats().faults == 0U);
      }
      BOOST_TEST(memory.peak() <= most);
    }
  }
}

BOOST_AUTO_TEST_CASE(values_whose_sizes_change_are_read_as_they_were_written) {
  constexpr std::size_t most = 2 << 20;
  const temp_dir dir;
  counted_memory memory;
  const auto size_of = [](std::int64_t i) {
    if (i % 977 == 0) return std::size_t{200'000};
    return i / 1000 % 2 == 0 ? std::size_t{8} : std::size_t{3000};
  };
  {
    timelog log{dir / "log", of_bytes(most, &memory)};
    for (std::int64_t i = 0; i < 6000; ++i) log.append(i, text_of(i, size_of(i)));
    for (std::int64_t i = 0; i < 6000; i += 10) log.erase(i);
    log.compact();
  }
  const timelog log{dir / "log", of_bytes(most, &memory)};
  std::int64_t i = 0;
  for (const auto& [time, value] : log.all()) {
    i += i % 10 == 0 ? 1 : 0;
    BOOST_REQUIRE(time == i && value.text() == text_of(i, size_of(i)));
    ++i;
  }
  BOOST_TEST(i == 6000);
  BOOST_TEST(memory.peak() <= 2 * most);  // what readers hold comes on top
}

BOOST_AUTO_TEST_CASE(a_block_is_a_mebibyte_at_most_unless_a_row_is_more) {
  const temp_dir dir;
  auto options = of_bytes(std::size_t{1} << 30, nullptr);
  options.index.maintenance = logdb::maintenance_mode::by_hand;
  {
    timelog log{dir / "log", options};
    for (std::int64_t i = 0; i < 100; ++i) log.append(i, text_of(i, 60'000));
    for (std::int64_t i = 100; i < 103; ++i) log.append(i, text_of(i, 3 << 20));
    log.checkpoint();
    const auto stats = log.index_stats();
    BOOST_TEST(stats.stored_rows == 103U);
    BOOST_TEST(stats.stored_blocks == 100U / 17 + 1 + 3);
  }
  const timelog log{dir / "log", options};
  BOOST_TEST(log.index_stats().rows_replayed == 0U);
  BOOST_TEST(log.front()->value.text() == text_of(0, 60'000));
  BOOST_TEST(log.back()->value.text() == text_of(102, 3 << 20));
  BOOST_TEST(log.index_stats().blocks_read <= 4U);  // the cache has no room for one
  BOOST_TEST(log.verify().intact());
}

BOOST_AUTO_TEST_CASE(so_many_values_fit_as_their_bytes_allow_but_one_at_least) {
  const std::string large(1000, 'x');
  std::vector<bytes_value> values(10, bytes_value{logdb::as_bytes(large)});
  const std::size_t row = 1000 + sizeof(std::int64_t) + sizeof(bytes_value);
  BOOST_TEST(fitting(values.data(), 10, 10 * row) == 10U);
  BOOST_TEST(fitting(values.data(), 10, 10 * row - 1) == 9U);
  BOOST_TEST(fitting(values.data(), 10, 1) == 1U);
  const std::vector<double> numbers(10);
  BOOST_TEST(fitting(numbers.data(), 10, 64) == 4U);
  BOOST_TEST(fitting(numbers.data(), 10, 1) == 1U);
  BOOST_TEST(fitting(numbers.data(), 0, 64) == 0U);
}

BOOST_AUTO_TEST_CASE(parts_are_so_small_that_what_a_step_holds_is_a_part_of_the_memory) {
  const logdb::timelsm_options<std::int64_t> numbers;
  const auto small = limits_of(numbers, 1 << 20);
  BOOST_TEST(small.memtable.rows == (1U << 20) / 48 / 16);
  BOOST_TEST(small.partition.bytes <= (1U << 20) / 48);
  BOOST_TEST(limits_of(numbers, 64 << 10).partition.rows == 256U);
  BOOST_TEST(limits_of(numbers, 0).partition.rows == numbers.partition_rows);
  struct wide {
    std::array<std::byte, 4096> bytes;
  };
  BOOST_TEST(limits_of(logdb::timelsm_options<wide>{}, 64 << 10).partition.rows == 3U);
  const amount all{3, 100};
  BOOST_TEST(all.times(4).rows == 12U);
  BOOST_TEST((amount{amount::unlimited, 0}.times(4).rows) == amount::unlimited);
  BOOST_TEST((all.within({3, 100}) && !all.within({2, 100}) && !all.within({3, 99})));
}

BOOST_AUTO_TEST_CASE(rows_of_a_large_late_batch_leave_no_room_behind) {
  options_type options = small_options();
  options.memtable_rows = options.partition_rows = std::size_t{1} << 18;
  index_type index{options};
  index.append(std::int64_t{1} << 40, 1);
  std::vector<std::int64_t> times(1'000'000);
  std::iota(times.begin(), times.end(), 0);
  const std::vector<value_type> values(times.size());
  index.append(times, values);
  BOOST_TEST(index.stats().memory_bytes < 20U * times.size());
  BOOST_TEST(index.stats().memory_bytes_peak > 30U * times.size());  // what sorted them counts, too
  BOOST_TEST(index.snapshot().size() == times.size() + 1);
  index.erase({});
  index.compact();
  BOOST_TEST(index.snapshot().size() == 0U);
  BOOST_TEST(index.stats().memory_bytes < 1'000'000U);
}

BOOST_AUTO_TEST_CASE(a_large_batch_that_is_late_in_part_is_seen_in_order) {
  index_type index{small_options()};
  model wanted;
  index.append(500, 0);
  wanted.append(500, 0);
  rows batch;
  for (std::int64_t i = 0; i < 9000; ++i) {
    batch.emplace_back((i * 7919) % 5000, static_cast<value_type>(i));
  }
  index.append(batch);
  for (const auto& [time, value] : batch) wanted.append(time, value);
  require_same(index.snapshot(), wanted);
  while (index.maintain()) continue;
  require_same(index.snapshot(), wanted);
  BOOST_TEST(index.validate().empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
