// SPDX-License-Identifier: BSL-1.0
/// @file
/// Conformance: what a log on storage that lasts keeps.

#include <optional>

#include "conformance/suite.hpp"
#include "support/throws.hpp"

namespace logdb::test {

namespace {

const case_group group{"reopening", &tested_kind::persistent};

LOGDB_EACH_LOG(a_reopened_log_goes_on_where_it_ended) {
  fresh_log f{kind};
  std::uint64_t next = 1;
  for (const std::uint64_t records : {1U, 0U, 40U, 3000U, 2U}) {
    fill(f.log, next, next + records - 1);
    next += records;
    f.reopen();
    BOOST_TEST(f.log.last_lsn() == lsn{next - 1});
    BOOST_TEST(f.log.durable_lsn() == lsn{next - 1});
    BOOST_TEST((texts(f.log.records()) == numbered(1, next - 1)));
  }
  BOOST_TEST(f.log.append(numbered(next)) == lsn{next});
  BOOST_TEST(f.log.verify().intact());
}

LOGDB_EACH_LOG(the_report_of_a_clean_open_says_so) {
  fresh_log f{kind};
  BOOST_TEST(f.log.recovery().clean);
  BOOST_TEST(f.log.recovery().records == 0U);
  BOOST_TEST(f.log.recovery().first == lsn{1});
  BOOST_TEST(f.log.recovery().last == lsn{0});
  fill(f.log, 1, 2000);
  f.reopen();
  const recovery_report& found = f.log.recovery();
  BOOST_TEST(found.clean);
  BOOST_TEST(found.records == 2000U);
  BOOST_TEST(found.first == lsn{1});
  BOOST_TEST(found.last == lsn{2000});
  BOOST_TEST(found.drained_bytes == 0U);
  BOOST_TEST(found.damages.empty());
}

LOGDB_EACH_LOG(the_destructor_closes_too) {
  const temp_dir place;
  {
    tested_log log = kind.open(place / "log", {});
    fill(log, 1, 100);
  }
  tested_log log = kind.open(place / "log", {});
  BOOST_TEST(log.recovery().clean);
  BOOST_TEST(texts(log.records()) == numbered(1, 100), boost::test_tools::per_element());
}

LOGDB_EACH_LOG(a_cursor_is_kept_by_the_log) {
  fresh_log f{kind};
  fill(f.log, 1, 2000);
  f.log.cursor("early").acknowledge(lsn{5});
  f.log.cursor("late").acknowledge(lsn{1500});
  f.reopen();
  BOOST_TEST(f.log.cursor("early").next() == lsn{6});
  BOOST_TEST(f.log.cursor("late").next() == lsn{1501});
  fill(f.log, 2001, 4000);
  f.log.cursor("early").acknowledge(lsn{2});
  f.reopen();
  BOOST_TEST(f.log.cursor("early").next() == lsn{3});
  BOOST_TEST(f.log.cursor("late").next() == lsn{1501});
  BOOST_TEST(f.log.cursor("never").next() == lsn{1});
}

LOGDB_EACH_LOG(what_was_truncated_stays_away) {
  fresh_log f{kind};
  fill(f.log, 1, 3000);
  f.reopen();
  const lsn first = f.log.truncate_front(lsn{2000});
  BOOST_TEST(first > lsn{1});
  f.reopen();
  BOOST_TEST(f.log.first_lsn() == first);
  BOOST_TEST(f.log.recovery().first == first);
  BOOST_TEST(holds_lsns(f.log.records(), first, lsn{3001}));
  BOOST_TEST(throws(errc::truncated, [&] { (void)f.log.records(first - 1); }));
}

LOGDB_EACH_LOG(retention_is_applied_at_the_open) {
  fresh_log f{kind};
  fill_segments(f.log, 20);
  f.options.retention.records_max = 30;
  f.reopen();
  BOOST_TEST(f.log.first_lsn() > lsn{1});
  BOOST_TEST(f.log.stats().records >= 30U);
  BOOST_TEST(f.log.last_lsn() == lsn{120});
}

LOGDB_EACH_LOG(an_aborted_transaction_leaves_no_file) {
  fresh_log f{kind};
  const std::uint64_t before = f.log.stats().segments;
  {
    auto unit = f.log.begin();
    unit.append(patterned(100000));
    unit.rollback();
  }
  f.reopen();
  BOOST_TEST(f.log.stats().segments <= before + 1);
  BOOST_TEST(f.log.verify().intact());
}

LOGDB_EACH_LOG(a_transaction_left_over_harms_no_later_writer) {
  fresh_log f{kind};
  auto left = std::make_optional(f.log.begin());
  f.log.close();
  {
    tested_log later = kind.open(f.path, f.options);
    const bool refused = throws(errc::closed, [&] { left->append(patterned(100000)); });
    fill(later, 1, 2000);
    left.reset();
    BOOST_TEST(refused);
    later.close();
  }
  const tested_log again = kind.open(f.path, f.options);
  BOOST_TEST((texts(again.records()) == numbered(1, 2000)));
  BOOST_TEST(again.verify().intact());
}

LOGDB_EACH_LOG(other_sizes_open_the_same_log) {
  fresh_log f{kind};
  fill(f.log, 1, 1000);
  f.options.segment_bytes = 1u << 20;
  f.options.durability.staging_bytes = 1u << 20;
  f.reopen();
  fill(f.log, 1001, 3000);
  f.options = tested_options{};
  f.reopen();
  fill(f.log, 3001, 4000);
  BOOST_TEST((texts(f.log.records()) == numbered(1, 4000)));
}

LOGDB_EACH_LOG(a_read_only_open_reads_and_refuses_to_write) {
  fresh_log f{kind};
  fill(f.log, 1, 2000);
  f.log.cursor("place").acknowledge(lsn{7});
  f.log.close();
  f.options.mode = open_mode::read_only;
  tested_log reader = kind.open(f.path, f.options);
  BOOST_TEST((texts(reader.records()) == numbered(1, 2000)));
  BOOST_TEST(reader.first_lsn() == lsn{1});
  BOOST_TEST(reader.last_lsn() == lsn{2000});
  BOOST_TEST(reader.stats().records == 2000U);
  BOOST_TEST(reader.recovery().records == 2000U);
  BOOST_TEST(reader.verify().intact());
  BOOST_TEST(reader.cursor("place").next() == lsn{8});
  BOOST_TEST(throws(errc::read_only, [&] { reader.append("x"); }));
  BOOST_TEST(throws(errc::read_only, [&] { reader.append(numbered(1, 2)); }));
  BOOST_TEST(throws(errc::read_only, [&] { (void)reader.begin(); }));
  BOOST_TEST(throws(errc::read_only, [&] { reader.sync(); }));
  BOOST_TEST(throws(errc::read_only, [&] { reader.wait_durable(lsn{1}); }));
  BOOST_TEST(throws(errc::read_only, [&] { reader.truncate_front(lsn{9}); }));
  BOOST_TEST(throws(errc::read_only, [&] { reader.cursor("place").acknowledge(lsn{9}); }));
}

LOGDB_EACH_LOG(a_read_only_open_follows_a_writer) {
  fresh_log f{kind};
  fill(f.log, 1, 10);
  f.log.sync();
  auto options = f.options;
  options.mode = open_mode::read_only;
  tested_log reader = kind.open(f.path, options);
  BOOST_TEST(texts(reader.records()) == numbered(1, 10), boost::test_tools::per_element());
  for (std::uint64_t n = 11; n < 2000; n += 100) {
    fill(f.log, n, n + 99);
    f.log.sync();
    BOOST_TEST(reader.last_lsn() == lsn{n + 99});
  }
  f.log.close();
  BOOST_TEST((texts(reader.records()) == numbered(1, 2010)));
  reader.close();
  BOOST_TEST(throws(errc::closed, [&] { (void)reader.records(); }));
  BOOST_TEST(throws(errc::closed, [&] { (void)reader.stats(); }));
}

}  // namespace

}  // namespace logdb::test
