// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE unit_index_keydir_ordered
#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// An ordered keydir: ranges, prefixes, both ways, while keys come and go.
#include "unit/index/key_logs.hpp"

namespace logdb::test {

using ordered_store = kv_store::with<Index<BasicKeyDir<Ordered>>>;
using ordered_logs = boost::mp11::mp_list<
    ordered_store, ordered_store::with<Durability<Fsync>>,
    basic_log<Storage<Memory>, Durability<None>, Index<BasicKeyDir<Ordered>>, Locking<None>>>;

template <class Range>
std::vector<std::string> keys_of(const Range& range) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : range) keys.emplace_back(key.text());
  return keys;
}

using keys = std::vector<std::string>;
using reader_gate = logdb::detail::reader_gate<platform::posix>;
using order = logdb::detail::key_order<platform::posix>;

template <class List>
keys keys_listed_by(List list) {
  std::vector<bytes_view> found;
  list(found);
  keys copies;
  for (const bytes_view each : found) copies.emplace_back(as_text(each));
  return copies;
}

BOOST_AUTO_TEST_CASE_TEMPLATE(ranges_are_in_order_and_half_open, Log, ordered_logs) {
  small_log<Log> f;
  for (const std::string key : {"b", "a", "ab", "", "c", "b2"}) f.log.put(key, "of " + key);
  for (int round = 0; round < 2; ++round) {
    BOOST_TEST((keys_of(f.log.range("a", "b2")) == keys{"a", "ab", "b"}));
    BOOST_TEST((keys_of(f.log.range("a", "b2").reversed()) == keys{"b", "ab", "a"}));
    BOOST_TEST((keys_of(f.log.range("b", "b")).empty()));
    BOOST_TEST((keys_of(f.log.range("c", "a")).empty()));
    BOOST_TEST((keys_of(f.log.range("c", "a").reversed()).empty()));
    BOOST_TEST((keys_of(f.log.lower_bound("b")) == keys{"b", "b2", "c"}));
    BOOST_TEST((keys_of(f.log.lower_bound("").reversed()) == keys{"c", "b2", "b", "ab", "a", ""}));
    BOOST_TEST((keys_of(f.log.prefix("b")) == keys{"b", "b2"}));
    BOOST_TEST((keys_of(f.log.prefix("x")).empty()));
    BOOST_TEST(((*f.log.lower_bound("b1").begin()).value.text() == "of b2"));
    f.reopen_if_it_lasts();
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_prefix_of_the_highest_bytes_has_an_end, Log, ordered_logs) {
  small_log<Log> f;
  f.log.put("\xff\xff", "1");
  f.log.put("\xff\xff\x01", "2");
  f.log.put("\xff", "3");
  f.log.put("a\xff", "4");
  f.log.put("b", "5");
  BOOST_TEST(keys_of(f.log.prefix("\xff\xff")).size() == 2);
  BOOST_TEST(keys_of(f.log.prefix("\xff")).size() == 3);
  BOOST_TEST((keys_of(f.log.prefix("a\xff")) == keys{"a\xff"}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(ordered_walks_agree_with_a_map, Log, ordered_logs) {
  small_log<Log> f;
  std::map<std::string, std::string> model;
  std::mt19937 random{3};
  for (int step = 0; step < 3000 / share<Log>; ++step) {
    const std::string key = key_of(random() % 500);
    if (random() % 3 == 0) {
      f.log.erase(key);
      model.erase(key);
    } else {
      f.log.put(key, numbered(random()));
      model[key] = f.log.get(key)->text();
    }
    if (step % 1000 == 999) f.reopen_if_it_lasts();
    if (step % 1000 == 500) f.log.compact();
  }
  keys wanted;
  for (const auto& [key, value] : model) wanted.push_back(key);
  BOOST_TEST((keys_of(f.log.lower_bound("")) == wanted));
  std::ranges::reverse(wanted);
  BOOST_TEST((keys_of(f.log.lower_bound("").reversed()) == wanted));
  const auto first = model.lower_bound("key:2");
  const auto last = model.lower_bound("key:4");
  keys middle;
  for (auto each = first; each != last; ++each) middle.push_back(each->first);
  BOOST_TEST((keys_of(f.log.range("key:2", "key:4")) == middle));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_walk_goes_on_while_keys_come_and_go, Log, ordered_logs) {
  small_log<Log> f;
  for (std::uint64_t n = 0; n < 300; ++n) f.log.put("stays" + key_of(1000 + n), "x");
  std::atomic<bool> done = false;
  std::thread writer{[&] {
    for (std::uint64_t n = 0; !done.load(); n = (n + 1) % 100) {
      f.log.put("comes" + key_of(n), "x");
      f.log.put("tomorrow" + key_of(n), "x");
      f.log.erase("comes" + key_of(n));
      f.log.erase("tomorrow" + key_of(n));
      if (n % 50 == 49) f.log.compact();
    }
  }};
  for (int round = 0; round < 20; ++round) {
    BOOST_TEST(keys_of(f.log.prefix("stays")).size() == 300);
    const auto all = keys_of(f.log.lower_bound(""));
    BOOST_TEST(std::ranges::is_sorted(all));
    BOOST_TEST(all.size() >= 300);
    BOOST_TEST(keys_of(f.log.prefix("stays").reversed()).size() == 300);
  }
  done.store(true);
  writer.join();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_key_is_given_once_while_others_come_between, Log, ordered_logs) {
  small_log<Log> f;
  for (std::uint64_t n = 0; n < 200; ++n) f.log.put("k" + std::to_string(1000 + n), "x");
  std::atomic<bool> done = false;
  std::thread writer{[&] {
    std::mt19937 random{5};
    while (!done.load()) {
      const std::string key =
          "k" + std::to_string(1000 + random() % 200) + numbered(random() % 900);
      if (random() % 3 == 0) {
        f.log.erase(key);
      } else {
        f.log.put(key, "y");
      }
      if (random() % 500 == 0) f.log.compact();
    }
  }};
  const auto stayed = [](const keys& all) {
    return std::ranges::count_if(all, [](const auto& each) { return each.size() == 5; });
  };
  for (int round = 0; round < 60 / share<Log>; ++round) {
    const auto forward = keys_of(f.log.lower_bound(""));
    BOOST_TEST(stayed(forward) == 200);
    BOOST_TEST((std::ranges::adjacent_find(forward, std::greater_equal{}) == forward.end()));
    const auto back = keys_of(f.log.lower_bound("").reversed());
    BOOST_TEST(stayed(back) == 200);
    BOOST_TEST((std::ranges::adjacent_find(back, std::less_equal{}) == back.end()));
  }
  done.store(true);
  writer.join();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_walk_gives_each_key_as_it_is_when_it_comes_to_it, Log,
                              ordered_logs) {
  small_log<Log> f;
  for (std::uint64_t n = 0; n < 60; ++n) f.log.put("k" + std::to_string(10 + n), "old");
  f.log.put("k69x", "short", std::chrono::milliseconds{1});
  std::uint64_t met = 0;
  for (const auto& [key, value] : f.log.lower_bound("")) {
    if (met == 0) {
      f.log.put("k12", "new");
      f.log.erase("k13");
      f.log.put(std::map<std::string, std::string>{{"k14", "new"}, {"k15", "new"}});
    }
    const bool changed = key.text() == "k12" || key.text() == "k14" || key.text() == "k15";
    BOOST_TEST(value.text() == (changed ? "new" : key.text() == "k69x" ? "short" : "old"));
    BOOST_TEST(key.text() != "k13");
    ++met;
  }
  BOOST_TEST(met >= 59u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(keys_of_any_length_stay_in_order, Log, ordered_logs) {
  small_log<Log> f;
  std::map<std::string, std::string> model;
  std::mt19937 random{11};
  for (int step = 0; step < 200; ++step) {
    const std::size_t bytes = random() % 8 == 0 ? 2000 + random() % 6000 : random() % 40;
    const std::string key = key_of(random() % 1000) + std::string(bytes, 'k');
    f.log.put(key, "x");
    model[key] = "x";
  }
  keys wanted;
  for (const auto& [key, value] : model) wanted.push_back(key);
  for (int round = 0; round < 2; ++round) {
    BOOST_TEST((keys_of(f.log.lower_bound("")) == wanted));
    for (std::size_t n = 0; n + 3 < wanted.size(); n += 7) {
      const keys some{wanted[n + 1], wanted[n + 2]};
      BOOST_TEST((keys_of(f.log.range(wanted[n] + '\0', wanted[n + 3])) == some));
    }
    f.reopen_if_it_lasts();
  }
  std::ranges::reverse(wanted);
  BOOST_TEST((keys_of(f.log.lower_bound("").reversed()) == wanted));
}

BOOST_AUTO_TEST_CASE(a_page_of_keys_gains_and_loses_them_as_a_set_does) {
  reader_gate gate;
  order keys_in{gate};
  std::set<std::string> model;
  std::mt19937 random{17};
  for (int step = 0; step < 20'000; ++step) {
    // Filled and emptied in turn, so that stretches of keys go and come back.
    const std::string key = numbered(random() % 700);
    if (random() % 10 < (step / 4000 % 2 == 0 ? 7u : 2u)) {
      keys_in.insert(as_bytes(key));
      model.insert(key);
    } else {
      keys_in.remove(as_bytes(key));
      model.erase(key);
    }
    if (step % 50 != 0) continue;
    const std::string from = numbered(random() % 700);
    const std::size_t most = 1 + random() % 90;
    const bool behind = random() % 2 == 0;
    keys wanted;
    auto at = behind ? model.upper_bound(from) : model.lower_bound(from);
    for (; at != model.end() && wanted.size() < most; ++at) wanted.push_back(*at);
    BOOST_TEST_REQUIRE((keys_listed_by([&](auto& out) {
                          keys_in.next_keys(as_bytes(from), behind, most, out);
                        }) == wanted));
    wanted.clear();
    at = model.lower_bound(from);
    while (at != model.begin() && wanted.size() < most) wanted.push_back(*--at);
    const bytes_view to = as_bytes(from);
    BOOST_TEST_REQUIRE(
        (keys_listed_by([&](auto& out) { keys_in.previous_keys(&to, most, out); }) == wanted));
  }
}

BOOST_AUTO_TEST_CASE(either_keydir_opens_what_the_other_wrote) {
  const temp_dir place;
  {
    kv_store plain{place / "kv"};
    plain.put("b", "2");
    plain.put("a", "1");
  }
  {
    ordered_store ordered{place / "kv"};
    BOOST_TEST((keys_of(ordered.lower_bound("")) == keys{"a", "b"}));
    ordered.put("c", "3");
  }
  BOOST_TEST(kv_store{place / "kv"}.size() == 3);
}

}  // namespace logdb::test
