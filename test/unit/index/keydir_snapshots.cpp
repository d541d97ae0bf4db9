// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE unit_index_keydir_snapshots
#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

// A snapshot gives the same answer whenever it is asked, whatever happens: writes, expiry,
// eviction, compaction.
#include "unit/index/set_clock.hpp"

namespace logdb::test {

using namespace std::chrono_literals;

using set_clock_logs =
    boost::mp11::mp_list<on_set_clock<kv_store>, on_set_clock<ordered_kv>,
                         on_set_clock<kv_store::with<Durability<Fsync>>>, on_set_clock<shared_kv>>;

/// Is what a log should hold: of each key its values, each with when it ends.
struct model {
  struct one {
    std::string value{};
    timestamp ends{};
  };
  std::map<std::string, std::vector<one>> keys{};

  /// Returns the values of a key at a moment.
  [[nodiscard]] std::vector<std::string> values(const std::string& key, timestamp now) const {
    std::vector<std::string> living;
    const auto found = keys.find(key);
    if (found == keys.end()) return living;
    for (const one& each : found->second) {
      if (each.ends > now) living.push_back(each.value);
    }
    return living;
  }
};

/// Is a log and a model that the same is done to, at random, and snapshots with what they showed.
template <class Log>
struct random_trial {
  static constexpr std::uint64_t key_count = 40;

  random_trial(std::uint32_t seed, const typename Log::options& chosen)
      : f{chosen}, random{seed}, evicts{chosen.index.memory_bytes_max < (1u << 30)} {}

  std::string draw_key() { return key_of(random() % key_count); }
  timestamp now() const { return ahead_system::now(); }

  void step() {
    switch (random() % 16) {
      case 0: ahead_system::ahead += 1h; break;
      case 1: f.log.compact(); break;
      case 2: look(); break;
      case 3:
        if (!views.empty()) views.erase(views.begin() + static_cast<long>(random() % views.size()));
        break;
      case 4: fill(); break;
      case 5: write_batch(); break;
      default: write(f.log, draw_key());
    }
    check_key(draw_key());
    if (!views.empty()) check_key(views[random() % views.size()]);
  }

  /// Writes one key: a put, an add or an erase, some of them with an end.
  template <class Target>
  void write(Target& to, const std::string& key) {
    const std::string value = numbered(++written) + std::string(random() % 300, 'v');
    std::optional<std::chrono::minutes> ttl;
    // Never a whole number of hours: what ends as time is moved on would end before or after.
    const auto hours = static_cast<int>(random() % 6);
    if (random() % 2 == 0) ttl = std::chrono::minutes{hours == 0 ? 0 : 60 * hours - 30};
    const timestamp ends = ttl ? now() + *ttl : timestamp::max();
    auto& values = should.keys[key];
    const auto kind = random() % 8;
    if (kind < 3) {
      values = {{value, ends}};
      ttl ? to.put(key, value, *ttl) : to.put(key, value);
    } else if (kind < 6) {
      values.push_back({value, ends});
      ttl ? to.add(key, value, *ttl) : to.add(key, value);
    } else {
      values.clear();
      to.erase(key);
    }
  }

  void write_batch() {
    auto batch = f.log.begin();
    for (int n = 0; n < 4; ++n) write(batch, draw_key());
    batch.commit();
  }

  /// Brings other keys than those that are looked at: they press them out of a cache.
  void fill() {
    if (!evicts) return void(f.log.put("fill", std::string(1000, 'f')));
    auto batch = f.log.begin();
    for (int n = 0; n < 1'000; ++n) batch.put("fill" + numbered(++written), "x");
    batch.commit();
  }

  /// Is a snapshot, with what it showed when it was taken.
  struct view {
    typename Log::snapshot_type taken;
    std::map<std::string, std::string> seen{};
  };

  void look() {
    view fresh{f.log.snapshot()};
    fresh.seen = shown(fresh.taken);
    for (std::uint64_t n = 0; n < key_count; ++n) {
      const auto live = f.log.get(key_of(n));
      const auto found = fresh.seen.find(key_of(n));
      BOOST_TEST_REQUIRE(live.has_value() == (found != fresh.seen.end()));
      if (live) BOOST_TEST_REQUIRE(live->text() == found->second);
    }
    views.push_back(std::move(fresh));
    if (views.size() > (evicts ? 2 : 4)) views.erase(views.begin());
  }

  static std::map<std::string, std::string> shown(const auto& snapshot) {
    std::map<std::string, std::string> found;
    snapshot.for_each([&](const auto& key, const auto& value) {
      if (!key.text().starts_with("fill")) found.emplace(key.text(), value.text());
    });
    return found;
  }

  void check(const view& held) {
    BOOST_TEST_REQUIRE((shown(held.taken) == held.seen));
    for (int n = 0; n < 20; ++n) check_key(held);
  }
  void check_key(const view& held) {
    const std::string key = draw_key();
    const auto value = held.taken.get(key);
    const auto found = held.seen.find(key);
    BOOST_TEST_REQUIRE(value.has_value() == (found != held.seen.end()));
    if (value) BOOST_TEST_REQUIRE(value->text() == found->second);
  }

  /// Compares a key with the model, and the verbs with one another.
  void check_key(const std::string& key) {
    const auto value = f.log.get(key);
    std::vector<std::string> values;
    for (const auto& each : f.log.values(key)) values.emplace_back(each.text());
    BOOST_TEST_REQUIRE(f.log.contains(key) == value.has_value());
    BOOST_TEST_REQUIRE(values.empty() == !value.has_value());
    if (value) BOOST_TEST_REQUIRE(value->text() == values.back());
    if (!evicts) BOOST_TEST_REQUIRE((values == should.values(key, now())));
  }

  void check_all() {
    for (std::uint64_t n = 0; n < key_count; ++n) check_key(key_of(n));
    for (const view& each : views) check(each);
    std::map<std::string, std::string> entries = contents(f.log);
    std::erase_if(entries, [](const auto& each) { return each.first.starts_with("fill"); });
    std::map<std::string, std::string> got;
    for (std::uint64_t n = 0; n < key_count; ++n) {
      if (const auto value = f.log.get(key_of(n))) got.emplace(key_of(n), value->text());
    }
    BOOST_TEST_REQUIRE((entries == got));
  }

  small_log<Log> f;
  std::mt19937 random;
  bool evicts;
  model should;
  std::uint64_t written = 0;
  std::vector<view> views;
};

template <class Log>
void run_trial(std::uint32_t seed, const typename Log::options& chosen, int steps) {
  BOOST_TEST_CONTEXT("seed " << seed) {
    random_trial<Log> trial{seed, chosen};
    for (int round = 0; round < 3; ++round) {
      for (int n = 0; n < steps / share<Log>; ++n) {
        trial.step();
        if (n % 100 == 99) trial.check_all();
      }
      trial.check_all();
      trial.views.clear();
      trial.f.reopen();
    }
    trial.f.log.compact();
    trial.check_all();
    BOOST_TEST(trial.f.log.verify().intact());
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(snapshots_stay_and_all_verbs_agree_whatever_happens, Log,
                              set_clock_logs) {
  for (std::uint32_t seed = 1; seed <= 2; ++seed) {
    auto chosen = by_hand<Log>();
    if (seed % 2 == 0) chosen.index.compaction.dead_ratio_max = 0.2;
    run_trial<Log>(seed, chosen, 300);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(snapshots_of_a_cache_stay_while_it_evicts, Log, set_clock_logs) {
  auto chosen = by_hand<Log>();
  chosen.index.memory_bytes_max = 64u << 10;
  chosen.index.compaction.dead_ratio_max = 0.2;
  run_trial<Log>(11, chosen, 40);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_snapshot_keeps_what_expires_after_it, Log, set_clock_logs) {
  small_log<Log> f{by_hand<Log>()};
  f.log.put("ends", "one", 1h);
  f.log.add("added", "one", 1h);
  f.log.put("stays", "two");
  auto then = std::optional{f.log.snapshot()};
  ahead_system::ahead += 2h;
  f.log.compact();
  BOOST_TEST(!f.log.contains("ends"));
  BOOST_TEST(then->get("ends")->text() == "one");
  BOOST_TEST(then->get("added")->text() == "one");
  std::size_t keys = 0;
  then->for_each([&keys](const auto&, const auto&) { ++keys; });
  BOOST_TEST(keys == 3);
  then.reset();
  f.log.compact();
  BOOST_TEST(f.log.size() == 1);  // and costs nothing when it is gone
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_value_before_the_last_one_is_left_when_that_expires, Log,
                              set_clock_logs) {
  small_log<Log> f{by_hand<Log>()};
  const lsn first = f.log.put("k", "a");
  f.log.add("k", "b", 1h);
  const auto both = f.log.snapshot();
  ahead_system::ahead += 2h;
  for (int round = 0; round < 2; ++round) {
    BOOST_TEST(f.log.get("k")->text() == "a");
    BOOST_TEST(f.log.contains("k"));
    BOOST_TEST(f.log.values("k").size() == 1);
    BOOST_TEST((contents(f.log) == std::map<std::string, std::string>{{"k", "a"}}));
    BOOST_TEST(f.log.snapshot().get("k")->text() == "a");
    BOOST_TEST(!f.log.compare_and_put("k", lsn{}, "no"));
    f.log.compact();
  }
  BOOST_TEST(both.get("k")->text() == "b");
  BOOST_TEST(f.log.compare_and_put("k", first, "c").has_value());
  f.log.add("k", "d", 1h);
  ahead_system::ahead += 2h;
  BOOST_TEST(f.log.erase("k"));
  BOOST_TEST(f.log.values("k").empty());
  BOOST_TEST(!f.log.erase("k"));
}

BOOST_AUTO_TEST_CASE(an_ordered_walk_gives_the_value_that_is_left) {
  using log_type = on_set_clock<ordered_kv>;
  small_log<log_type> f{by_hand<log_type>()};
  f.log.put("a", "1");
  f.log.put("b", "1");
  f.log.add("b", "2", 1h);
  f.log.put("c", "1", 1h);
  ahead_system::ahead += 2h;
  std::string found;
  for (const auto& [key, value] : f.log.lower_bound("")) {
    found += std::string{key.text()} + std::string{value.text()} + " ";
  }
  BOOST_TEST(found == "a1 b1 ");
}

}  // namespace logdb::test
