// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE interprocess_shared_keys
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "interprocess/support/many_keys.hpp"

// Processes, each with threads, that write and compact one key-value log. Two handles in one
// process are as good as two processes.

namespace logdb::test {

BOOST_AUTO_TEST_SUITE(shared_keys)

BOOST_AUTO_TEST_CASE_TEMPLATE(what_one_puts_the_other_gets_at_once, Log, key_logs) {
  pair_of_logs<Log> both;
  auto& [place, options, first, second] = both;
  for (int n = 0; n < 300; ++n) {
    auto& writer = n % 2 == 0 ? first : second;
    auto& reader = n % 2 == 0 ? second : first;
    const std::string key = key_of(static_cast<std::uint64_t>(n) % 7);
    const lsn at = writer.put(key, n);
    BOOST_TEST_REQUIRE(reader.template get<int>(key).value_or(-1) == n);
    BOOST_TEST_REQUIRE((reader.get(key)->lsn() == at));
    BOOST_TEST_REQUIRE(reader.history(key).size() == static_cast<std::size_t>(n / 7 + 1));
  }
  BOOST_TEST(first.erase(key_of(3)));
  BOOST_TEST(!second.contains(key_of(3)));
  BOOST_TEST(!second.erase(key_of(3)));
  BOOST_TEST(first.size() == 6U);
  BOOST_TEST(second.size() == 6U);
  second.add(key_of(1), "more");
  BOOST_TEST(first.values(key_of(1)).size() == 2U);
  BOOST_TEST((contents(first) == contents(second)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(batches_and_values_of_any_size_come_over_whole, Log, key_logs) {
  pair_of_logs<Log> both;
  auto& [place, options, first, second] = both;
  for (const std::size_t count : {2U, 100U, 3000U}) {
    auto batch = first.begin();
    for (std::size_t n = 0; n < count; ++n) batch.put(key_of(n), std::to_string(count));
    batch.put("count", std::to_string(count));
    batch.commit();
    BOOST_TEST_REQUIRE(second.get("count")->text() == std::to_string(count));
    for (std::size_t n = 0; n < count; ++n) {
      BOOST_TEST_REQUIRE(second.get(key_of(n))->text() == std::to_string(count));
    }
  }
  const std::string large(100'000, 'v');
  second.put("large", large);
  BOOST_TEST((first.get("large")->text() == large));
  BOOST_TEST(first.compare_and_put("large", first.get("large")->lsn(), large + "w").has_value());
  BOOST_TEST(second.get("large")->size() == large.size() + 1);
  BOOST_TEST(!first.compare_and_put("large", lsn{1}, large).has_value());
  BOOST_TEST((contents(first) == contents(second)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_process_that_was_idle_for_long_catches_up, Log, key_logs) {
  pair_of_logs<Log> both;
  auto& [place, options, first, second] = both;
  for (std::uint64_t n = 0; n < 200; ++n) first.put(key_of(n), "old");
  BOOST_TEST(second.size() == 200U);
  for (std::uint64_t n = 0; n < 3000; ++n) first.put(key_of(n % 100), std::to_string(n));
  for (std::uint64_t n = 100; n < 200; ++n) first.erase(key_of(n));
  first.sync();
  // Tombstones and what they erased are gone before the other one hears of them.
  const auto done = first.compact();
  BOOST_TEST(done.records_kept == 100U);
  BOOST_TEST(!second.contains(key_of(150)));
  BOOST_TEST(second.get(key_of(99))->text() == "2999");
  BOOST_TEST((contents(first) == contents(second)));
  BOOST_TEST(second.size() == 100U);
  second.put(key_of(150), "again");
  BOOST_TEST(first.get(key_of(150))->text() == "again");
  BOOST_TEST(second.verify().intact());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_erase_that_another_process_compacts_ends_what_this_one_compacted,
                              Log, key_logs) {
  const temp_dir place;
  Log first{place / "kv", eager_keys<Log>()};
  Log second{place / "kv", small_keys<Log>()};
  first.put("erased", "v");
  // Fills two segments, the first of which is then compacted in the background. After that this
  // process hears of nothing before it is asked, unless it waits for a second.
  for (std::uint64_t n = 0; n < 120; ++n) {
    first.put(key_of(n % 3), std::string(200, 'v'));
    if (n == 60) first.sync();
  }
  while (first.compacted().segments_written == 0) std::this_thread::yield();
  BOOST_TEST(second.erase("erased"));
  second.compact();
  BOOST_TEST(second.history("erased").empty());
  BOOST_TEST(!first.contains("erased"));
  BOOST_TEST(!first.erase("erased"));
  BOOST_TEST(first.size() == 3U);
  BOOST_TEST((contents(first) == contents(second)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(random_operations_of_two_agree_with_a_map, Log, key_logs) {
  pair_of_logs<Log> both{};
  auto& [place, options, first, second] = both;
  std::map<std::string, std::string> model;
  std::mt19937 random{1};
  for (int step = 0; step < 6000; ++step) {
    auto& log = random() % 2 == 0 ? first : second;
    const std::string key = key_of(random() % 100);
    const std::string value = std::to_string(step) + std::string(random() % 200, 'v');
    switch (random() % 16) {
      case 0:
      case 1:
      case 2: BOOST_TEST_REQUIRE(log.erase(key) == (model.erase(key) != 0)); continue;
      case 3: {
        auto batch = log.begin();
        for (int n = 0; n < 5; ++n) {
          const std::string other = key_of(random() % 100);
          batch.put(other, value);
          model[other] = value;
        }
        batch.commit();
        continue;
      }
      case 4: {
        const auto found = log.get(key);
        BOOST_TEST_REQUIRE(found.has_value() == model.contains(key));
        const auto put = log.compare_and_put(key, found ? found->lsn() : lsn{}, value);
        BOOST_TEST_REQUIRE(put.has_value());
        break;
      }
      default: log.put(key, value);
    }
    model[key] = value;
    if (step % 300 == 0) log.compact();
    if (step % 50 != 0) continue;
    BOOST_TEST_REQUIRE((contents(first) == model));
    BOOST_TEST_REQUIRE((contents(second) == model));
    BOOST_TEST_REQUIRE(first.size() == model.size());
    BOOST_TEST_REQUIRE(second.size() == model.size());
  }
  BOOST_TEST(first.verify().intact());
  first.close();
  BOOST_TEST((contents(second) == model));
  second.close();
  BOOST_TEST((contents(Log{place / "kv", options}) == model));
}

/// Adds one to a counter so many times, whatever others do to it.
template <class Log>
void count_up(Log& log, const std::string& key, int times) {
  while (times > 0) {
    const auto found = log.get(key);
    const int now = found ? codec<int>::decode(found->bytes()).value() : 0;
    if (log.compare_and_put(key, found ? found->lsn() : lsn{}, now + 1)) --times;
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(counters_that_all_count_up_lose_no_count, Log, key_logs) {
  const temp_dir place;
  constexpr int times = 300;
  crew all{3, [&](std::uint32_t) {
             Log log{place / "kv", eager_keys<Log>()};
             on_threads(2, [&](std::uint32_t thread) {
               count_up(log, "one for all", times);
               count_up(log, key_of(thread), times);
             });
             log.close();
           }};
  BOOST_TEST(all.finish() == 3U);
  Log log{place / "kv", small_keys<Log>()};
  BOOST_TEST(log.template get<int>("one for all").value() == 6 * times);
  BOOST_TEST(log.template get<int>(key_of(0)).value() == 3 * times);
  BOOST_TEST(log.template get<int>(key_of(1)).value() == 3 * times);
  BOOST_TEST(log.verify().intact());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(threads_of_two_handles_write_read_and_compact_at_once, Log,
                              key_logs) {
  pair_of_logs<Log> both{eager_keys<Log>()};
  constexpr int times = 200;
  std::atomic<int> wrong = 0;
  on_threads(6, [&](std::uint32_t thread) {
    Log& log = thread % 2 == 0 ? both.first : both.second;
    if (thread < 4) {
      count_up(log, "one for all", times);
      for (int n = 0; n < times; ++n) {
        auto batch = log.begin();
        batch.put("left " + key_of(thread), n);
        batch.put("right " + key_of(thread), n);
        batch.commit();
      }
      return;
    }
    for (int n = 0; n < 20; ++n) {
      const auto now = log.snapshot();
      for (std::uint64_t each = 0; each < 4; ++each) {
        const auto left = now.template get<int>("left " + key_of(each));
        if (left != now.template get<int>("right " + key_of(each))) wrong.fetch_add(1);
      }
      log.compact();
    }
  });
  BOOST_TEST(wrong.load() == 0);
  BOOST_TEST(both.first.template get<int>("one for all").value() == 4 * times);
  BOOST_TEST((contents(both.first) == contents(both.second)));
  BOOST_TEST(both.first.size() == 9U);
  BOOST_TEST(both.second.verify().intact());
}

/// Moves amounts between the two accounts of a writer.
template <class Log>
void transfer(Log& log, std::uint32_t writer, int times) {
  const std::string from = "from " + std::to_string(writer);
  const std::string to = "to " + std::to_string(writer);
  for (int n = 1; n <= times; ++n) {
    auto unit = log.begin();
    unit.put(from, 1000 - n);
    unit.put(to, n);
    unit.commit();
  }
}

/// Tells whether all accounts add up in one view of the log.
template <class View>
bool adds_up(const View& view, std::uint32_t writers) {
  for (std::uint32_t writer = 0; writer < writers; ++writer) {
    const auto from = view.template get<int>("from " + std::to_string(writer));
    const auto to = view.template get<int>("to " + std::to_string(writer));
    if (from.has_value() != to.has_value()) return false;
    if (from && *from + *to != 1000) return false;
  }
  return true;
}

BOOST_AUTO_TEST_CASE_TEMPLATE(every_reader_sees_transfers_whole, Log, key_logs) {
  const temp_dir place;
  constexpr int times = 400;
  crew all{2, [&](std::uint32_t process) {
             Log log{place / "kv", eager_keys<Log>()};
             on_threads(3, [&](std::uint32_t thread) {
               if (thread != 2) return transfer(log, 2 * process + thread, times);
               for (int n = 0; n < times / 4; ++n) {
                 if (!adds_up(log.snapshot(), 4)) throw std::runtime_error{"half a transfer"};
               }
             });
             log.close();
           }};
  Log looker{place / "kv", eager_keys<Log>()};
  int looks = 0;
  for (bool done = false; !done; ++looks) {
    BOOST_TEST_REQUIRE(adds_up(looker.snapshot(), 4));
    done = true;
    for (std::uint32_t writer = 0; writer < 4; ++writer) {
      done &= looker.template get<int>("to " + std::to_string(writer)).value_or(0) == times;
    }
  }
  BOOST_TEST(all.finish() == 2U);
  BOOST_TEST(looks > 0);
  BOOST_TEST(looker.verify().intact());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(who_reads_while_another_compacts_misses_nothing, Log, key_logs) {
  const temp_dir place;
  constexpr std::uint64_t keys = 200;
  const pipe_signal go;
  child_process writer{[&] {  // before this process has threads
    if (!go.wait()) return 1;
    Log log{place / "kv", small_keys<Log>()};
    for (int round = 1; round <= 15; ++round) {
      for (std::uint64_t n = 0; n < keys; ++n) log.put(key_of(n), round);
      log.put("round", round);
      log.compact();
    }
    log.close();
    return 0;
  }};
  Log reader{place / "kv", small_keys<Log>()};
  for (std::uint64_t n = 0; n < keys; ++n) reader.put(key_of(n), 0);
  BOOST_TEST(go.announce());
  std::atomic<int> wrong = 0;
  on_threads(2, [&](std::uint32_t thread) {
    std::mt19937_64 random{thread};
    std::vector<int> last(keys, 0);
    while (reader.template get<int>("round").value_or(0) < 15) {
      const std::uint64_t n = random() % keys;
      const int now = reader.template get<int>(key_of(n)).value_or(-1);
      if (now < last[n]) wrong.fetch_add(1);
      last[n] = now;
    }
  });
  BOOST_TEST(wrong.load() == 0);
  BOOST_TEST(writer.wait() == 0);
  BOOST_TEST(contents(reader).size() == keys + 1);
  BOOST_TEST(reader.verify().intact());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_snapshot_in_one_process_outlives_compaction_in_another, Log,
                              key_logs) {
  pair_of_logs<Log> both;
  auto& [place, options, first, second] = both;
  for (std::uint64_t n = 0; n < 300; ++n) first.put(key_of(n), "then");
  auto then = second.snapshot();
  for (int round = 0; round < 5; ++round) {
    for (std::uint64_t n = 0; n < 300; ++n) {
      if (n % 3 == 0) {
        first.erase(key_of(n));
      } else {
        first.put(key_of(n), std::to_string(round));
      }
    }
    first.compact();
  }
  for (std::uint64_t n = 0; n < 300; ++n) {
    BOOST_TEST_REQUIRE(then.contains(key_of(n)));
    BOOST_TEST_REQUIRE(then.get(key_of(n))->text() == "then");
  }
  std::size_t seen = 0;
  then.for_each([&](const auto&, const auto& value) { seen += value.text() == "then" ? 1 : 0; });
  BOOST_TEST(seen == 300U);
  then = {};
  first.put("one", "more");
  BOOST_TEST(first.compact().records_kept <= 202U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
