// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE unit_index_keydir_versions
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// The versions of a key: compare_and_put, add, history, reads as of a moment, snapshots.
#include "crash/support/store.hpp"
#include "unit/index/key_logs.hpp"
#include "unit/index/keys/suite.hpp"

namespace logdb::test {

LOGDB_EACH_KEY_LOG(compare_and_put_puts_only_on_the_version_expected) {
  fresh_keys f{kind};
  BOOST_TEST(!f.log.compare_and_put("a", lsn{1}, "no"));
  const auto first = f.log.compare_and_put("a", lsn{}, "one");
  BOOST_TEST((first == lsn{1}));
  BOOST_TEST(!f.log.compare_and_put("a", lsn{}, "no"));
  BOOST_TEST((f.log.compare_and_put("a", *first, "two") == lsn{2}));
  BOOST_TEST(!f.log.compare_and_put("a", *first, "no"));
  f.log.put(std::map<std::string, std::string>{{"a", "three"}, {"b", "x"}});
  BOOST_TEST((f.log.compare_and_put("b", lsn{4}, "in a batch") == lsn{5}));
  f.reopen_if_it_lasts();
  BOOST_TEST((f.log.compare_and_put("a", lsn{3}, "four") == lsn{6}));
  f.log.erase("a");
  BOOST_TEST((f.log.compare_and_put("a", lsn{}, "five") == lsn{8}));
}

LOGDB_EACH_KEY_LOG(many_threads_that_count_by_compare_and_put_lose_nothing) {
  fresh_keys f{kind};
  const auto count = [&f, &kind] {
    for (int n = 0; n < 200 / kind.share;) {
      const auto now = f.log.get("count");
      const auto next = std::to_string(now ? std::stoi(std::string{now->text()}) + 1 : 1);
      if (f.log.compare_and_put("count", now ? now->lsn() : lsn{}, next)) ++n;
    }
  };
  std::thread second{count};
  std::thread third{count};
  count();
  second.join();
  third.join();
  BOOST_TEST(f.log.get("count")->text() == std::to_string(600 / kind.share));
  BOOST_TEST(f.log.history("count").size() == 600 / kind.share);
}

LOGDB_EACH_KEY_LOG(added_values_are_all_there_in_order_until_a_put) {
  fresh_keys f{kind};
  const auto values = [&](std::string_view key) {
    std::vector<std::string> found;
    for (const auto& each : f.log.values(key)) found.emplace_back(each.text());
    return found;
  };
  BOOST_TEST(values("a").empty());
  f.log.put("a", "1");
  f.log.add("a", "2");
  f.log.add("a", "3");
  f.reopen_if_it_lasts();
  f.log.add("a", "4");
  BOOST_TEST((values("a") == std::vector<std::string>{"1", "2", "3", "4"}));
  BOOST_TEST(f.log.get("a")->text() == "4");
  BOOST_TEST(f.log.size() == 1);
  auto batch = f.log.begin();
  batch.add("a", "5");
  batch.add("a", "6");
  batch.commit();
  BOOST_TEST(values("a").size() == 6);
  f.log.put("a", "7");
  BOOST_TEST((values("a") == std::vector<std::string>{"7"}));
  f.log.erase("a");
  f.log.add("a", "8");
  BOOST_TEST((values("a") == std::vector<std::string>{"8"}));
}

LOGDB_EACH_KEY_LOG(history_and_reads_as_of_an_lsn_see_each_version) {
  fresh_keys f{kind};
  f.log.put("a", "one");    // 1
  f.log.put("b", "other");  // 2
  f.log.put(std::vector<std::pair<std::string, std::string>>{{"a", "two"}, {"a", "three"}});
  f.log.erase("a");        // 5
  f.log.put("a", "four");  // 6
  for (int round = 0; round < 2; ++round) {
    const auto history = f.log.history("a");
    BOOST_TEST_REQUIRE(history.size() == 5);
    BOOST_TEST(history[0].value->text() == "four");
    BOOST_TEST(!history[1].value);
    BOOST_TEST(history[2].value->text() == "three");
    BOOST_TEST((history[3].at == lsn{3}));
    BOOST_TEST(history[4].value->text() == "one");
    BOOST_TEST(f.log.get("a", lsn{2})->text() == "one");
    BOOST_TEST(f.log.get("a", lsn{3})->text() == "two");
    BOOST_TEST(f.log.get("a", lsn{4})->text() == "three");
    BOOST_TEST(!f.log.get("a", lsn{5}));
    BOOST_TEST(f.log.get("a", lsn{100})->text() == "four");
    BOOST_TEST(!f.log.get("b", lsn{1}));
    f.reopen_if_it_lasts();
  }
}

LOGDB_EACH_KEY_LOG(reads_as_of_a_time_see_what_was_there_then) {
  fresh_keys f{kind};
  std::vector<timestamp> times;
  for (int n = 0; n < 5; ++n) {
    f.log.put("a", numbered(static_cast<std::uint64_t>(n)));
    f.log.sync();
    times.push_back(f.log.history("a").front().time);
  }
  BOOST_TEST(!f.log.get("a", times[0] - std::chrono::nanoseconds{1}));
  for (std::size_t n = 0; n < 5; ++n) {
    if (n + 1 < 5 && times[n] == times[n + 1]) continue;
    BOOST_TEST(f.log.get("a", times[n])->text() == numbered(n));
  }
}

LOGDB_EACH_KEY_LOG(a_snapshot_does_not_wait_for_what_is_not_in_the_log_yet) {
  fresh_keys f{kind};
  f.log.put("a", "one");
  // As one that commits gigabytes does, while it writes them to a segment of their own.
  const auto prepares = f.log.prepare_first_shard();
  const auto now = f.log.snapshot();
  BOOST_TEST(now.get("a")->text() == "one");
}

LOGDB_EACH_KEY_LOG(a_snapshot_stays_what_it_was) {
  fresh_keys f{kind};
  for (std::uint64_t n = 0; n < 100; ++n) f.log.put(key_of(n), numbered(n));
  f.log.erase(key_of(5));
  const auto before = f.log.snapshot();
  for (int round = 0; round < 5; ++round) {
    for (std::uint64_t n = 0; n < 200; n += 2) f.log.put(key_of(n), "changed");
    for (std::uint64_t n = 1; n < 100; n += 4) f.log.erase(key_of(n));
  }
  for (std::uint64_t n = 0; n < 200; ++n) {
    const auto found = before.get(key_of(n));
    BOOST_TEST_REQUIRE(found.has_value() == (n < 100 && n != 5));
    if (found) BOOST_TEST_REQUIRE(found->text() == numbered(n));
  }
  std::size_t count = 0;
  before.for_each([&](const stored_bytes&, const key_value&) { ++count; });
  BOOST_TEST(count == 99);
}

BOOST_AUTO_TEST_CASE(a_value_that_may_count_stays_while_the_newest_record_is_damaged) {
  small_log<kv_store> f{by_hand<kv_store>()};
  f.log.put("several values", "one");
  for (std::uint64_t n = 0; n < 2'000; ++n) f.log.put(key_of(n), numbered(n));
  f.log.put(key_of(0), "again");
  f.log.add("several values", "two");
  f.log.sync();
  std::filesystem::path newest;
  for (const auto& [name, bytes] : read_store(f.path)) {
    if (format::parse_segment_name(name) && bytes.find("several values") != std::string::npos) {
      newest = f.path / name;
    }
  }
  BOOST_TEST_REQUIRE(newest != f.path / "0000000000000001.seg");
  const auto was = damage_verb(newest, "several values", format::key_verb::put);
  BOOST_TEST((was == format::key_verb::add));
  BOOST_TEST(throws(errc::corrupt, [&] { f.log.compact(); }));
  BOOST_TEST(f.log.compacted().segments_written != 0U);  // of those before the damage
  damage_verb(newest, "several values", was);
  const auto values = f.log.values("several values");
  BOOST_TEST_REQUIRE(values.size() == 2);
  BOOST_TEST(values.front().text() == "one");
}

}  // namespace logdb::test
