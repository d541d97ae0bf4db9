// SPDX-License-Identifier: BSL-1.0
// Sorting and merging of columns: every row once, by time, of equal times the older first.
#define BOOST_TEST_MODULE timelsm_merge
#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>
#include <random>
#include <tuple>

#include <logdb/index/timelsm/columns/merger.hpp>
#include <logdb/index/timelsm/columns/small_sort.hpp>

#include "support.hpp"

namespace {

using namespace timelsm_test;  // NOLINT: a test
using logdb::timelsm::column_parts;
using logdb::timelsm::columns;
using logdb::timelsm::merge_two;
using logdb::timelsm::merger;
using logdb::timelsm::small_sort;
using logdb::timelsm::time_type;

using numbers = std::initializer_list<std::size_t>;

/// Is two columns that somebody owns. A value is the place that its row had among all.
template <class V>
struct table {
  std::vector<time_type> times{};
  std::vector<V> values{};

  void add(time_type time, std::size_t value) {
    times.push_back(time);
    values.push_back(V{});
    std::memcpy(&values.back(), &value, std::min(sizeof value, sizeof(V)));
  }
  void resize(std::size_t n) { times.resize(n), values.resize(n); }
  [[nodiscard]] columns<V> rows() const { return {times.data(), values.data(), times.size()}; }
  [[nodiscard]] bool operator==(const table&) const = default;
};

template <class V>
table<V> copy_of(const columns<V>& from) {
  return {{from.times, from.times + from.size}, {from.values, from.values + from.size}};
}

/// Returns the rows of some tables, one behind the other, as a stable sort has them.
template <class V>
table<V> sorted(const std::vector<table<V>>& all) {
  std::vector<std::pair<time_type, V>> rows;
  for (const auto& one : all) {
    for (std::size_t i = 0; i < one.times.size(); ++i)
      rows.emplace_back(one.times[i], one.values[i]);
  }
  std::ranges::stable_sort(rows, {}, &std::pair<time_type, V>::first);
  table<V> made;
  for (const auto& [time, value] : rows) made.times.push_back(time), made.values.push_back(value);
  return made;
}

template <class V>
table<V> merged(const table<V>& older, const table<V>& younger) {
  table<V> made;
  made.resize(older.times.size() + younger.times.size());
  merge_two(older.rows(), younger.rows(), {made.times.data(), made.values.data()});
  return made;
}

/// Draws sorted times; few different ones where `spread` is small.
template <class V>
table<V> draw(std::mt19937_64& random, std::size_t rows, std::uint64_t spread, time_type base = 0) {
  std::vector<time_type> times(rows);
  for (auto& time : times) time = base + static_cast<time_type>(random() % spread);
  std::ranges::sort(times);
  table<V> made;
  for (const auto time : times) made.add(time, random());
  return made;
}

/// Returns every sorted table of so many rows with times 0 .. 2.
std::vector<table<value_type>> all_of_three_times(std::size_t rows, std::size_t first_value) {
  std::vector<table<value_type>> all;
  for (std::size_t ones = 0; ones <= rows; ++ones) {
    for (std::size_t twos = 0; ones + twos <= rows; ++twos) {
      table<value_type> made;
      for (std::size_t i = 0; i < rows; ++i) {
        const std::size_t zeros = rows - ones - twos;
        made.add(i < zeros ? 0 : i < zeros + ones ? 1 : 2, first_value + i);
      }
      all.push_back(std::move(made));
    }
  }
  return all;
}

logdb::timelsm::heap_ptr some_heap() {
  return logdb::timelsm::make_heap<logdb::platform::posix>(nullptr);
}

/// Shows each table in parts of at most so many rows, and an empty one.
template <class V>
std::vector<column_parts<V>> in_parts(const std::vector<table<V>>& all, std::size_t rows) {
  std::vector<column_parts<V>> parted;
  for (const auto& one : all) {
    parted.push_back({{}});
    for (auto left = one.rows(); left.size != 0; left = left.drop(std::min(left.size, rows))) {
      parted.back().push_back(left.take(std::min(left.size, rows)));
    }
  }
  return parted;
}

/// Merges tables into slices, and tells whether these have all rows and are of about a size.
template <class V>
bool merges_well(const std::vector<table<V>>& all, std::size_t rows_max,
                 std::size_t part_rows = 1 << 30) {
  const auto expected = sorted(all);
  const auto made = merger<V>{some_heap(), {rows_max, logdb::timelsm::amount::unlimited}}.run(
      in_parts(all, part_rows), 7);
  table<V> seen;
  bool sound = made.size() == (expected.times.size() + rows_max - 1) / rows_max;
  for (const auto& one : made) {
    seen.times.insert(seen.times.end(), one.begin(), one.end());
    seen.values.insert(seen.values.end(), one.values, one.values + one.size);
    sound = sound && one.applied == 7 && one.size <= rows_max &&
            one.size + made.size() > expected.times.size() / made.size();
  }
  return sound && seen == expected;
}

/// Of the size of a time, smaller and larger, and of none that a size of it divides.
using kinds_of_values = std::tuple<value_type, std::uint8_t, std::uint32_t,
                                   std::array<std::uint64_t, 2>, std::array<std::uint8_t, 24>>;

BOOST_AUTO_TEST_SUITE(timelsm_merge)

BOOST_AUTO_TEST_CASE(two_columns_of_few_rows_and_times_are_merged_in_every_combination) {
  for (std::size_t olders = 0; olders < 8; ++olders) {
    for (std::size_t youngers = 0; youngers < 8; ++youngers) {
      bool same = true;
      for (const auto& older : all_of_three_times(olders, 0)) {
        for (const auto& younger : all_of_three_times(youngers, 100)) {
          same = same && merged(older, younger) == sorted<value_type>({older, younger});
        }
      }
      BOOST_TEST(same, olders << " and " << youngers << " rows");
    }
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(two_columns_of_any_sizes_and_values_are_merged_stably, V,
                              kinds_of_values) {
  std::mt19937_64 random{1};
  for (const auto olders : numbers{1, 15, 63, 64, 65, 300, 2000}) {
    for (const auto youngers : numbers{1, 16, 64, 255, 256, 513, 3001, 40'000}) {
      for (const auto spread : numbers{1, 3, 500, 1'000'000}) {
        const auto older = draw<V>(random, olders, spread);
        const auto younger = draw<V>(random, youngers, spread, spread == 500 ? 250 : 0);
        const bool same = merged(older, younger) == sorted<V>({older, younger});
        const bool turned = merged(younger, older) == sorted<V>({younger, older});
        BOOST_TEST((same && turned), olders << ", " << youngers << " rows of " << spread);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(stretches_that_lie_apart_and_the_ends_of_time_are_merged) {
  table<value_type> older;
  table<value_type> younger;
  for (std::size_t i = 0; i < 2000; ++i) {
    older.add(i < 10 ? first_time : static_cast<time_type>(i + i / 100 * 100), i);
    younger.add(i > 1990 ? last_time : static_cast<time_type>(i + i / 100 * 100 + 100), 5000 + i);
  }
  older.add(last_time, 9000);
  BOOST_TEST((merged(older, younger) == sorted<value_type>({older, younger})));
  BOOST_TEST((merged(younger, older) == sorted<value_type>({younger, older})));
  table<value_type> few;
  for (const auto time : {first_time, time_type{777}, last_time}) few.add(time, 1);
  BOOST_TEST((merged(few, younger) == sorted<value_type>({few, younger})));
  BOOST_TEST((merged(older, few) == sorted<value_type>({older, few})));
}

BOOST_AUTO_TEST_CASE(a_small_sort_is_stable_for_every_number_of_rows) {
  std::mt19937_64 random{2};
  small_sort<value_type, 1024> sort;
  for (std::size_t n = 1; n <= sort.rows_max; ++n) {
    table<value_type> given;
    const std::uint64_t spread = n % 3 == 0 ? 4 : 1'000'000;
    for (std::size_t i = 0; i < n; ++i) {
      given.add(n % 7 == 0 ? last_time - static_cast<time_type>(i % 2)
                           : static_cast<time_type>(random() % spread),
                i);
    }
    const auto seen = sort.run(given.times.data(), given.values.data(), n);
    if (copy_of(seen) != sorted<value_type>({given})) BOOST_TEST(n == 0U, n << " rows");
  }
}

BOOST_AUTO_TEST_CASE(many_columns_are_merged_in_tiles_stably) {
  std::mt19937_64 random{3};
  for (const auto inputs : numbers{1, 2, 3, 5, 16, 33}) {
    for (const auto spread : numbers{1, 50, 1'000'000'000}) {
      std::vector<table<value_type>> all;
      for (std::size_t i = 0; i < inputs; ++i) {
        all.push_back(draw<value_type>(random, random() % (160'000 / inputs), spread));
      }
      BOOST_TEST(merges_well(all, 1'000'000), inputs << " inputs of " << spread << " times");
      BOOST_TEST(merges_well(all, 5000), inputs << " inputs of " << spread << " times, in blocks");
      BOOST_TEST(merges_well(all, 9000, 7000), inputs << " inputs of " << spread << ", in parts");
      BOOST_TEST(merges_well(all, 40'000, 100), inputs << " inputs of " << spread << ", in crumbs");
    }
  }
}

BOOST_AUTO_TEST_CASE(many_columns_of_unlike_sizes_and_places_are_merged) {
  std::mt19937_64 random{4};
  std::vector<table<value_type>> all;
  all.push_back(draw<value_type>(random, 50'000, 1'000'000));
  all.push_back({});
  for (time_type i = 0; i < 20; ++i) all.push_back(draw<value_type>(random, 10, 100, i * 40'000));
  for (time_type i = 20; i > 0; --i) all.push_back(draw<value_type>(random, 900, 9000, i * 9000));
  BOOST_TEST(merges_well(all, 7000));
  BOOST_TEST(merges_well(all, 1 << 20, 3000));
  std::ranges::reverse(all);
  BOOST_TEST(merges_well(all, 1 << 20));
  BOOST_TEST(merges_well(all, 7000, 500));
  BOOST_TEST(merges_well<value_type>({}, 100));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
