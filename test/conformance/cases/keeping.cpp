// SPDX-License-Identifier: BSL-1.0
/// @file
/// Conformance: durability, truncation, retention, figures.

#include <chrono>
#include <string>
#include <vector>

#include "conformance/suite.hpp"
#include "support/throws.hpp"

namespace logdb::test {

namespace {

const case_group group{"keeping"};

LOGDB_EACH_LOG(a_sync_makes_everything_durable) {
  fresh_log f{kind};
  f.log.sync();
  fill(f.log, 1, 100);
  f.log.sync();
  BOOST_TEST(f.log.durable_lsn() == lsn{100});
  BOOST_TEST(f.log.loss_window().records == 0U);
  BOOST_TEST(f.log.loss_window().bytes == 0U);
  BOOST_TEST((f.log.loss_window().age == std::chrono::nanoseconds{0}));
}

LOGDB_EACH_LOG(one_record_can_be_waited_for) {
  fresh_log f{kind};
  fill(f.log, 1, 100);
  f.log.wait_durable(lsn{60});
  BOOST_TEST(f.log.durable_lsn() >= lsn{60});
  f.log.wait_durable(lsn{0});
  const auto failure = error_of([&] { f.log.wait_durable(lsn{101}); });
  BOOST_REQUIRE(failure);
  BOOST_TEST((failure->condition() == errc::invalid_argument));
  BOOST_TEST((failure->at() == lsn{101}));
}

LOGDB_EACH_LOG(a_cursor_never_stands_beyond_the_last_record) {
  fresh_log f{kind};
  fill(f.log, 1, 5);
  auto cursor = f.log.cursor("mail");
  cursor.acknowledge(lsn{2});
  for (const lsn beyond : {lsn{6}, lsn{1000}, lsn{UINT64_MAX}}) {
    const auto failure = error_of([&] { cursor.acknowledge(beyond); });
    BOOST_REQUIRE(failure);
    BOOST_TEST((failure->condition() == errc::invalid_argument));
    BOOST_TEST((failure->at() == beyond));
    BOOST_TEST(std::string{failure->what()}.find("the last is lsn 5") != std::string::npos);
    BOOST_TEST(cursor.next() == lsn{3});
  }
  cursor.acknowledge(lsn{5});
  fill(f.log, 6, 10);
  BOOST_TEST(texts(cursor.records()) == numbered(6, 10), boost::test_tools::per_element());
}

LOGDB_EACH_LOG(an_append_that_promises_it_is_durable_when_it_returns) {
  fresh_log f{kind};
  for (std::uint64_t n = 1; n <= 20; ++n) {
    f.log.append(numbered(n));
    const bool promised = kind.durable_on_return;
    BOOST_TEST((!promised || f.log.durable_lsn() == lsn{n}));
    BOOST_TEST((!promised || f.log.loss_window().records == 0));
    BOOST_TEST(f.log.durable_lsn() <= f.log.last_lsn());
  }
}

LOGDB_EACH_LOG(the_loss_window_is_what_is_not_durable) {
  fresh_log f{kind};
  for (std::uint64_t n = 1; n <= 300; ++n) {
    f.log.append(numbered(n));
    const loss_window now = f.log.loss_window();
    BOOST_TEST(now.records <= n);
    BOOST_TEST(now.bytes <= 32768U);
    BOOST_TEST((now.age >= std::chrono::nanoseconds{0}));
  }
}

LOGDB_EACH_LOG(truncation_gives_up_whole_segments_below_a_record) {
  fresh_log f{kind};
  fill(f.log, 1, 3000);
  f.log.sync();
  BOOST_TEST(f.log.truncate_front(lsn{0}) == lsn{1});
  lsn first = f.log.truncate_front(lsn{2500});
  // What was sealed last may still be on its way to being finished.
  for (std::uint64_t n = 3001; first == lsn{1} && n < 100000; n += 20) {
    fill(f.log, n, n + 19);
    first = f.log.truncate_front(lsn{2500});
  }
  BOOST_TEST(first > lsn{1});
  BOOST_TEST(first <= lsn{2500});
  BOOST_TEST(f.log.first_lsn() == first);
  BOOST_TEST(f.log.records().begin()->text() == numbered(first.value()));
  BOOST_TEST(texts(f.log.records(lsn{2500}, lsn{2510})) == numbered(2500, 2509),
             boost::test_tools::per_element());
  BOOST_TEST(throws(errc::truncated, [&] { (void)f.log.records(first - 1); }));
  BOOST_TEST(throws(errc::truncated, [&] { (void)f.log.snapshot().read(first - 1); }));
  BOOST_TEST(f.log.cursor("new").next() == first);
  BOOST_TEST(f.log.cursor("new").missed() == first - lsn{1});
}

LOGDB_EACH_LOG(truncation_takes_the_active_segment_only_where_nothing_is_to_stay) {
  fresh_log f{kind};
  fill(f.log, 1, 10);
  BOOST_TEST(f.log.truncate_front(lsn{10}) == lsn{1});
  BOOST_TEST(texts(f.log.records()) == numbered(1, 10), boost::test_tools::per_element());
  const auto before = f.log.snapshot();
  BOOST_TEST(f.log.truncate_front(f.log.last_lsn() + 1) == lsn{11});
  BOOST_TEST(f.log.truncate_front(lsn{1000000}) == lsn{11});
  BOOST_TEST(texts(before.records()) == numbered(1, 10), boost::test_tools::per_element());
  f.reopen_if_it_lasts();
  if (!kind.persistent) return;
  BOOST_TEST(texts(f.log.records()).empty());
  BOOST_TEST(f.log.first_lsn() == lsn{11});
  fill(f.log, 11, 12);
  BOOST_TEST(texts(f.log.records()) == numbered(11, 12), boost::test_tools::per_element());
  BOOST_TEST(f.log.verify().intact());
}

LOGDB_EACH_LOG(truncation_takes_large_transactions_with_it) {
  fresh_log f{kind};
  for (int i = 0; i < 3; ++i) f.log.append(patterned(50000));
  const std::uint64_t before = f.log.stats().bytes_on_disk;
  lsn first = f.log.truncate_front(lsn{4});
  for (int i = 0; first == lsn{1} && i < 1000; ++i) {
    fill_segments(f.log, 1);
    first = f.log.truncate_front(f.log.last_lsn());
  }
  BOOST_TEST(first >= lsn{4});
  BOOST_TEST(f.log.verify().intact());
  BOOST_TEST(before > 150000U);
  const auto rest = f.log.snapshot();
  BOOST_TEST(holds_lsns(rest.records(), first, rest.last_lsn() + 1));
}

/// Appends until the oldest segment is given up, or so much that it should have been.
void fill_until_given_up(tested_log& log) {
  for (int i = 0; i < 2000 && log.first_lsn() == lsn{1}; ++i) fill_segments(log, 1);
}

LOGDB_EACH_LOG(retention_by_bytes_bounds_the_log) {
  tested_options options;
  options.retention.bytes_max = 100000;
  fresh_log f{kind, options};
  fill_until_given_up(f.log);
  BOOST_TEST(f.log.first_lsn() > lsn{1});
  BOOST_TEST(f.log.stats().records == (f.log.last_lsn() + 1) - f.log.first_lsn());
  BOOST_TEST(f.log.stats().records > 8U);
  BOOST_TEST(f.log.verify().intact());
}

LOGDB_EACH_LOG(retention_by_count_keeps_that_many_at_least) {
  tested_options options;
  options.retention.records_max = 50;
  fresh_log f{kind, options};
  fill_until_given_up(f.log);
  BOOST_TEST(f.log.first_lsn() > lsn{1});
  BOOST_TEST(f.log.stats().records >= 50U);
}

LOGDB_EACH_LOG(retention_by_age_gives_up_what_is_older) {
  tested_options options;
  options.retention.age_max = std::chrono::nanoseconds{0};
  fresh_log f{kind, options};
  fill_until_given_up(f.log);
  BOOST_TEST(f.log.first_lsn() > lsn{1});
  options.retention.age_max = std::chrono::hours{1};
  fresh_log young{kind, options};
  fill_segments(young.log, 20);
  young.reopen_if_it_lasts();
  BOOST_TEST(young.log.first_lsn() == lsn{1});
}

LOGDB_EACH_LOG(readers_are_undisturbed_by_retention) {
  tested_options options;
  options.retention.records_max = 50;
  fresh_log f{kind, options};
  fill_segments(f.log, 1);
  const auto seen = f.log.snapshot();
  fill_until_given_up(f.log);
  BOOST_TEST(holds_lsns(seen.records(), lsn{1}, lsn{7}));
}

LOGDB_EACH_LOG(the_figures_add_up) {
  fresh_log f{kind};
  fill(f.log, 1, 500);
  f.log.sync();
  const log_stats now = f.log.stats();
  BOOST_TEST(now.records == 500U);
  BOOST_TEST(now.records_appended == 500U);
  BOOST_TEST(now.bytes_appended > 500U * numbered(1).size());
  BOOST_TEST(now.groups > 0U);
  BOOST_TEST(now.syncs > 0U);
  BOOST_TEST(now.heals == 0U);
  BOOST_TEST(now.segments >= 1U);
  BOOST_TEST(now.bytes_on_disk > now.bytes_appended);
}

}  // namespace

}  // namespace logdb::test
