// SPDX-License-Identifier: BSL-1.0
// What a log gives up by itself, and by whose clock: one that leaps is not believed.
#define BOOST_TEST_MODULE journal_retention
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <random>
#include <ranges>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "../../support/temp_dir.hpp"

namespace {

using logdb::lsn;
using logdb::timestamp;
using logdb::detail::believed_clock;
using logdb::test::temp_dir;
using namespace std::chrono_literals;  // NOLINT: a test

constexpr auto day = 24h;
constexpr timestamp origin{std::chrono::seconds{1'700'000'000}};

/// Is the real system but for its wall clock, which the test sets.
struct clocked_system : logdb::platform::posix {
  inline static timestamp wall = origin;

  static timestamp now() { return wall; }
};

using log_type = logdb::async_wal::with<logdb::Storage<logdb::BasicDirectory<clocked_system>>>;

struct clocked_log {
  clocked_log() {
    clocked_system::wall = origin;
    options.segment_bytes = 16 << 10;
    options.durability.staging_bytes = 32 << 10;
    options.durability.delay_max = 1h;
  }

  [[nodiscard]] log_type open() const { return log_type{dir / "log", options}; }

  /// Appends a few segments at the time of the clock; each record is a group of its own.
  static void fill(log_type& log, int segments = 3) {
    for (int i = 0; i < 15 * segments; ++i) {
      log.append(std::string(1000, 'x'));
      log.sync();
    }
  }

  temp_dir dir;
  log_type::options options;
};

/// Returns how much passes over some times, given in hours from the first.
std::chrono::hours passed(std::chrono::hours small, const std::vector<int>& hours) {
  believed_clock clock{small};
  std::uint64_t all = 0;
  for (const int at : hours) all = clock.go_to(origin + std::chrono::hours{at});
  return std::chrono::duration_cast<std::chrono::hours>(std::chrono::nanoseconds{all});
}

BOOST_FIXTURE_TEST_SUITE(journal_retention, clocked_log)

BOOST_AUTO_TEST_CASE(time_passes_by_small_steps_and_by_leaps_that_were_followed_by_others) {
  BOOST_TEST((passed(2h, {0, 1, 3, 4}) == 4h));
  BOOST_TEST((passed(2h, {0, 1, 100}) == 1h));           // the last leap may be wrong
  BOOST_TEST((passed(2h, {0, 1, 100, 101}) == 2h));      // also when time goes on behind it
  BOOST_TEST((passed(2h, {0, 100, 200, 300}) == 200h));  // but not when it leaps on
}

BOOST_AUTO_TEST_CASE(time_goes_on_from_before_when_a_clock_that_was_wrong_comes_back) {
  BOOST_TEST((passed(2h, {0, 1, 90'000, 90'001, 2, 3}) == 4h));
  BOOST_TEST((passed(2h, {0, 1, -400'000, -399'999, 2, 3}) == 4h));
  BOOST_TEST((passed(2h, {0, 1, -400'000, 50, 51, 100}) == 51h));
  BOOST_TEST((passed(2h, {0, 1, 90'000, 50, 51, 100}) == 51h));
  BOOST_TEST((passed(2h, {5, 4, 5, 6}) == 2h));
}

BOOST_AUTO_TEST_CASE(any_times_whatever_add_up_to_no_less_and_no_more) {
  believed_clock clock{1h};
  std::mt19937_64 random{7};
  std::uint64_t before = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto time = static_cast<std::int64_t>(random());
    const std::uint64_t now = clock.go_to(timestamp{std::chrono::nanoseconds{time}});
    BOOST_REQUIRE_GE(now, before);
    before = now;
  }
}

BOOST_AUTO_TEST_CASE(an_open_with_a_clock_ahead_gives_up_nothing_and_says_so) {
  options.retention.age_max = 30 * day;
  {
    auto log = open();
    for (int i = 0; i < 29; ++i, clocked_system::wall += day) fill(log, 1);
  }
  clocked_system::wall += 3650 * day;
  {
    auto log = open();
    BOOST_TEST(log.first_lsn() == lsn{1});
    BOOST_TEST((log.stats().clock_leapt > 3000 * day));
  }
  clocked_system::wall -= 3650 * day;
  auto log = open();
  BOOST_TEST(log.first_lsn() == lsn{1});
  BOOST_TEST((log.stats().clock_leapt <= 1 * day));
}

BOOST_AUTO_TEST_CASE(records_of_a_clock_ahead_or_behind_give_up_nothing_else) {
  for (const auto leap : {3650 * day, -3650 * day, 40 * day, -40 * day}) {
    clocked_system::wall = origin;
    options.retention.age_max = 30 * day;
    auto log = log_type{dir / std::to_string(leap.count()), options};
    for (int i = 0; i < 10; ++i, clocked_system::wall += day) fill(log, 1);
    clocked_system::wall += leap;
    fill(log);
    clocked_system::wall -= leap;
    fill(log);
    BOOST_TEST(log.first_lsn() == lsn{1});
  }
}

BOOST_AUTO_TEST_CASE(retention_goes_on_after_the_clock_was_once_ahead) {
  options.retention.age_max = 30 * day;
  auto log = open();
  fill(log);
  clocked_system::wall += 3650 * day;
  fill(log, 1);
  clocked_system::wall -= 3650 * day;
  for (int i = 0; i < 29; ++i, clocked_system::wall += day) fill(log, 1);
  BOOST_TEST(log.first_lsn() == lsn{1});
  for (int i = 0; i < 40; ++i, clocked_system::wall += day) fill(log, 1);
  for (int i = 0; i < 1000 && log.first_lsn() < lsn{400}; ++i) fill(log, 1);
  BOOST_TEST(log.first_lsn() >= lsn{400});
}

BOOST_AUTO_TEST_CASE(records_are_found_by_time_after_the_clock_was_once_ahead) {
  for (const bool reopened : {false, true}) {
    clocked_system::wall = origin;
    options.mode = logdb::open_mode::read_write;
    std::optional<log_type> log{std::in_place, dir / (reopened ? "again" : "once"), options};
    const auto reopen = [&] {
      if (!reopened) return;
      log.reset();
      log.emplace(dir / "again", options);
    };
    const auto put = [&](const char* what) {
      const lsn at = log->append(std::string_view{what});
      log->sync();
      return at;
    };
    put("before");
    clocked_system::wall += 3650 * day;
    reopen();
    put("ahead");
    clocked_system::wall -= 3649 * day;
    reopen();
    const timestamp back = clocked_system::wall;
    const lsn after = put("after");
    clocked_system::wall += 10h;
    reopen();
    const lsn last = put("last");
    BOOST_TEST((log->find_time(back + 1ns) == last));
    BOOST_TEST(
        (log->find_time(back) == after - 1));  // of a clock ahead: it came then at the latest
    BOOST_TEST((log->find_time(back + 1h) == last));
    BOOST_TEST((log->find_time(origin) == lsn{1}));
    BOOST_TEST(!log->find_time(back + 11h));
    BOOST_TEST(log->verify().intact());
  }
}

BOOST_AUTO_TEST_CASE(footers_count_as_bytes_on_disk) {
  options.index.stride_bytes = 64;
  {
    auto log = open();
    for (int i = 0; i < 40'000; ++i) log.append(std::string(20, 'x'));
  }
  options.retention.bytes_max = 512 << 10;
  const auto log = open();
  std::uint64_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator{dir / "log"}) {
    if (file.path().extension() == ".seg") bytes += file.file_size();
  }
  BOOST_TEST(bytes <= options.retention.bytes_max);
  BOOST_TEST(log.stats().bytes_on_disk >= bytes);
  BOOST_TEST(log.verify().intact());
}

BOOST_AUTO_TEST_CASE(records_of_the_active_segment_count_when_a_log_opens) {
  {
    auto log = open();
    for (int i = 0; i < 250; ++i) log.append(std::string(100, 'x'));
  }
  options.retention.records_max = 10;
  auto log = open();
  const lsn first = log.first_lsn();
  BOOST_TEST(log.truncate_front(log.last_lsn()) == first);
  BOOST_TEST(log.last_lsn() + 1 - first >= 10U);
}

BOOST_AUTO_TEST_CASE(what_a_reader_has_outlives_a_truncation_and_the_next_open) {
  std::optional<log_type> log{open()};
  fill(*log);
  const auto shown = log->snapshot();
  const auto range = log->records();
  log->truncate_front(log->last_lsn());
  log.reset();
  const auto again = open();
  BOOST_TEST(again.first_lsn() > lsn{1});
  BOOST_TEST(std::ranges::distance(shown.records()) == 45);
  BOOST_TEST(std::ranges::distance(range) == 45);
}

BOOST_AUTO_TEST_CASE(what_a_reader_has_outlives_what_the_next_open_gives_up) {
  std::optional<log_type> log{open()};
  fill(*log, 1);
  const auto before = log->records();
  fill(*log, 2);
  const auto shown = log->snapshot();
  log.reset();
  options.retention.records_max = 1;
  const auto again = open();
  BOOST_TEST(again.first_lsn() > lsn{15});
  BOOST_TEST(std::ranges::distance(before) == 15);
  BOOST_TEST(std::ranges::distance(shown.records()) == 45);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
