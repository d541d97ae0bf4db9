// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE light
#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/light.hpp>

namespace light = logdb::light;

namespace {

/// An item with a key that others may have, too, and what must stay with it.
struct item {
  int key = 0;
  std::unique_ptr<int> with{};
};

std::vector<int> some_numbers(std::size_t count, int below, unsigned seed) {
  std::mt19937 random{seed};
  std::vector<int> numbers(count);
  for (int& each : numbers) each = static_cast<int>(random() % static_cast<unsigned>(below));
  return numbers;
}

}  // namespace

BOOST_AUTO_TEST_CASE(sorts_any_number_of_items_as_the_standard_library_does) {
  for (unsigned count = 0; count < 300; ++count) {
    for (const int below : {2, 50, 1 << 30}) {
      std::vector<int> sorted = some_numbers(count, below, count);
      std::vector<int> expected = sorted;
      std::sort(expected.begin(), expected.end());
      light::sort(sorted);
      BOOST_REQUIRE(sorted == expected);
      light::sort(sorted);
      BOOST_REQUIRE(sorted == expected);
      light::sort(sorted, [](int each) { return -static_cast<std::int64_t>(each); });
      BOOST_REQUIRE(std::equal(sorted.begin(), sorted.end(), expected.rbegin(), expected.rend()));
    }
  }
}

BOOST_AUTO_TEST_CASE(moves_whole_items_when_it_sorts_by_a_key) {
  std::vector<item> items;
  for (const int each : some_numbers(1000, 40, 1)) {
    items.push_back({each, std::make_unique<int>(each)});
  }
  light::sort(items, &item::key);
  BOOST_TEST(light::is_sorted(items, &item::key));
  BOOST_TEST(light::all_of(items, [](const item& each) { return *each.with == each.key; }));
}

BOOST_AUTO_TEST_CASE(finds_bounds_where_the_standard_library_does) {
  for (unsigned count = 0; count < 40; ++count) {
    std::vector<int> sorted = some_numbers(count, 20, count);
    light::sort(sorted);
    for (int value = -1; value < 22; ++value) {
      BOOST_TEST((light::lower_bound(sorted, value) ==
                  std::lower_bound(sorted.begin(), sorted.end(), value)));
      BOOST_TEST((light::upper_bound(sorted, value) ==
                  std::upper_bound(sorted.begin(), sorted.end(), value)));
      BOOST_TEST((light::find(sorted, value) == std::find(sorted.begin(), sorted.end(), value)));
    }
  }
}

BOOST_AUTO_TEST_CASE(erases_what_passes_the_test_and_keeps_the_order_of_the_rest) {
  std::vector<std::string> names{"a", "bb", "c", "dd", "ee", "f"};
  light::erase_if(names, [](const std::string& each) { return each.size() == 2; });
  BOOST_TEST(names == (std::vector<std::string>{"a", "c", "f"}), boost::test_tools::per_element());
  light::erase_if(names, [](const std::string&) { return false; });
  BOOST_TEST(names.size() == 3U);
  light::erase_if(names, [](const std::string&) { return true; });
  BOOST_TEST(names.empty());
  light::erase_if(names, [](const std::string&) { return true; });
  BOOST_TEST(names.empty());
}

BOOST_AUTO_TEST_CASE(moves_what_passes_the_test_behind_what_is_there_already) {
  std::vector<std::string> names{"a", "bb", "c", "dd"};
  std::vector<std::string> moved{"there"};
  light::move_if(names, moved, [](const std::string& each) { return each.size() == 2; });
  BOOST_TEST(names == (std::vector<std::string>{"a", "c"}), boost::test_tools::per_element());
  BOOST_TEST(moved == (std::vector<std::string>{"there", "bb", "dd"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(asks_each_item_and_each_two_that_are_neighbours) {
  const std::vector<int> none;
  const std::vector<int> rising{1, 2, 3, 5};
  const auto is_odd = [](int each) { return each % 2 == 1; };
  const auto are_equal = [](int one, int next) { return one == next; };
  BOOST_TEST(light::any_of(rising, is_odd));
  BOOST_TEST(!light::all_of(rising, is_odd));
  BOOST_TEST(light::all_of(none, is_odd));
  BOOST_TEST(light::none_of(none, is_odd));
  BOOST_TEST(!light::any_neighbours(none, are_equal));
  BOOST_TEST(!light::any_neighbours(rising, are_equal));
  BOOST_TEST(light::any_neighbours(std::vector<int>{1, 2, 5, 5}, are_equal));
  BOOST_TEST(light::is_sorted(rising));
  BOOST_TEST(!light::is_sorted(std::vector<int>{1, 3, 2}));
}
