// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE time_fault
#include <cerrno>
#include <string>
#include <vector>

#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "crash/support/failing_disk.hpp"
#include "support/temp_dir.hpp"
#include "support/throws.hpp"
#include "unit/timelsm/support.hpp"

// What a failing disk does to a time log whose rows are stored: none is lost, none told of twice.

namespace {

using namespace timelsm_test;  // NOLINT: a test
using logdb::test::disk_call;
using logdb::test::failing_disk;
using logdb::test::fresh_disk;
using logdb::test::throws;

template <class Durability>
using faulty_rows =
    logdb::basic_log<logdb::Storage<logdb::BasicDirectory<failing_disk>>,
                     logdb::Durability<Durability>, logdb::Index<logdb::BasicTimeLSM<value_type>>>;
using time_logs = boost::mp11::mp_list<faulty_rows<logdb::Fsync>, faulty_rows<logdb::Async>>;

/// Is a time log of little memory on a disk that fails on demand, and the list that it should be.
template <class Log>
struct rows_at_risk {
  explicit rows_at_risk(logdb::maintenance_mode mode) {
    failing_disk::set({});
    options.segment_bytes = 16 << 10;
    options.durability.staging_bytes = 32 << 10;
    options.index.maintenance = mode;
    options.index.memtable_rows = options.index.partition_rows = 256;
    options.index.memory_bytes_max = 64 << 10;
    open();
  }
  ~rows_at_risk() { failing_disk::set({}); }

  void open() { log = std::make_unique<Log>(place / "rows", options); }
  void reopen() {
    log.reset();
    open();
  }

  /// Appends rows, some of them late, and takes some out.
  void write(std::int64_t from, std::int64_t to) {
    rows batch;
    for (auto i = from; i < to; ++i) {
      batch.emplace_back(i % 5 == 0 ? i - 90 : i, next_value++);
      wanted.append(batch.back().first, batch.back().second);
    }
    until_taken([&] { log->append(batch); });
    until_taken([&] { log->erase(from, from + (to - from) / 4); });
    wanted.erase({from, from + (to - from) / 4 - 1});
  }
  /// An append may be the first to hear of what failed behind it; then it took nothing.
  template <class Call>
  static void until_taken(Call call) {
    for (;;) {
      try {
        return call();
      } catch (const logdb::error& told) {
        BOOST_REQUIRE(told.condition() == logdb::errc::io);
      }
    }
  }
  void check() { require_same(log->snapshot(), wanted); }

  logdb::test::temp_dir place;
  typename Log::options options;
  model wanted;
  value_type next_value = 0;
  std::unique_ptr<Log> log;
};

/// Lets one call of a kind fail, after some have passed.
void fail_one(disk_call kind, int passed, std::string ending = "") {
  failing_disk::set([=, left = passed](disk_call made, std::string_view name) mutable {
    if (made != kind || !name.ends_with(ending) || name == "control.tmp") return 0;
    return left-- == 0 ? -EIO : 0;
  });
}

BOOST_AUTO_TEST_CASE(a_reader_sees_a_row_only_when_it_is_on_stable_storage) {
  const fresh_disk clean;
  const logdb::test::temp_dir place;
  faulty_rows<logdb::Fsync> log{place / "rows"};
  std::vector<std::size_t> seen;  // during the sync of each append
  failing_disk::set([&](disk_call made, std::string_view name) {
    if (made == disk_call::sync && name.ends_with(".seg")) seen.push_back(log.size());
    return 0;
  });
  for (std::int64_t i = 0; i < 4; ++i) log.append(i, 0);
  failing_disk::set({});
  BOOST_TEST(seen == (std::vector<std::size_t>{0, 1, 2, 3}), boost::test_tools::per_element());
  BOOST_TEST(log.size() == 4U);
}

BOOST_AUTO_TEST_CASE(rows_that_never_became_durable_are_never_seen) {
  const fresh_disk clean;
  const logdb::test::temp_dir place;
  {
    faulty_rows<logdb::Fsync> log{place / "rows"};
    log.append(1, 1);
    failing_disk::set([](disk_call, std::string_view) { return -EIO; });
    BOOST_TEST(throws(logdb::errc::failed, [&] { log.append(2, 2); }));
    BOOST_TEST(throws(logdb::errc::failed, [&] { log.erase(1); }));
    BOOST_TEST(log.size() == 1U);
    BOOST_TEST(log.at(1).count() == 1U);
    failing_disk::set({});
  }
  const faulty_rows<logdb::Fsync> log{place / "rows"};
  BOOST_TEST(log.at(1).count() == 1U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_checkpoint_that_fails_loses_nothing_and_is_made_again, Log,
                              time_logs) {
  rows_at_risk<Log> f{logdb::maintenance_mode::by_hand};
  using call = disk_call;
  std::int64_t at = 0;
  int failures = 0;
  for (const call kind : {call::open, call::allocate, call::write, call::sync, call::rename}) {
    for (int passed = 0; passed < 10; ++passed, at += 500) {
      f.write(at, at + 500);
      f.log->sync();
      fail_one(kind, passed);
      try {
        f.log->compact();
      } catch (const logdb::error&) {
        ++failures;  // it says so, and what it was about to give up is still there
      }
      failing_disk::set({});
      f.check();
      if (passed % 5 == 4) f.reopen();
      f.check();
    }
  }
  BOOST_TEST(failures > 5);
  f.log->compact();
  f.check();
  f.reopen();
  f.check();
  BOOST_TEST(f.log->validate().empty());
  BOOST_TEST(f.log->verify().intact());
  BOOST_TEST(f.log->stats().segments < 64U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(while_checkpoints_fail_writes_go_on_and_none_is_lost, Log,
                              time_logs) {
  rows_at_risk<Log> f{logdb::maintenance_mode::background};
  for (int round = 0; round < 12; ++round) {
    fail_one(disk_call::rename, round % 3, "manifest");
    for (std::int64_t i = 0; i < 10; ++i) {
      const auto from = 5000 * round + 500 * i;
      f.write(from, from + 500);
    }
    failing_disk::set({});
    f.check();
    if (round % 4 == 3) f.reopen();
    f.check();
  }
  f.log->compact();
  f.reopen();
  f.check();
  BOOST_TEST(f.log->verify().intact());
}

}  // namespace
