// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE transactions
#include <cerrno>
#include <string>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "conformance/logs.hpp"
#include "crash/support/failing_disk.hpp"
#include "support/failing_new.hpp"
#include "support/throws.hpp"

// What a transaction is after something in it failed: what it was before.

namespace logdb::test {

using log_at_risk = basic_log<Storage<BasicDirectory<failing_disk>>, Durability<Async>>;
using key_log_at_risk =
    basic_log<Storage<BasicDirectory<failing_disk>>, Durability<Async>, Index<KeyDir>>;

/// Fails every write of this thread to a segment: it writes only those of transactions.
failing_disk::plan a_full_disk() {
  return [writer = std::this_thread::get_id()](disk_call call, std::string_view name) {
    const bool is_own = call == disk_call::write && std::this_thread::get_id() == writer;
    return is_own && name.ends_with(".seg") ? -ENOSPC : 0;
  };
}

/// Is a log on a disk that fails on demand.
struct log_on_failing_disk : fresh_disk, small_log<log_at_risk> {
  void expect(const std::vector<std::string>& wanted) {
    BOOST_TEST((texts(log.records()) == wanted));
    reopen();
    BOOST_TEST((texts(log.records()) == wanted));
    BOOST_TEST(log.verify().intact());
  }
};

/// Appends until one is refused; returns how many were not.
template <class Transaction>
std::uint64_t append_until_full(Transaction& unit, std::uint64_t first) {
  failing_disk::set(a_full_disk());
  std::uint64_t next = first;
  BOOST_TEST(throws(errc::no_space, [&] {
    for (; next < first + 10'000; ++next) unit.append(numbered(next));
  }));
  BOOST_TEST(throws(errc::no_space, [&] { unit.append(numbered(next, next + 5)); }));
  failing_disk::set({});
  return next - first;
}

BOOST_AUTO_TEST_SUITE(transactions)

BOOST_AUTO_TEST_CASE(what_was_refused_for_want_of_room_is_not_in_it) {
  log_on_failing_disk f;
  auto unit = f.log.begin();
  const std::uint64_t taken = append_until_full(unit, 1);
  BOOST_TEST(unit.size() == taken);
  BOOST_TEST((texts(unit.records()) == numbered(1, taken)));
  unit.append(numbered(taken + 1));
  unit.commit();
  f.expect(numbered(1, taken + 1));
}

BOOST_AUTO_TEST_CASE(what_was_taken_before_the_disk_was_full_is_in_it) {
  log_on_failing_disk f;
  auto unit = f.log.begin();
  fill(unit, 1, 3000);
  const std::uint64_t taken = 3000 + append_until_full(unit, 3001);
  fill(unit, taken + 1, taken + 3000);
  unit.commit();
  f.expect(numbered(1, taken + 3000));
}

BOOST_AUTO_TEST_CASE(a_nested_one_that_met_a_full_disk_is_taken_back_alone) {
  for (const std::uint64_t outer_records : {10U, 3000U}) {
    log_on_failing_disk f;
    auto outer = f.log.begin();
    fill(outer, 1, outer_records);
    {
      auto inner = outer.begin();
      (void)append_until_full(inner, 1'000'000);
      inner.rollback();
    }
    BOOST_TEST(outer.size() == outer_records);
    BOOST_TEST((texts(outer.records()) == numbered(1, outer_records)));
    outer.commit();
    f.expect(numbered(1, outer_records));
  }
}

BOOST_AUTO_TEST_CASE(a_commit_that_was_refused_for_want_of_room_may_be_made_again) {
  log_on_failing_disk f;
  auto unit = f.log.begin();
  fill(unit, 1, 3000);
  fill(unit, 3001, 3010);  // is in memory
  failing_disk::set(a_full_disk());
  BOOST_TEST(throws(errc::no_space, [&] { unit.commit(); }));
  failing_disk::set({});
  BOOST_TEST(f.log.last_lsn() == lsn{0});
  fill(unit, 3011, 3100);
  BOOST_TEST(unit.commit() == lsn{3100});
  f.expect(numbered(1, 3100));
}

BOOST_AUTO_TEST_CASE(one_of_which_a_sync_failed_can_only_be_rolled_back) {
  log_on_failing_disk f;
  auto unit = f.log.begin();
  fill(unit, 1, 3000);
  failing_disk::set(fail_times(disk_call::sync, ".seg", -EIO, 1));
  BOOST_TEST(throws(errc::io, [&] { unit.commit(); }));
  BOOST_TEST(throws(errc::io, [&] { unit.commit(); }));
  BOOST_TEST(throws(errc::io, [&] { unit.append(std::string(10000, 'x')); }));
  unit.rollback();
  fill(f.log, 1, 10);
  f.expect(numbered(1, 10));
}

BOOST_AUTO_TEST_CASE(a_batch_with_a_record_that_is_too_large_leaves_nothing) {
  auto options = small_options<async_wal>();
  options.record_bytes_max = 1000;
  small_log<async_wal> f{options};
  auto unit = f.log.begin();
  unit.append("kept");
  const std::vector<std::string> batch{"a", "b", std::string(1001, 'c')};
  BOOST_TEST(throws(errc::record_too_large, [&] { unit.append(batch); }));
  BOOST_TEST(unit.size() == 1U);
  unit.commit();
  BOOST_TEST((texts(f.log.records()) == std::vector<std::string>{"kept"}));
}

BOOST_AUTO_TEST_CASE(a_range_of_it_stays_what_it_is_after_a_rollback) {
  small_log<durable_wal> f;
  auto outer = f.log.begin();
  fill(outer, 1, 2000);
  {
    auto inner = outer.begin();
    fill(inner, 2001, 4000);
    fill(inner, 4001, 6000);
    const auto seen = inner.records();
    inner.rollback();
    fill(outer, 1'000'000, 1'004'000);
    BOOST_TEST((texts(seen) == numbered(1, 6000)));
    const auto later = outer.records();
    outer.rollback();
    BOOST_TEST((texts(seen) == numbered(1, 6000)));
    BOOST_TEST(texts(later).size() == 2000U + 4001U);
  }
  BOOST_TEST(f.log.last_lsn() == lsn{0});
}

BOOST_AUTO_TEST_CASE(what_is_written_after_a_rollback_below_a_range_is_committed_whole) {
  small_log<durable_wal> f;
  auto outer = f.log.begin();
  fill(outer, 1, 2000);
  auto inner = outer.begin();
  fill(inner, 5000, 9000);
  const auto seen = inner.records();
  inner.rollback();
  fill(outer, 2001, 4000);
  outer.commit();
  BOOST_TEST((texts(f.log.records()) == numbered(1, 4000)));
  BOOST_TEST(texts(seen).size() == 2000U + 4001U);
  f.reopen();
  BOOST_TEST((texts(f.log.records()) == numbered(1, 4000)));
  std::size_t files = 0;
  for (const auto& each : std::filesystem::directory_iterator{f.path}) {
    files += each.path().extension() == ".seg" ? 1 : 0;
  }
  BOOST_TEST(files == f.log.stats().segments);
}

BOOST_AUTO_TEST_CASE(an_append_after_the_close_is_refused) {
  small_log<durable_wal> f;
  auto unit = f.log.begin();
  unit.append("before");
  f.log.close();
  BOOST_TEST(throws(errc::closed, [&] { unit.append("x"); }));
  BOOST_TEST(throws(errc::closed, [&] { unit.append(numbered(1, 2)); }));
}

BOOST_AUTO_TEST_CASE(a_write_to_keys_after_the_close_is_refused) {
  small_log<kv_store> f;
  auto unit = f.log.begin();
  unit.put("key", "before");
  f.log.close();
  BOOST_TEST(throws(errc::closed, [&] { unit.put("key", "x"); }));
  BOOST_TEST(throws(errc::closed, [&] { unit.add("key", "x"); }));
}

BOOST_AUTO_TEST_CASE(a_commit_of_keys_that_failed_may_be_made_again) {
  const fresh_disk clean;
  small_log<key_log_at_risk> f;
  auto unit = f.log.begin();
  for (int i = 0; i < 2000; ++i) unit.put("k" + std::to_string(i), std::string(20, 'v'));
  failing_disk::set(fail_times(disk_call::sync, ".seg", -EIO, 1));
  BOOST_TEST(throws(errc::io, [&] { unit.commit(); }));
  failing_disk::set({});
  BOOST_TEST(f.log.size() == 0U);
  unit.put("another", "value");
  BOOST_TEST(unit.commit() == lsn{2001});
  BOOST_TEST(f.log.size() == 2001U);
  f.reopen();
  BOOST_TEST(f.log.size() == 2001U);
}

/// Does one thing again and again, each time with another allocation of it failing, until all pass.
template <class Do, class Check>
void fail_each_allocation(Do&& act, Check&& check) {
  for (long passed = 0;; ++passed) {
    bool threw = false;
    bool failed = false;
    {
      const failing_allocation one{passed};
      try {
        act();
      } catch (const std::bad_alloc&) {
        threw = true;
      }
      failed = one.has_failed();
    }
    check(threw);
    if (!failed) return;
  }
}

BOOST_AUTO_TEST_CASE(memory_that_runs_out_takes_nothing_and_adds_nothing) {
  small_log<durable_wal> f;
  auto unit = f.log.begin();
  std::vector<std::string> wanted;
  const std::string text(60, 't');
  for (int round = 0; round < 40; ++round) {
    const std::string single = numbered(wanted.size()) + text;
    fail_each_allocation([&] { unit.append(single); },
                         [&](bool threw) {
                           if (!threw) wanted.push_back(single);
                           BOOST_REQUIRE(unit.size() == wanted.size());
                         });
    const std::vector<std::string> batch(40, numbered(wanted.size()) + text);
    fail_each_allocation([&] { unit.append(batch); },
                         [&](bool threw) {
                           if (!threw) wanted.insert(wanted.end(), batch.begin(), batch.end());
                           BOOST_REQUIRE(unit.size() == wanted.size());
                         });
  }
  BOOST_TEST((texts(unit.records()) == wanted));
  unit.commit();
  f.reopen();
  BOOST_TEST((texts(f.log.records()) == wanted));
}

BOOST_AUTO_TEST_CASE(memory_that_runs_out_leaves_a_unit_of_keys_as_it_was) {
  small_log<kv_store> f;
  auto unit = f.log.begin();
  std::size_t writes = 0;
  for (int round = 0; round < 40; ++round) {
    const std::string key = "a key that is longer than a short string " + std::to_string(round % 7);
    const std::string value(40, static_cast<char>('a' + round % 26));
    fail_each_allocation([&] { unit.put(key, value); },
                         [&](bool threw) {
                           writes += threw ? 0 : 1;
                           BOOST_REQUIRE(unit.size() == writes);
                         });
    BOOST_REQUIRE(unit.get(key)->text() == value);
  }
  unit.commit();
  BOOST_TEST(f.log.size() == 7U);
  BOOST_TEST(f.log.last_lsn() == lsn{writes});
  f.reopen();
  BOOST_TEST(f.log.size() == 7U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
