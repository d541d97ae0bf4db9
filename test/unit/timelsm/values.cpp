// SPDX-License-Identifier: BSL-1.0
// How long the values of a time log can be read.
#define BOOST_TEST_MODULE timelsm_values
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/timelog.hpp>

#include "../../support/temp_dir.hpp"

namespace {

using logdb::test::temp_dir;

BOOST_AUTO_TEST_SUITE(timelsm_values)

BOOST_AUTO_TEST_CASE(the_first_and_the_last_row_outlive_what_they_were_read_from) {
  const temp_dir dir;
  const std::string text(1000, 'x');
  logdb::timelog log{dir / "notes"};
  log.append(1, "one");
  log.append(2, text);
  const auto fresh = log.back();
  log.compact();
  const auto first = log.front();
  const auto last = log.snapshot().back();
  log.erase_all();
  log.compact();
  for (int i = 0; i < 1000; ++i) log.append(i, "overwritten");
  log.close();
  BOOST_TEST(first->value.text() == "one");
  BOOST_TEST(last->value.text() == text);
  BOOST_TEST((last == fresh));
  static_assert(
      std::is_same_v<decltype(log.front()), std::optional<logdb::kept_row<logdb::bytes_value>>>);
}

BOOST_AUTO_TEST_CASE(rows_that_are_kept_outlive_the_walk_that_showed_them) {
  const temp_dir dir;
  logdb::timelog log{dir / "notes"};
  for (int i = 0; i < 1000; ++i) log.append(i, "value " + std::to_string(i));
  std::vector<logdb::kept_row<logdb::bytes_value>> rows;
  for (const auto& row : log.all()) rows.push_back(row.keep());
  log.append(rows);
  BOOST_TEST(log.size() == 2000U);
  log.compact();
  log.close();
  const auto is_whole = [](const auto& row) {
    return row.value.text() == "value " + std::to_string(row.time);
  };
  BOOST_TEST(std::ranges::all_of(rows, is_whole));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
