// SPDX-License-Identifier: BSL-1.0
// How long the values of a time log can be read, and of which type they are.
#define BOOST_TEST_MODULE timelsm_values
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/timelog.hpp>

#include "../../support/temp_dir.hpp"
#include "../../support/throws.hpp"

namespace {

using logdb::errc;
using logdb::test::temp_dir;
using logdb::test::throws;
using load_log = logdb::basic_timelog<double>;

/// Opens a log for values of a type; returns why that was refused.
template <class V>
std::string refusal(const std::filesystem::path& place, logdb::open_mode mode) {
  typename logdb::basic_timelog<V>::options options;
  options.mode = mode;
  try {
    const logdb::basic_timelog<V> log{place, options};
    return {};
  } catch (const logdb::error& wrong) {
    return wrong.condition() == errc::format_mismatch ? wrong.what() : "another error";
  }
}

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

BOOST_AUTO_TEST_CASE(a_log_of_values_of_another_kind_is_refused_in_words) {
  struct pair_of_floats {
    float a, b;
  };
  const temp_dir dir;
  load_log{dir / "load"}.append(1, 0.5);
  for (const bool stored : {false, true}) {
    if (stored) load_log{dir / "load"}.compact();  // no record of rows is left to be replayed
    for (const auto mode : {logdb::open_mode::read_write, logdb::open_mode::read_only}) {
      const auto refused = refusal<std::int64_t>(dir / "load", mode);
      BOOST_TEST(refused.find("values of type double, and is opened") != std::string::npos,
                 refused);
      BOOST_TEST(refused.find("type int64") != std::string::npos, refused);
      BOOST_TEST(!refusal<std::uint64_t>(dir / "load", mode).empty());
      BOOST_TEST(!refusal<pair_of_floats>(dir / "load", mode).empty());
      BOOST_TEST(!refusal<float>(dir / "load", mode).empty());
      BOOST_TEST(!refusal<logdb::bytes_value>(dir / "load", mode).empty());
      BOOST_TEST(refusal<double>(dir / "load", mode).empty());
    }
  }
}

BOOST_AUTO_TEST_CASE(a_log_whose_times_count_another_unit_is_refused_to_who_appends) {
  const temp_dir dir;
  load_log::options milliseconds;
  milliseconds.index.unit = std::chrono::milliseconds{1};
  load_log::options reader;
  reader.mode = logdb::open_mode::read_only;
  { load_log{dir / "load"}.append(0.5); }
  { load_log(dir / "load", milliseconds).append(0.5); }  // nanoseconds are the default: not said
  for (const bool stored : {false, true}) {
    if (stored) load_log(dir / "load", milliseconds).compact();
    BOOST_TEST(throws(errc::format_mismatch, [&] { load_log log{dir / "load"}; }));
    BOOST_TEST(load_log(dir / "load", reader).size() == 2U);
    BOOST_TEST(load_log(dir / "load", milliseconds).size() == 2U);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
