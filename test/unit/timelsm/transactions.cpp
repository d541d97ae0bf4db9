// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE timelsm_transactions
#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "../../support/temp_dir.hpp"
#include "../../support/throws.hpp"

// Rows and deletions that reach a time log together.

namespace {

using logdb::errc;
using logdb::test::temp_dir;
using logdb::test::throws;
using load_log = logdb::basic_timelog<double>;
using memory_log = logdb::basic_memory_timelog<double>;
using durable_log = load_log::with<logdb::Durability<logdb::Fsync>>;
using pairs = std::vector<std::pair<std::int64_t, double>>;

template <class Log>
pairs listed(const Log& log) {
  pairs all;
  for (const auto& [time, value] : log.all()) all.emplace_back(time, value);
  return all;
}

BOOST_AUTO_TEST_SUITE(timelsm_transactions)

const pairs written_together{{0, 0.0}, {1, 0.4}, {2, 0.2}, {5, 0.5}, {9, 0.9}};

/// Writes these into a new log, most of them in a transaction. @param number  of its last write
template <class Log>
void write_together(Log& log, std::uint64_t number) {
  log.append(pairs{{1, 0.1}, {5, 0.5}});
  auto whole = log.begin();
  BOOST_TEST(whole.append(2, 0.2).value() == 1U);
  whole.append(1, 0.3);
  whole.erase(1);
  whole.append(pairs{{1, 0.4}, {0, 0.0}});
  BOOST_TEST(whole.size() == 4U);
  auto part = whole.begin();
  part.append(7, 0.7);
  part.erase_all();
  part.rollback();
  auto other = whole.begin();
  BOOST_TEST(throws(errc::invalid_argument, [&] { whole.append(8, 0.8); }));
  other.append(9, 0.9);
  BOOST_TEST(whole.max_time().value() == 9);  // reads of the outer one go on
  BOOST_TEST(other.commit().value() == 5U);
  BOOST_TEST((listed(log) == pairs{{1, 0.1}, {5, 0.5}}));
  BOOST_TEST(whole.commit().value() == number);
  BOOST_TEST(throws(errc::invalid_argument, [&] { whole.commit(); }));
  BOOST_TEST(throws(errc::invalid_argument, [&] { static_cast<void>(whole.all()); }));
  BOOST_TEST((listed(log) == written_together));
}

BOOST_AUTO_TEST_CASE(what_a_transaction_writes_is_there_together) {
  const temp_dir dir;
  {
    load_log log{dir / "load"};
    write_together(log, 6);
    BOOST_TEST(log.begin().commit().value() == 6U);
    log.begin().append(3, 0.3);  // taken back when it goes
  }
  const load_log log{dir / "load"};
  BOOST_TEST((listed(log) == written_together));
  BOOST_TEST(log.last_lsn().value() == 6U);
  BOOST_TEST(log.validate().empty());
}

BOOST_AUTO_TEST_CASE(a_transaction_in_memory_numbers_its_writes) {
  memory_log log;
  write_together(log, 5);
  BOOST_TEST(log.begin().commit().value() == 0U);
  log.begin().append(3, 0.3);  // taken back when it goes
  BOOST_TEST((listed(log) == written_together));
  BOOST_TEST(log.index_stats().deletions == 1U);
  BOOST_TEST(log.validate().empty());
  auto whole = log.begin();
  whole.append(3, 0.3);
  memory_log moved{std::move(log)};
  whole.append(4, 0.4);
  BOOST_TEST(whole.commit().value() == 2U);
  BOOST_TEST(moved.size() == 7U);
}

BOOST_AUTO_TEST_CASE(a_transaction_that_maintenance_refuses_can_be_committed_again) {
  memory_log::options options;
  options.index.maintenance = logdb::maintenance_mode::by_hand;
  options.index.pressure = logdb::pressure_mode::report;
  options.index.memtable_rows = 256;
  options.index.frozen_max = 1;
  memory_log log{"load", options};
  log.append(pairs(256));
  log.append(pairs(256));
  auto whole = log.begin();
  whole.erase_all();
  for (int i = 0; i < 300; ++i) whole.append(i, i);
  BOOST_TEST(throws(errc::busy, [&] { whole.commit(); }));
  BOOST_TEST(log.size() == 512U);
  while (log.maintain()) {
  }
  BOOST_TEST(whole.commit().value() == 301U);
  BOOST_TEST(log.size() == 300U);
  BOOST_TEST(log.validate().empty());
}

BOOST_AUTO_TEST_CASE(a_transaction_of_bytes_keeps_them_and_outgrows_staging) {
  const temp_dir dir;
  logdb::timelog::options options;
  options.durability.staging_bytes = 32 << 10;
  options.segment_bytes = 16 << 10;
  options.index.memtable_rows = 256;
  const auto is_whole = [](const logdb::timelog& log) {
    std::int64_t next = 0;
    for (const auto& [time, value] : log.all()) {
      if (time != next || value.text() != std::to_string(next)) return false;
      ++next;
    }
    return next == 70000;
  };
  {
    logdb::timelog log{dir / "notes", options};
    log.append(7, "seven");
    auto whole = log.begin();
    whole.erase_all();
    for (int i = 0; i < 70000; ++i) whole.append(i, std::to_string(i));
    const auto own = whole.range(8, 11);
    BOOST_TEST(whole.count(0, 70001) == 70000U);
    BOOST_TEST(whole.front()->value.text() == "0");
    BOOST_TEST(log.count(0, 70001) == 1U);
    whole.commit();
    BOOST_TEST(is_whole(log));
    std::string joined;
    for (const auto& row : own) joined += row.value.text();
    BOOST_TEST(joined == "8910");
  }
  const logdb::timelog log{dir / "notes", options};
  BOOST_TEST(is_whole(log));
}

template <class Log>
void require_closed_transactions(Log& log) {
  auto whole = log.begin();
  auto empty = log.begin();
  whole.append(1, 0.1);
  log.close();
  BOOST_TEST(throws(errc::closed, [&] { whole.append(2, 0.2); }));
  BOOST_TEST(throws(errc::closed, [&] { whole.erase_all(); }));
  BOOST_TEST(throws(errc::closed, [&] { static_cast<void>(whole.front()); }));
  BOOST_TEST(throws(errc::closed, [&] { whole.commit(); }));
  BOOST_TEST(throws(errc::closed, [&] { static_cast<void>(log.begin()); }));
  BOOST_TEST(whole.size() == 1U);
  whole.rollback();
}

BOOST_AUTO_TEST_CASE(a_transaction_of_a_log_that_was_closed_says_so) {
  const temp_dir dir;
  load_log log{dir / "load"};
  require_closed_transactions(log);
  memory_log in_memory;
  require_closed_transactions(in_memory);
}

constexpr int replaced = 300;  // rows, by each transaction

template <class Log>
void require_whole_transactions(const Log& read, Log& written) {
  std::atomic<bool> over = false;
  std::atomic<int> parts = 0;
  std::jthread reader{[&] {
    while (!over) parts += read.snapshot().size() == replaced ? 0 : 1;
  }};
  // Each deletion is a step that others could see.
  for (int i = 0; i < 100; ++i) {
    auto whole = written.begin();
    for (int row = 0; row < replaced; ++row) {
      whole.erase(row);
      whole.append(row, i);
    }
    parts += whole.all().count() == replaced ? 0 : 1;
    whole.commit();
  }
  over = true;
  reader.join();
  BOOST_TEST(parts == 0);
}

BOOST_AUTO_TEST_CASE(no_reader_sees_a_part_of_a_transaction) {
  const auto try_it = []<class Log>(Log*) {
    const temp_dir dir;
    Log log{dir / "load"};
    pairs rows;
    for (int row = 0; row < replaced; ++row) rows.emplace_back(row, 0);
    log.append(rows);
    log.sync();
    require_whole_transactions(log, log);
    typename Log::options options;
    options.mode = logdb::open_mode::read_only;
    const Log beside{dir / "load", options};
    require_whole_transactions(beside, log);
    BOOST_TEST(throws(errc::read_only, [&] {
      Log reader{dir / "load", options};
      static_cast<void>(reader.begin());
    }));
  };
  try_it(static_cast<load_log*>(nullptr));
  try_it(static_cast<durable_log*>(nullptr));
  memory_log log;
  pairs rows;
  for (int row = 0; row < replaced; ++row) rows.emplace_back(row, 0);
  log.append(rows);
  require_whole_transactions(log, log);
  BOOST_TEST(log.validate().empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
