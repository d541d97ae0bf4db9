// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Conformance: reading. Whoever includes this has defined `logs`, a list of logs to run it on.

#include <algorithm>
#include <memory>
#include <optional>
#include <ranges>

#include "conformance/logs.hpp"
#include "support/throws.hpp"

namespace logdb::test {

BOOST_AUTO_TEST_SUITE(reading)

BOOST_AUTO_TEST_CASE_TEMPLATE(a_new_log_has_no_records, Log, logs) {
  small_log<Log> f;
  BOOST_TEST(f.log.first_lsn() == lsn{1});
  BOOST_TEST(f.log.last_lsn() == lsn{0});
  BOOST_TEST(f.log.records().empty());
  BOOST_TEST(f.log.snapshot().size() == 0U);
  BOOST_TEST(!f.log.snapshot().find_time(timestamp{}));
  BOOST_TEST(throws(errc::not_found, [&] { (void)f.log.snapshot().read(lsn{1}); }));
  BOOST_TEST(f.log.verify().intact());
  BOOST_TEST(f.log.stats().records == 0U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(every_start_gives_exactly_the_rest, Log, logs) {
  small_log<Log> f;
  fill(f.log, 1, 1500);
  for (std::uint64_t from = 1; from <= 1501; from += 7) {
    BOOST_TEST(holds_lsns(f.log.records(lsn{from}), lsn{from}, lsn{1501}));
    const auto rest = f.log.records(lsn{from});
    if (from <= 1500) BOOST_TEST(rest.begin()->text() == numbered(from));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_range_is_half_open, Log, logs) {
  small_log<Log> f;
  fill(f.log, 1, 100);
  const auto middle = f.log.records(lsn{20}, lsn{45});
  BOOST_TEST(texts(middle) == numbered(20, 44), boost::test_tools::per_element());
  BOOST_TEST(holds_lsns(f.log.records(lsn{90}, lsn{1000}), lsn{90}, lsn{101}));
  BOOST_TEST(holds_lsns(f.log.records(lsn{0}, lsn{3}), lsn{1}, lsn{3}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_empty_or_inverted_range_holds_nothing, Log, logs) {
  small_log<Log> f;
  fill(f.log, 1, 10);
  BOOST_TEST(texts(f.log.records(lsn{5}, lsn{5})).empty());
  BOOST_TEST(texts(f.log.records(lsn{7}, lsn{3})).empty());
  BOOST_TEST(texts(f.log.records(lsn{11})).empty());
  BOOST_TEST(texts(f.log.records(lsn{~std::uint64_t{0}})).empty());
  BOOST_TEST(texts(f.log.records(lsn{0}, lsn{0})).empty());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_range_stays_as_it_was_made, Log, logs) {
  small_log<Log> f;
  fill(f.log, 1, 10);
  const auto before = f.log.records();
  fill(f.log, 11, 400);
  BOOST_TEST(texts(before) == numbered(1, 10), boost::test_tools::per_element());
  BOOST_TEST(texts(before) == numbered(1, 10), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(records_are_a_forward_range_for_the_algorithms, Log, logs) {
  using range = typename Log::record_range;
  static_assert(std::ranges::forward_range<range> && std::ranges::view<range>);
  small_log<Log> f;
  fill(f.log, 1, 300);
  const range all = f.log.records();
  const auto is_long = [](const record& each) { return each.size() > 9; };
  BOOST_TEST(std::ranges::distance(all) == 300);
  BOOST_TEST(std::ranges::count_if(all, is_long) == 201);
  BOOST_TEST(std::ranges::find_if(all, is_long)->lsn() == lsn{100});
  BOOST_TEST((std::ranges::find_if(all, [](const record&) { return false; }) == all.end()));
  BOOST_TEST(std::ranges::is_sorted(all, {}, &record::lsn));
  auto at = all.begin();
  const auto copy = at++;
  BOOST_TEST(copy->lsn() == lsn{1});
  BOOST_TEST(at->lsn() == lsn{2});
  BOOST_TEST((copy == all.begin()));
#if !defined(__clang__) || __clang_major__ > 15  // before, it cannot compile libstdc++'s views
  auto few = all | std::views::drop(10) | std::views::take(5);
  BOOST_TEST(holds_lsns(few, lsn{11}, lsn{16}));
#endif
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_copied_record_keeps_its_bytes_after_the_log_is_gone, Log, logs) {
  std::optional<small_log<Log>> f{std::in_place};
  fill(f->log, 1, 500);
  std::vector<record> kept;
  for (const record& each : f->log.records()) kept.push_back(each);
  f->log.truncate_front(lsn{400});
  f->log.close();
  f.reset();
  BOOST_TEST((texts(kept) == numbered(1, 500)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(append_times_never_go_back, Log, logs) {
  small_log<Log> f;
  const timestamp before = std::chrono::system_clock::now();
  for (std::uint64_t n = 1; n <= 300; n += 30) {
    fill(f.log, n, n + 29);
    f.log.sync();
  }
  const auto all = f.log.records();
  BOOST_TEST(std::ranges::is_sorted(all, {}, &record::time));
  // The clock of the group may be read a tick earlier than ours.
  BOOST_TEST((all.begin()->time() > before - std::chrono::seconds{1}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_snapshot_is_undisturbed_by_appends_and_truncation, Log, logs) {
  small_log<Log> f;
  fill(f.log, 1, 1000);
  const auto seen = f.log.snapshot();
  fill(f.log, 1001, 2000);
  f.log.sync();
  fill_segments(f.log, 12);
  f.log.truncate_front(lsn{1990});
  BOOST_TEST(seen.first_lsn() == lsn{1});
  BOOST_TEST(seen.last_lsn() == lsn{1000});
  BOOST_TEST(seen.size() == 1000U);
  BOOST_TEST((texts(seen.records()) == numbered(1, 1000)));
  BOOST_TEST(seen.read(lsn{777}).text() == numbered(777));
  BOOST_TEST(throws(errc::not_found, [&] { (void)seen.read(lsn{1001}); }));
  BOOST_TEST(throws(errc::not_found, [&] { (void)seen.read(lsn{0}); }));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_snapshot_outlives_its_log, Log, logs) {
  std::optional<small_log<Log>> f{std::in_place};
  fill(f->log, 1, 1000);
  const auto seen = f->log.snapshot();
  // Segments that nobody has read yet are found by their names, so these stay for now.
  BOOST_TEST(holds_lsns(seen.records(), lsn{1}, lsn{1001}));
  f->log.close();
  f.reset();
  BOOST_TEST((texts(seen.records()) == numbered(1, 1000)));
  BOOST_TEST(seen.read(lsn{3}).text() == numbered(3));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(many_threads_may_walk_one_range, Log, logs) {
  small_log<Log> f;
  fill(f.log, 1, 1000);
  const auto all = f.log.records();
  std::array<bool, 4> whole{};
  {
    std::vector<std::jthread> readers;
    for (bool& mine : whole) {
      readers.emplace_back([&all, &mine] { mine = holds_lsns(all, lsn{1}, lsn{1001}); });
    }
  }
  BOOST_TEST(std::ranges::count(whole, true) == 4);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
