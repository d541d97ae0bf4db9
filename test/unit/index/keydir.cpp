// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE unit_index_keydir
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// What a key-value log promises, whatever its other policies.
#include "support/process.hpp"
#include "unit/index/key_logs.hpp"
#include "unit/index/keys/suite.hpp"

namespace logdb::test {

LOGDB_EACH_KEY_LOG(a_put_value_is_got_until_another_takes_its_place) {
  fresh_keys f{kind};
  BOOST_TEST(!f.log.get("a"));
  BOOST_TEST((f.log.put("a", "one") == lsn{1}));
  BOOST_TEST(f.log.get("a")->text() == "one");
  BOOST_TEST((f.log.put("a", "two") == lsn{2}));
  BOOST_TEST(f.log.get("a")->text() == "two");
  BOOST_TEST((f.log.get("a")->lsn() == lsn{2}));
  BOOST_TEST(f.log.size() == 1);
  f.reopen_if_it_lasts();
  BOOST_TEST(f.log.get("a")->text() == "two");
  BOOST_TEST((f.log.get("a")->lsn() == lsn{2}));
  BOOST_TEST(f.log.size() == 1);
}

LOGDB_EACH_KEY_LOG(an_erased_key_stays_erased) {
  fresh_keys f{kind};
  BOOST_TEST(!f.log.erase("a"));
  BOOST_TEST((f.log.last_lsn() == lsn{}));
  f.log.put("a", "one");
  BOOST_TEST(f.log.erase("a"));
  BOOST_TEST(!f.log.erase("a"));
  BOOST_TEST(!f.log.contains("a"));
  BOOST_TEST(f.log.size() == 0);
  f.reopen_if_it_lasts();
  BOOST_TEST(!f.log.get("a"));
  BOOST_TEST(f.log.empty());
  f.log.put("a", "again");
  BOOST_TEST(f.log.get("a")->text() == "again");
  BOOST_TEST(f.log.size() == 1);
}

LOGDB_EACH_KEY_LOG(keys_and_values_may_be_any_bytes_of_any_length) {
  fresh_keys f{kind};
  const std::string zeros(3, '\0');
  const std::string long_key(65535, 'k');
  const std::string large = patterned(300'000);  // more than staging holds
  f.log.put("", "");
  f.log.put(zeros, zeros);
  f.log.put(long_key, "at the end");
  f.log.put("large", large);
  for (int round = 0; round < 2; ++round) {
    BOOST_TEST(f.log.get("")->empty());
    BOOST_TEST(f.log.get(zeros)->text() == zeros);
    BOOST_TEST(f.log.get(long_key)->text() == "at the end");
    BOOST_TEST((f.log.get("large")->text() == large));
    BOOST_TEST((f.log.get("large")->lsn() == lsn{4}));
    BOOST_TEST(!f.log.get(std::string(2, '\0')));
    f.reopen_if_it_lasts();
  }
  BOOST_TEST(throws(errc::invalid_argument, [&] { f.log.put(long_key + "k", "too long"); }));
  BOOST_TEST(f.log.size() == 4);
}

LOGDB_EACH_KEY_LOG(what_is_still_in_staging_is_got_without_a_write) {
  key_options options;
  options.delay_max = std::chrono::hours{1};
  fresh_keys f{kind, options};
  f.log.put("a", "first");
  f.log.put("b", std::string(1000, 'b'));
  const auto groups = f.log.stats().groups;
  for (int n = 0; n < 100; ++n) {
    BOOST_TEST(f.log.get("a")->text() == "first");
    BOOST_TEST(f.log.get("b")->text() == std::string(1000, 'b'));
    BOOST_TEST((f.log.get("b")->lsn() == lsn{2}));
  }
  BOOST_TEST(f.log.stats().groups <= groups + 1);  // a worker may write what there is
}

LOGDB_EACH_KEY_LOG(a_value_stays_readable_after_the_log_is_gone) {
  key_value small;
  key_value large;
  {
    fresh_keys f{kind};
    f.log.put("small", "s");
    f.log.put("large", std::string(2000, 'l'));
    f.log.sync();
    small = *f.log.get("small");
    large = *f.log.get("large");
    f.log.put("large", "other");
    f.log.close();
  }
  BOOST_TEST(small.text() == "s");
  BOOST_TEST(large.text() == std::string(2000, 'l'));
}

LOGDB_EACH_KEY_LOG(random_operations_agree_with_a_map_over_many_reopens) {
  fresh_keys f{kind};
  std::map<std::string, std::string> model;
  std::mt19937 random{7};
  for (int step = 0; step < 6000 / kind.share; ++step) {
    const std::string key = key_of(random() % 300);
    const std::string value = numbered(random()) + std::string(random() % 200, 'x');
    switch (random() % 8) {
      case 0: BOOST_TEST_REQUIRE(f.log.erase(key) == (model.erase(key) == 1)); break;
      case 1: {
        auto batch = f.log.begin();
        for (int n = 0; n < 5; ++n) {
          const std::string other = key_of(random() % 300);
          batch.put(other, value);
          model[other] = value;
        }
        batch.commit();
        break;
      }
      default: f.log.put(key, value); model[key] = value;
    }
    const auto found = f.log.get(key);
    BOOST_TEST_REQUIRE(found.has_value() == model.contains(key));
    if (found) BOOST_TEST_REQUIRE(found->text() == model[key]);
    if (step % 500 == 499) f.reopen_if_it_lasts();
  }
  BOOST_TEST(f.log.size() == model.size());
  BOOST_TEST((contents(f.log) == model));
  BOOST_TEST(f.log.verify().intact());
}

LOGDB_EACH_KEY_LOG(a_child_of_a_fork_may_not_use_the_log_of_its_parent) {
  fresh_keys f{kind};
  f.log.put("a", "one");
  auto batch = f.log.begin();
  batch.put("b", "in a batch");
  const auto before = f.log.snapshot();
  // Also where another thread of the parent is just writing: what it locks stays locked there.
  const auto held = f.log.lock_shard_of("a");
  child_process child{[&] {
    int number = 0;
    const auto refused = [&number](auto use) { return ++number, throws(errc::closed, use); };
    const bool all =
        refused([&] { f.log.put("a", "two"); }) && refused([&] { f.log.add("a", "two"); }) &&
        refused([&] { f.log.erase("a"); }) &&
        refused([&] { (void)f.log.compare_and_put("a", lsn{1}, "two"); }) &&
        refused([&] { batch.commit(); }) && refused([&] { (void)f.log.compact(); }) &&
        refused([&] { f.log.sync(); }) && refused([&] { (void)f.log.get("a"); }) &&
        refused([&] { (void)f.log.contains("a"); }) && refused([&] { (void)f.log.size(); }) &&
        refused([&] { (void)contents(f.log); }) && refused([&] { (void)f.log.snapshot(); }) &&
        refused([&] { (void)f.log.history("a"); }) && refused([&] { (void)before.get("a"); });
    f.log.close();  // which is nothing to the parent
    return all ? 0 : number;
  }};
  BOOST_TEST(child.wait() == 0);
  BOOST_TEST(f.log.get("a")->text() == "one");
  BOOST_TEST(f.log.size() == 1);
}

LOGDB_EACH_KEY_LOG(a_range_of_pairs_is_put_as_one) {
  fresh_keys f{kind};
  const std::map<std::string, std::string> pairs{{"a", "1"}, {"b", "2"}, {"c", "3"}};
  BOOST_TEST((f.log.put(pairs) == lsn{3}));
  BOOST_TEST((contents(f.log) == pairs));
  BOOST_TEST((f.log.get("b")->lsn() == lsn{2}));
  BOOST_TEST((f.log.put(std::map<std::string, std::string>{}) == lsn{3}));
}

LOGDB_EACH_KEY_LOG(a_transaction_sees_its_own_writes_across_nested_rollbacks) {
  fresh_keys f{kind};
  f.log.put("kept", "old");
  f.log.put("erased", "old");
  auto outer = f.log.begin();
  outer.put("new", "outer");
  BOOST_TEST(outer.get("kept")->text() == "old");
  BOOST_TEST(outer.erase("erased"));
  BOOST_TEST(!outer.erase("erased"));
  {
    auto inner = outer.begin();
    inner.put("new", "inner");
    inner.put("kept", "inner");
    inner.put("erased", "inner");
    BOOST_TEST(inner.get("new")->text() == "inner");
    BOOST_TEST(throws(errc::invalid_argument, [&] { outer.put("a", "b"); }));
    inner.rollback();
  }
  BOOST_TEST(outer.get("new")->text() == "outer");
  BOOST_TEST(outer.get("kept")->text() == "old");
  BOOST_TEST(!outer.contains("erased"));
  {
    auto inner = outer.begin();
    inner.put("new", "second");
    inner.commit();
  }
  BOOST_TEST(outer.get("new")->text() == "second");
  BOOST_TEST(!f.log.contains("new"));
  BOOST_TEST(f.log.get("erased")->text() == "old");
  outer.commit();
  const std::map<std::string, std::string> wanted{{"kept", "old"}, {"new", "second"}};
  BOOST_TEST((contents(f.log) == wanted));
  f.reopen_if_it_lasts();
  BOOST_TEST((contents(f.log) == wanted));
}

LOGDB_EACH_KEY_LOG(a_transaction_that_is_dropped_leaves_nothing) {
  fresh_keys f{kind};
  {
    auto dropped = f.log.begin();
    dropped.put("a", "b");
  }
  BOOST_TEST(f.log.empty());
  BOOST_TEST((f.log.last_lsn() == lsn{}));
}

LOGDB_EACH_KEY_LOG(a_transaction_larger_than_staging_is_whole) {
  fresh_keys f{kind};
  f.log.put(key_of(7), "before");
  auto large = f.log.begin();
  for (std::uint64_t n = 0; n < 3000; ++n) large.put(key_of(n), numbered(n));
  BOOST_TEST((large.commit() == lsn{3001}));
  f.log.put(key_of(8), "after");
  for (int round = 0; round < 2; ++round) {
    BOOST_TEST(f.log.size() == 3000);
    BOOST_TEST(f.log.get(key_of(2999))->text() == numbered(2999));
    BOOST_TEST((f.log.get(key_of(2999))->lsn() == lsn{3001}));
    BOOST_TEST(f.log.get(key_of(7))->text() == numbered(7));
    BOOST_TEST(f.log.get(key_of(8))->text() == "after");
    BOOST_TEST(f.log.history(key_of(7)).size() == 2);
    BOOST_TEST(f.log.history(key_of(8)).size() == 2);
    f.reopen_if_it_lasts();
  }
}

LOGDB_EACH_KEY_LOG(a_key_expires_after_its_time_to_live_also_after_a_reopen) {
  fresh_keys f{kind};
  f.log.put("gone", "x", std::chrono::nanoseconds{0});
  f.log.put("past", "x", std::chrono::hours{-1});
  f.log.put("kept", "x", std::chrono::hours{1});
  f.log.put("forever", "x", std::chrono::nanoseconds::max());
  for (int round = 0; round < 2; ++round) {
    BOOST_TEST(!f.log.get("gone"));
    BOOST_TEST(!f.log.contains("past"));
    BOOST_TEST(f.log.get("kept")->text() == "x");
    BOOST_TEST(f.log.get("kept")->expires().has_value());
    BOOST_TEST(f.log.contains("forever"));
    BOOST_TEST(!f.log.erase("gone"));
    BOOST_TEST(contents(f.log).size() == 2);
    f.reopen_if_it_lasts();
  }
  BOOST_TEST((f.log.compare_and_put("gone", lsn{}, "back") == lsn{5}));
  BOOST_TEST(f.log.get("gone")->text() == "back");
}

LOGDB_EACH_KEY_LOG(values_of_a_type_go_through_its_codec) { kind.codecs(); }

LOGDB_EACH_KEY_LOG(threads_that_write_and_read_agree) {
  fresh_keys f{kind};
  std::atomic<int> wrong = 0;
  const auto rounds = static_cast<std::uint64_t>(1500 / kind.share);
  const auto work = [&](std::uint64_t mine) {
    for (std::uint64_t n = 0; n < rounds; ++n) {
      const std::string key = key_of(mine * 1000 + n % 50);
      f.log.put(key, numbered(n));
      const auto found = f.log.get(key);
      if (!found || found->text() != numbered(n)) wrong.fetch_add(1);
      (void)f.log.get(key_of(n % 4000));
    }
  };
  std::thread second{work, 1};
  std::thread third{work, 2};
  work(3);
  second.join();
  third.join();
  BOOST_TEST(wrong.load() == 0);
  BOOST_TEST(f.log.size() == 150);
  f.reopen_if_it_lasts();
  BOOST_TEST(f.log.size() == 150);
  for (std::uint64_t n = 1; n <= 3; ++n) {
    BOOST_TEST(f.log.get(key_of(n * 1000 + 49))->text() == numbered(rounds - 1));
  }
}

LOGDB_EACH_KEY_LOG(a_transaction_is_seen_whole_by_readers_that_look_key_by_key) {
  fresh_keys f{kind};
  std::atomic<bool> done = false;
  std::atomic<int> torn = 0;
  const auto number = [&f](std::string_view key) {
    const auto found = f.log.get(key);
    return found ? std::stoi(std::string{found->text()}) : 0;
  };
  std::thread reader{[&] {
    while (!done.load()) {
      const int first = number("first");
      const int second = number("second");
      if (first > second) torn.fetch_add(1);
    }
  }};
  for (int n = 1; n <= 2000 / kind.share; ++n) {
    auto both = f.log.begin();
    both.put("first", std::to_string(n));
    both.put("second", std::to_string(n));
    both.commit();
  }
  done.store(true);
  reader.join();
  BOOST_TEST(torn.load() == 0);
}

LOGDB_EACH_KEY_LOG(a_closed_log_says_so) {
  fresh_keys f{kind};
  f.log.put("a", "b");
  auto open = f.log.begin();
  open.put("c", "d");
  f.log.close();
  BOOST_TEST(throws(errc::closed, [&] { (void)f.log.get("a"); }));
  BOOST_TEST(throws(errc::closed, [&] { f.log.put("a", "c"); }));
  BOOST_TEST(throws(errc::closed, [&] { f.log.erase("a"); }));
  BOOST_TEST(throws(errc::closed, [&] { open.commit(); }));
  BOOST_TEST(throws(errc::closed, [&] { (void)f.log.begin(); }));
}

BOOST_AUTO_TEST_CASE(a_log_of_keys_is_refused_by_other_indexes_and_refuses_theirs) {
  const temp_dir place;
  { kv_store{place / "kv"}.put("a", "b"); }
  { async_wal{place / "wal"}.append("a"); }
  BOOST_TEST(throws(errc::format_mismatch, [&] { async_wal{place / "kv"}; }));
  BOOST_TEST(throws(errc::format_mismatch, [&] { kv_store{place / "wal"}; }));
}

BOOST_AUTO_TEST_CASE(a_moved_log_goes_on) {
  const temp_dir place;
  kv_store first{place / "a"};
  first.put("a", "b");
  kv_store second{std::move(first)};
  BOOST_TEST(second.get("a")->text() == "b");
  kv_store third{place / "c"};
  third.put("x", "y");
  third = std::move(second);
  BOOST_TEST(third.get("a")->text() == "b");
  BOOST_TEST(!third.get("x"));
  BOOST_TEST(throws(errc::closed, [&] { (void)first.get("a"); }));
}

BOOST_AUTO_TEST_CASE(an_erase_says_rightly_what_was_there_or_that_it_is_damaged) {
  small_log<kv_store> f{by_hand<kv_store>()};
  f.log.put("was put", "value");
  f.log.put("was erased", "value");
  f.log.erase("was erased");
  f.log.put("will end", "value", std::chrono::hours{1});
  f.log.sync();
  const auto file = f.path / "0000000000000001.seg";
  const auto refuses_while = [&](std::string_view key, format::key_verb seems) {
    const auto was = damage_verb(file, key, seems);
    BOOST_TEST(throws(errc::corrupt, [&] { f.log.erase(key); }));
    damage_verb(file, key, was);
  };
  refuses_while("was put", format::key_verb::erase);
  refuses_while("was erased", format::key_verb::put);
  refuses_while("will end", format::key_verb::add);
  BOOST_TEST(f.log.erase("was put"));
  BOOST_TEST(!f.log.erase("was erased"));
  BOOST_TEST(f.log.erase("will end"));
}

}  // namespace logdb::test
