// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE unit_index_keydir_table
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/format/hash.hpp>
#include <logdb/index/keydir/table/table.hpp>
#include <logdb/index/keydir/table/table_walk.hpp>
#include <logdb/platform/posix.hpp>

#include "support/last_words.hpp"

namespace logdb::test {

using table_type = detail::keydir_table<platform::posix>;
using gate_type = detail::reader_gate<platform::posix>;

constexpr detail::hash_seed seed{0x1234567, 0x89abcdf};

/// Is a table whose keys are the numbers that their addresses are.
struct numbers {
  gate_type gate;
  std::unique_ptr<table_type> table = std::make_unique<table_type>(gate);

  static std::uint64_t hash(std::uint64_t number) {
    return detail::hash_key(std::as_bytes(std::span{&number, 1}), seed);
  }
  static detail::address address_of(std::uint64_t number) { return 4096 + number; }

  void insert(std::uint64_t number) {
    const auto h = hash(number);
    const table_type::guard lock{table->shard_of(h).lock};
    table->make_room(h);
    table->insert(h, address_of(number));
  }
  bool remove(std::uint64_t number) {
    const auto h = hash(number);
    const table_type::guard lock{table->shard_of(h).lock};
    return table->remove(h, address_of(number));
  }
  bool has(std::uint64_t number) const {
    const auto inside = gate.enter();
    return table->holds(hash(number), address_of(number));
  }
  std::set<detail::address> walk() const {
    std::set<detail::address> met;
    std::vector<detail::address> page;
    detail::table_walk at{*table};
    const auto inside = gate.enter();
    while (at.next_page(page)) {
      for (const auto each : page) BOOST_TEST(met.insert(each).second);
    }
    return met;
  }
};

BOOST_AUTO_TEST_CASE(the_hash_of_a_key_depends_on_each_byte_its_length_and_the_seed) {
  std::set<std::uint64_t> hashes;
  std::string key(40, '\0');
  for (std::size_t bytes = 0; bytes <= key.size(); ++bytes) {
    hashes.insert(detail::hash_key(as_bytes(std::string_view{key}.substr(0, bytes)), seed));
  }
  for (char& byte : key) {
    byte = 1;
    hashes.insert(detail::hash_key(as_bytes(key), seed));
    hashes.insert(detail::hash_key(as_bytes(key), {seed.low + 1, seed.high}));
    byte = 0;
  }
  BOOST_TEST(hashes.size() == 41 + 80);
}

BOOST_AUTO_TEST_CASE(hashes_stay_what_they_are_since_footers_hold_them) {
  BOOST_TEST(detail::hash_key(as_bytes("user:7"), {1, 1}) == 1046487826222471920u);
  BOOST_TEST(detail::hash_key(as_bytes("a key of more than sixteen bytes"), {3, 5}) ==
             7795580555560893938u);
}

BOOST_AUTO_TEST_CASE(each_number_is_found_while_the_table_grows_and_after) {
  numbers f;
  for (std::uint64_t n = 0; n < 300'000; ++n) {
    f.insert(n);
    if (n % 1000 == 0) BOOST_TEST_REQUIRE(f.has(n / 2));
  }
  bool all = true;
  for (std::uint64_t n = 0; n < 300'000; ++n) all = all && f.has(n);
  BOOST_TEST(all);
  BOOST_TEST(!f.has(300'001));
  BOOST_TEST(f.table->size() == 300'000);
  BOOST_TEST(f.walk().size() == 300'000);
}

BOOST_AUTO_TEST_CASE(a_key_takes_at_most_sixteen_bytes_at_every_size) {
  numbers f;
  double most = 0;
  for (std::uint64_t n = 1; n <= 2'000'000; ++n) {
    f.insert(n);
    if (n >= 500'000 && n % 10'000 == 0) {
      most = std::max(most, static_cast<double>(f.table->bytes()) / static_cast<double>(n));
    }
  }
  BOOST_TEST(most < 16);
  BOOST_TEST(most > 8);
}

BOOST_AUTO_TEST_CASE(what_is_removed_is_gone_and_its_room_is_used_again) {
  numbers f;
  for (std::uint64_t n = 0; n < 50'000; ++n) f.insert(n);
  const auto bytes = f.table->bytes();
  for (int round = 0; round < 20; ++round) {
    for (std::uint64_t n = 0; n < 50'000; n += 2) BOOST_TEST_REQUIRE(f.remove(n));
    BOOST_TEST(!f.remove(0));
    BOOST_TEST(f.table->size() == 25'000);
    for (std::uint64_t n = 0; n < 50'000; n += 2) f.insert(n);
  }
  BOOST_TEST(f.table->bytes() < 2 * bytes);
  BOOST_TEST(f.walk().size() == 50'000);
}

BOOST_AUTO_TEST_CASE(keys_of_one_hash_are_told_apart_by_whoever_asks) {
  numbers f;
  constexpr std::uint64_t hash = 0xabcdef0123456789;
  const table_type::guard lock{f.table->shard_of(hash).lock};
  for (std::uint64_t n = 1; n <= 3000; ++n) {
    f.table->make_room(hash);
    f.table->insert(hash, 4096 * n);
  }
  const auto inside = f.gate.enter();
  for (std::uint64_t n = 1; n <= 3000; ++n) {
    const auto found = f.table->find(hash, [n](detail::address at) { return at == 4096 * n; });
    BOOST_TEST_REQUIRE(found == 4096 * n);
  }
  BOOST_TEST(f.table->find(hash, [](detail::address) { return false; }) == 0);
  BOOST_TEST(f.table->remove(hash, 4096));
  BOOST_TEST(!f.table->holds(hash, 4096));
}

BOOST_AUTO_TEST_CASE(an_update_changes_just_the_address_meant) {
  numbers f;
  constexpr std::uint64_t hash = 77;
  const table_type::guard lock{f.table->shard_of(hash).lock};
  f.table->make_room(hash, 2);
  f.table->insert(hash, 5000);
  f.table->insert(hash, 6000);
  BOOST_TEST(f.table->update(hash, 5000, 7000));
  BOOST_TEST(!f.table->update(hash, 5000, 8000));
  const auto inside = f.gate.enter();
  BOOST_TEST(f.table->holds(hash, 7000));
  BOOST_TEST(f.table->holds(hash, 6000));
  BOOST_TEST(!f.table->holds(hash, 5000));
}

BOOST_AUTO_TEST_CASE(random_operations_agree_with_a_set) {
  numbers f;
  std::set<std::uint64_t> model;
  std::mt19937_64 random{5};
  for (int step = 0; step < 200'000; ++step) {
    const std::uint64_t number = random() % 20'000;
    if (random() % 3 != 0) {
      if (model.insert(number).second) f.insert(number);
    } else {
      BOOST_TEST_REQUIRE(f.remove(number) == (model.erase(number) == 1));
    }
  }
  for (std::uint64_t n = 0; n < 20'000; ++n) BOOST_TEST_REQUIRE(f.has(n) == model.contains(n));
}

BOOST_AUTO_TEST_CASE(readers_find_what_stays_while_writers_make_pages_anew) {
  numbers f;
  for (std::uint64_t n = 0; n < 10'000; ++n) f.insert(n);
  std::atomic<bool> done = false;
  std::atomic<std::uint64_t> misses = 0;
  const auto read = [&](std::uint64_t start) {
    for (std::uint64_t n = start; !done.load(); n = (n + 7) % 10'000) {
      if (!f.has(n)) misses.fetch_add(1);
    }
  };
  std::thread first{read, 0};
  std::thread second{read, 5'000};
  const auto write = [&](std::uint64_t from) {
    for (std::uint64_t n = from; n < from + 60'000; ++n) f.insert(n);
    for (std::uint64_t n = from; n < from + 60'000; ++n) f.remove(n);
  };
  std::thread third{write, 10'000};
  write(100'000);
  third.join();
  done.store(true);
  first.join();
  second.join();
  BOOST_TEST(misses.load() == 0);
  BOOST_TEST(f.table->size() == 10'000);
}

BOOST_AUTO_TEST_CASE(a_walk_meets_once_each_key_that_stays_while_others_come) {
  numbers f;
  for (std::uint64_t n = 0; n < 20'000; ++n) f.insert(n);
  std::thread writer{[&f] {
    for (std::uint64_t n = 100'000; n < 200'000; ++n) f.insert(n);
  }};
  for (int round = 0; round < 5; ++round) {
    std::map<detail::address, int> met;
    std::vector<detail::address> page;
    detail::table_walk at{*f.table};
    for (;;) {
      const auto inside = f.gate.enter();
      if (!at.next_page(page)) break;
      for (const auto each : page) ++met[each];
    }
    for (std::uint64_t n = 0; n < 20'000; ++n) BOOST_TEST_REQUIRE(met[4096 + n] == 1);
  }
  writer.join();
}

BOOST_AUTO_TEST_CASE(more_readers_than_places_all_get_in) {
  numbers f;
  for (std::uint64_t n = 0; n < 100; ++n) f.insert(n);
  std::vector<gate_type::pass> inside;
  for (int n = 0; n < 63; ++n) inside.push_back(f.gate.enter());
  std::atomic<int> found = 0;
  std::vector<std::thread> threads;
  for (int n = 0; n < 8; ++n) {
    threads.emplace_back([&] { found.fetch_add(f.has(7) ? 1 : 0); });
  }
  for (auto& each : threads) each.join();
  BOOST_TEST(found.load() == 8);
}

BOOST_AUTO_TEST_CASE(what_a_reader_may_see_is_freed_only_when_it_has_left) {
  gate_type gate;
  auto inside = std::make_unique<gate_type::pass>(gate.enter());
  const auto epoch = gate.advance();
  BOOST_TEST(!gate.is_past(epoch));
  const auto later = gate.enter();
  BOOST_TEST(!gate.is_past(epoch));
  inside.reset();
  BOOST_TEST(gate.is_past(epoch));
}

BOOST_AUTO_TEST_CASE(a_table_refuses_who_came_past_the_lock_of_the_shard_or_the_gate) {
  numbers all;
  all.insert(1);
  const auto hash = numbers::hash(1);
  const auto at = numbers::address_of(1);
  const auto is_any = [](detail::address) { return true; };
  std::vector<detail::address> page;
  detail::table_walk from{*all.table};
  BOOST_TEST(last_words_of([&] { all.table->make_room(hash); }) != "");
  BOOST_TEST(last_words_of([&] { all.table->make_room({&hash, 1}); }) != "");
  BOOST_TEST(last_words_of([&] { all.table->insert(hash, at); }) != "");
  BOOST_TEST(last_words_of([&] { all.table->update(hash, at, at); }) != "");
  BOOST_TEST(last_words_of([&] { all.table->remove(hash, at); }) != "");
  BOOST_TEST(last_words_of([&] { (void)all.table->find(hash, is_any); }) != "");
  BOOST_TEST(last_words_of([&] { from.next_page(page); }) != "");
  BOOST_TEST(last_words_of([&] { from.next_unused(page); }) != "");
  BOOST_TEST(all.has(1));
}

}  // namespace logdb::test
