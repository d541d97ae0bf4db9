// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE memory_timelog
#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "../../support/throws.hpp"

namespace {

using logdb::errc;
using logdb::test::throws;
using load_log = logdb::basic_memory_timelog<double>;

BOOST_AUTO_TEST_SUITE(memory_timelog)

BOOST_AUTO_TEST_CASE(two_spellings_of_it_are_one_type) {
  using spelled = logdb::basic_log<logdb::Locking<logdb::None>, logdb::Index<logdb::TimeLSM>,
                                   logdb::Storage<logdb::Memory>, logdb::Durability<logdb::None>>;
  BOOST_TEST((std::is_same_v<spelled, logdb::memory_timelog>));
  using other = logdb::memory_timelog::with<logdb::Index<logdb::BasicTimeLSM<double>>>;
  BOOST_TEST((std::is_same_v<other, load_log>));
}

BOOST_AUTO_TEST_CASE(every_way_to_append_a_row_is_found_again) {
  load_log log{"load"};
  log.append(3, 0.3);
  log.append(std::vector<std::pair<std::int64_t, double>>{{1, 0.1}, {2, 0.2}});
  log.append(std::vector<std::tuple<int, float>>{{4, 0.5F}});
  log.append(std::vector<logdb::time_row<double>>{{.time = 6, .value = 0.6}});
  log.append(std::vector<std::int64_t>{5}, std::vector<double>{0.5});
  double sum = 0;
  std::int64_t last = 0;
  for (auto [time, value] : log.all()) {
    BOOST_TEST(time == ++last);
    sum += value;
  }
  BOOST_TEST(last == 6);
  BOOST_TEST(sum == 2.2, boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(a_row_of_now_has_the_time_of_the_wall_clock_in_the_unit_of_the_options) {
  load_log::options options;
  options.index.unit = std::chrono::seconds{1};
  load_log log{"load", options};
  const auto seconds = [] {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  };
  const auto before = seconds();
  log.append(0.5);
  BOOST_TEST(log.min_time().value() >= before);
  BOOST_TEST(log.min_time().value() <= seconds());
}

BOOST_AUTO_TEST_CASE(every_verb_that_erases_takes_what_it_says) {
  load_log log{"load"};
  const auto fill = [&log] {
    log.erase_all();
    for (int i = 0; i < 10; ++i) log.append(i, i);
  };
  fill();
  log.erase(2, 5);
  BOOST_TEST(log.size() == 7U);
  log.erase(7, 7);
  BOOST_TEST(log.size() == 7U);
  log.erase(7);
  BOOST_TEST(log.size() == 6U);
  fill();
  log.erase_before(4);
  BOOST_TEST(log.min_time().value() == 4);
  log.erase_since(8);
  BOOST_TEST(log.max_time().value() == 7);
  log.append(std::numeric_limits<std::int64_t>::max(), 1);
  log.erase(std::numeric_limits<std::int64_t>::max());
  BOOST_TEST(log.max_time().value() == 7);
}

BOOST_AUTO_TEST_CASE(an_inverted_erase_is_an_error_and_changes_nothing) {
  load_log log{"load"};
  log.append(1, 1);
  BOOST_TEST(throws(errc::invalid_argument, [&] { log.erase(2, 1); }));
  BOOST_TEST(log.size() == 1U);
}

BOOST_AUTO_TEST_CASE(an_inverted_range_is_empty) {
  load_log log{"load"};
  log.append(1, 1);
  BOOST_TEST(log.range(2, 0).empty());
  BOOST_TEST(log.count(2, 0) == 0U);
  BOOST_TEST((log.spans(2, 0).begin() == log.spans(2, 0).end()));
}

BOOST_AUTO_TEST_CASE(a_snapshot_has_every_verb_that_reads) {
  load_log log{"load"};
  for (int i = 0; i < 100; ++i) log.append(i, i);
  const auto before = log.snapshot();
  log.erase_all();
  BOOST_TEST(before.size() == 100U);
  BOOST_TEST(before.count(10, 20) == 10U);
  BOOST_TEST(before.front()->value == 0.0);
  BOOST_TEST(before.back()->value == 99.0);
  BOOST_TEST(before.aggregate(0, 100, 50).size() == 2U);
  BOOST_TEST(std::ranges::distance(before.backward(90, 100)) == 10);
  BOOST_TEST(log.empty());
}

BOOST_AUTO_TEST_CASE(bytes_are_values_too) {
  logdb::memory_timelog log{"notes"};
  log.append(2, "two");
  log.append(1, std::string{"one"});
  log.append(3, "");
  log.append(std::vector<std::pair<std::int64_t, std::string>>{{0, "zero"}});
  std::string all;
  for (auto [time, value] : log.all()) all += std::string{value.text()} + ' ';
  BOOST_TEST(all == "zero one two  ");
}

BOOST_AUTO_TEST_CASE(a_closed_log_says_so_and_its_snapshots_stay) {
  load_log log{"load"};
  log.append(1, 1);
  const auto kept = log.snapshot();
  log.close();
  log.close();
  BOOST_TEST(throws(errc::closed, [&] { log.append(2, 2); }));
  BOOST_TEST(throws(errc::closed, [&] { static_cast<void>(log.size()); }));
  BOOST_TEST(throws(errc::closed, [&] { log.erase_all(); }));
  BOOST_TEST(kept.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_log_moves) {
  load_log log{"load"};
  log.append(1, 1);
  load_log moved{std::move(log)};
  moved.append(2, 2);
  BOOST_TEST(moved.size() == 2U);
  BOOST_TEST(throws(errc::closed, [&] { static_cast<void>(log.size()); }));  // NOLINT: moved from
}

BOOST_AUTO_TEST_CASE(options_out_of_their_range_are_refused_by_the_log) {
  load_log::options options;
  options.index.l0_runs_max = 1;
  BOOST_TEST(throws(errc::invalid_argument, [&] { load_log log("load", options); }));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
