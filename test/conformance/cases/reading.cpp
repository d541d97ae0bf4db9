// SPDX-License-Identifier: BSL-1.0
/// @file
/// Conformance: reading.

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include "conformance/suite.hpp"
#include "support/throws.hpp"

namespace logdb::test {

namespace {

const case_group group{"reading"};

LOGDB_EACH_LOG(a_new_log_has_no_records) {
  fresh_log f{kind};
  BOOST_TEST(f.log.first_lsn() == lsn{1});
  BOOST_TEST(f.log.last_lsn() == lsn{0});
  BOOST_TEST(f.log.records().empty());
  BOOST_TEST(f.log.snapshot().size() == 0U);
  BOOST_TEST(!f.log.snapshot().find_time(timestamp{}));
  BOOST_TEST(throws(errc::not_found, [&] { (void)f.log.snapshot().read(lsn{1}); }));
  BOOST_TEST(f.log.verify().intact());
  BOOST_TEST(f.log.stats().records == 0U);
}

LOGDB_EACH_LOG(every_start_gives_exactly_the_rest) {
  fresh_log f{kind};
  fill(f.log, 1, 1500);
  for (std::uint64_t from = 1; from <= 1501; from += 7) {
    BOOST_TEST(holds_lsns(f.log.records(lsn{from}), lsn{from}, lsn{1501}));
    const auto rest = f.log.records(lsn{from});
    if (from <= 1500) BOOST_TEST(rest.begin()->text() == numbered(from));
  }
}

LOGDB_EACH_LOG(a_range_is_half_open) {
  fresh_log f{kind};
  fill(f.log, 1, 100);
  const auto middle = f.log.records(lsn{20}, lsn{45});
  BOOST_TEST(texts(middle) == numbered(20, 44), boost::test_tools::per_element());
  BOOST_TEST(holds_lsns(f.log.records(lsn{90}, lsn{1000}), lsn{90}, lsn{101}));
  BOOST_TEST(holds_lsns(f.log.records(lsn{0}, lsn{3}), lsn{1}, lsn{3}));
}

LOGDB_EACH_LOG(an_empty_or_inverted_range_holds_nothing) {
  fresh_log f{kind};
  fill(f.log, 1, 10);
  BOOST_TEST(texts(f.log.records(lsn{5}, lsn{5})).empty());
  BOOST_TEST(texts(f.log.records(lsn{7}, lsn{3})).empty());
  BOOST_TEST(texts(f.log.records(lsn{11})).empty());
  BOOST_TEST(texts(f.log.records(lsn{~std::uint64_t{0}})).empty());
  BOOST_TEST(texts(f.log.records(lsn{0}, lsn{0})).empty());
}

LOGDB_EACH_LOG(a_range_stays_as_it_was_made) {
  fresh_log f{kind};
  fill(f.log, 1, 10);
  const auto before = f.log.records();
  fill(f.log, 11, 400);
  BOOST_TEST(texts(before) == numbered(1, 10), boost::test_tools::per_element());
  BOOST_TEST(texts(before) == numbered(1, 10), boost::test_tools::per_element());
}

LOGDB_EACH_LOG(a_copied_record_keeps_its_bytes_after_the_log_is_gone) {
  std::optional<fresh_log> f{std::in_place, kind};
  fill(f->log, 1, 500);
  std::vector<record> kept;
  for (const record& each : f->log.records()) kept.push_back(each);
  f->log.truncate_front(lsn{400});
  f->log.close();
  f.reset();
  BOOST_TEST((texts(kept) == numbered(1, 500)));
}

LOGDB_EACH_LOG(append_times_never_go_back) {
  fresh_log f{kind};
  const timestamp before = std::chrono::system_clock::now();
  for (std::uint64_t n = 1; n <= 300; n += 30) {
    fill(f.log, n, n + 29);
    f.log.sync();
  }
  const auto all = f.log.records();
  timestamp last{};
  bool back = false;
  for (const record& each : all) {
    back = back || each.time() < last;
    last = each.time();
  }
  BOOST_TEST(!back);
  // The clock of the group may be read a tick earlier than ours.
  BOOST_TEST((all.begin()->time() > before - std::chrono::seconds{1}));
}

LOGDB_EACH_LOG(a_snapshot_is_undisturbed_by_appends_and_truncation) {
  fresh_log f{kind};
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

LOGDB_EACH_LOG(a_snapshot_outlives_its_log) {
  std::optional<fresh_log> f{std::in_place, kind};
  fill(f->log, 1, 1000);
  const auto seen = f->log.snapshot();
  // Segments that nobody has read yet are found by their names, so these stay for now.
  BOOST_TEST(holds_lsns(seen.records(), lsn{1}, lsn{1001}));
  f->log.close();
  f.reset();
  BOOST_TEST((texts(seen.records()) == numbered(1, 1000)));
  BOOST_TEST(seen.read(lsn{3}).text() == numbered(3));
}

LOGDB_EACH_LOG(many_threads_may_walk_one_range) {
  fresh_log f{kind};
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

}  // namespace

}  // namespace logdb::test
