// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE keydir_edges
#include <array>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "unit/index/key_logs.hpp"

// Arguments at the ends of their ranges, and verbs of a log that may not be used.

namespace logdb::test {
namespace {

using logs = boost::mp11::mp_list<kv_store, shared_kv>;
using ordered = kv_store::with<Index<BasicKeyDir<Ordered>>>;

BOOST_AUTO_TEST_CASE_TEMPLATE(a_read_as_of_the_end_of_time_sees_the_last_value, Log, logs) {
  small_log<Log> f{by_hand<Log>()};
  f.log.put("a", "one");
  f.log.put("a", "two");
  f.log.put("mortal", "x", std::chrono::hours{1});
  BOOST_TEST(f.log.get("a", timestamp::max())->text() == "two");
  BOOST_TEST(f.log.get("a", timestamp::max() - std::chrono::nanoseconds{1})->text() == "two");
  BOOST_TEST(!f.log.get("a", timestamp::min()));
  BOOST_TEST(!f.log.get("mortal", timestamp::max()));
  const timestamp end = f.log.get("mortal")->expires().value();
  BOOST_TEST(f.log.get("mortal", end - std::chrono::minutes{1}).has_value());
  BOOST_TEST(!f.log.get("mortal", end));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_read_as_of_a_record_to_come_sees_what_is_there, Log, logs) {
  small_log<Log> f{by_hand<Log>()};
  f.log.put("a", "one");
  f.log.put("gone", "x", std::chrono::nanoseconds{0});
  for (const lsn at : {lsn{2}, lsn{3}, format::lsn_max, lsn{~std::uint64_t{0}}}) {
    BOOST_TEST(f.log.get("a", at)->text() == "one");
    if (at != lsn{2}) BOOST_TEST(!f.log.get("gone", at));
  }
  BOOST_TEST(!f.log.get("a", lsn{}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_identity_is_of_the_newest_record_that_compaction_leaves, Log,
                              logs) {
  small_log<Log> f{by_hand<Log>()};
  const lsn stays = f.log.put("stays", "v");
  const lsn goes = f.log.put("goes", "v");
  const auto before = f.log.identity();
  BOOST_TEST((before.at == goes));
  BOOST_TEST(f.log.erase("goes"));
  f.log.compact();
  f.log.compact();
  const auto after = f.log.identity();
  BOOST_TEST((after.at == stays));
  BOOST_TEST(f.log.continues(after));
  BOOST_TEST((f.log.last_lsn() > goes));
  const auto failure = error_of([&] { (void)f.log.continues(before); });
  BOOST_REQUIRE(failure);
  BOOST_TEST((failure->condition() == errc::not_found));
  BOOST_TEST(std::string{failure->what()}.find("compacted away") != std::string::npos);
  BOOST_TEST(f.log.erase("stays"));
  f.log.compact();
  f.log.compact();
  BOOST_TEST((f.log.identity().at == lsn{}));
  BOOST_TEST(f.log.continues(f.log.identity()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_largest_record_is_a_key_a_value_and_sixteen_bytes, Log, logs) {
  auto chosen = by_hand<Log>();
  chosen.record_bytes_max = 1000;
  small_log<Log> f{chosen};
  const std::string key(600, 'k');
  f.log.put(key, std::string(384, 'v'));
  const auto too_large = std::string(385, 'v');
  const auto failure = error_of([&] { f.log.put(key, too_large); });
  BOOST_REQUIRE(failure);
  BOOST_TEST((failure->condition() == errc::record_too_large));
  BOOST_TEST(std::string{failure->what()}.find("take 1001; record_bytes_max is 1000") !=
             std::string::npos);
  BOOST_TEST(throws(errc::record_too_large, [&] { f.log.add(key, too_large); }));
  BOOST_TEST(throws(errc::record_too_large, [&] {
    f.log.put(std::map<std::string, std::string>{{key, too_large}});
  }));
  auto batch = f.log.begin();
  BOOST_TEST(throws(errc::record_too_large, [&] { batch.put(std::string(60000, 'k'), "v"); }));
  BOOST_TEST(f.log.last_lsn() == lsn{1});
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_newest_record_that_is_expected_may_be_a_tombstone, Log, logs) {
  small_log<Log> f{by_hand<Log>()};
  f.log.put("a", "one");
  f.log.erase("a");
  const lsn tombstone = f.log.history("a").front().at;
  BOOST_TEST(!f.log.compare_and_put("a", lsn{1}, "no"));
  BOOST_TEST((f.log.compare_and_put("a", tombstone, "two") == lsn{3}));
  BOOST_TEST(!f.log.compare_and_put("a", tombstone, "no"));
  const lsn expired = f.log.put("a", "soon", std::chrono::nanoseconds{0});
  BOOST_TEST((f.log.compare_and_put("a", expired, "three") == lsn{5}));
  BOOST_TEST(f.log.get("a")->text() == "three");
}

/// Tells whether every verb of a log that writes throws this.
template <class Log>
bool refuses_to_write(Log& log, errc condition) {
  int number = 0;
  const auto refused = [&](auto use) { return ++number, throws(condition, use); };
  const std::map<std::string, std::string> none;
  const bool all = refused([&] { log.put("a", "two"); }) && refused([&] { log.add("a", "two"); }) &&
                   refused([&] { log.put(none); }) && refused([&] { (void)log.erase("a"); }) &&
                   refused([&] { (void)log.erase("absent"); }) &&
                   refused([&] { (void)log.compare_and_put("a", lsn{7}, "no"); }) &&
                   refused([&] { (void)log.compare_and_put("a", lsn{1}, "yes"); }) &&
                   refused([&] { (void)log.begin(); }) && refused([&] { (void)log.compact(); });
  if (!all) BOOST_TEST_MESSAGE("verb " << number);
  return all;
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_closed_log_answers_nothing, Log, logs) {
  small_log<Log> f{by_hand<Log>()};
  f.log.put("a", "one");
  f.log.close();
  BOOST_TEST(refuses_to_write(f.log, errc::closed));
  int number = 0;
  const auto refused = [&](auto use) { return ++number, throws(errc::closed, use); };
  const bool all =
      refused([&] { (void)f.log.get("a"); }) && refused([&] { (void)f.log.get("a", lsn{1}); }) &&
      refused([&] { (void)f.log.get("a", timestamp{}); }) &&
      refused([&] { (void)f.log.contains("a"); }) && refused([&] { (void)f.log.values("a"); }) &&
      refused([&] { (void)f.log.history("a"); }) && refused([&] { (void)f.log.size(); }) &&
      refused([&] { (void)f.log.empty(); }) && refused([&] { (void)f.log.keys(); }) &&
      refused([&] { (void)f.log.entries(); }) && refused([&] { (void)f.log.compacted(); }) &&
      refused([&] { (void)f.log.memory_bytes(); }) && refused([&] { (void)f.log.snapshot(); });
  BOOST_TEST(all, "verb " << number);
}

BOOST_AUTO_TEST_CASE(an_ordered_log_that_was_closed_has_no_ranges) {
  small_log<ordered> f{by_hand<ordered>()};
  f.log.put("a", "one");
  f.log.close();
  BOOST_TEST(throws(errc::closed, [&] { (void)f.log.range("a", "b"); }));
  BOOST_TEST(throws(errc::closed, [&] { (void)f.log.prefix("a"); }));
  BOOST_TEST(throws(errc::closed, [&] { (void)f.log.lower_bound("a"); }));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_log_that_is_open_to_read_refuses_each_verb_that_writes, Log, logs) {
  small_log<Log> f{by_hand<Log>()};
  f.log.put("a", "one");
  f.log.close();
  auto reading = f.options;
  reading.mode = open_mode::read_only;
  Log log{f.path, reading};
  BOOST_TEST(refuses_to_write(log, errc::read_only));
  BOOST_TEST(log.get("a")->text() == "one");
}

/// Tells whether whatever looks up keys in a log says that this is over, and does nothing else.
template <class Log>
void expect_ended(typename Log::snapshot_type& then, typename Log::transaction_type& open) {
  BOOST_TEST(throws(errc::closed, [&] { (void)then.get("a"); }));
  BOOST_TEST(throws(errc::closed, [&] { (void)then.contains("a"); }));
  BOOST_TEST(throws(errc::closed, [&] { then.for_each([](const auto&, const auto&) {}); }));
  BOOST_TEST(std::ranges::distance(then.records()) == 2);
  BOOST_TEST(throws(errc::closed, [&] { (void)open.get("a"); }));
  BOOST_TEST(throws(errc::closed, [&] { open.put("a", "w"); }));
  BOOST_TEST(throws(errc::closed, [&] { open.commit(); }));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_looks_up_keys_says_that_the_log_has_ended, Log, logs) {
  temp_dir place;
  std::optional<Log> log{std::in_place, place / "log"};
  const std::string large(1000, 'v');
  log->put("a", "v");
  log->put("large", large);
  auto then = log->snapshot();
  const auto value = log->get("large");
  auto open = log->begin();
  open.put("b", "v");
  const auto keys = log->keys();
  const auto entries = log->entries();
  const auto walk_all = [](const auto& all) {
    for (const auto& each : all) (void)each;
  };
  log->close();
  expect_ended<Log>(then, open);
  BOOST_TEST(throws(errc::closed, [&] { walk_all(keys); }));
  log.reset();
  expect_ended<Log>(then, open);
  BOOST_TEST(throws(errc::closed, [&] { walk_all(keys); }));
  BOOST_TEST(throws(errc::closed, [&] { walk_all(entries); }));
  BOOST_TEST(value->text() == large);
}

BOOST_AUTO_TEST_CASE(a_walk_of_keys_says_that_the_log_has_ended_and_keeps_what_it_gave) {
  temp_dir place;
  std::optional<ordered> log{std::in_place, place / "log"};
  for (int i = 10; i < 99; ++i) log->put("key " + std::to_string(i), std::string(200, 'v'));
  const auto all = log->lower_bound("");
  auto at = all.begin();
  const key_entry first = *at;
  log.reset();
  BOOST_TEST(throws(errc::closed, [&] { ++at; }));
  BOOST_TEST((at == std::default_sentinel));
  BOOST_TEST(throws(errc::closed, [&] { (void)all.begin(); }));
  BOOST_TEST(throws(errc::closed, [&] { (void)all.reversed(); }));
  BOOST_TEST(first.key.text() == "key 10");
  BOOST_TEST(first.value.text() == std::string(200, 'v'));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_looks_up_keys_follows_a_log_that_moves, Log, logs) {
  temp_dir place;
  Log from{place / "log"};
  from.put("a", "v");
  const auto then = from.snapshot();
  auto open = from.begin();
  const auto keys = from.keys();
  Log log{std::move(from)};
  log.put("a", "w");
  BOOST_TEST(then.get("a")->text() == "v");
  BOOST_TEST(std::ranges::distance(keys) == 1);
  open.put("b", "v");
  open.commit();
  BOOST_TEST(log.get("b")->text() == "v");
}

BOOST_AUTO_TEST_CASE(a_snapshot_of_no_log_is_empty_and_says_so_when_asked_for_a_key) {
  const kv_store::snapshot_type none;
  BOOST_TEST(none.size() == 0U);
  BOOST_TEST(throws(errc::closed, [&] { (void)none.get("a"); }));
}

BOOST_AUTO_TEST_CASE(contiguous_bytes_of_each_type_are_records_and_batches) {
  small_log<async_wal> f;
  const std::vector<unsigned char> bytes{'a', 'b'};
  f.log.append(bytes);
  f.log.append(std::span{bytes});
  f.log.append(std::u8string{u8"ab"});
  f.log.append(std::vector{bytes, bytes});
  auto unit = f.log.begin();
  unit.append(std::vector<char>{'a', 'b'});
  unit.commit();
  for (const record& each : f.log.records()) BOOST_TEST(each.text() == "ab");
  BOOST_TEST(f.log.last_lsn() == lsn{6});
  timelog rows{f.place / "rows"};
  rows.append(1, bytes);
  rows.append(std::vector{std::pair{std::int64_t{2}, bytes}});
  BOOST_TEST(rows.size() == 2U);
  for (const auto& each : rows.all()) BOOST_TEST(each.value.text() == "ab");
}

BOOST_AUTO_TEST_CASE(contiguous_bytes_of_each_type_are_keys_and_values) {
  small_log<kv_store> f;
  const std::vector<unsigned char> bytes{'a', 'b'};
  const std::vector<char> letters{'a', 'b'};
  const std::u8string text{u8"ab"};
  f.log.put(bytes, std::span{bytes});
  BOOST_TEST(f.log.get(letters)->text() == "ab");
  f.log.put(std::span<const char>{letters}, std::u8string_view{text});
  BOOST_TEST(f.log.get(u8"ab")->text() == "ab");
  const std::array<unsigned char, 4> id{1, 2, 3, 4};
  f.log.put("id", id);
  BOOST_TEST((f.log.get<std::array<unsigned char, 4>>("id") == id));
  BOOST_TEST(f.log.size() == 2U);
}

}  // namespace
}  // namespace logdb::test
