// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE unit_index_keydir_compaction
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

// Compaction loses nothing, keeps lsns, and leaves no more on disk than is needed.
#include "unit/index/key_logs.hpp"
#include "unit/index/keys/suite.hpp"

namespace logdb::test {

/// Writes some keys again and again, and erases some; returns what is left.
template <class Log>
std::map<std::string, std::string> churn(Log& log, int steps, std::uint32_t seed = 1) {
  std::map<std::string, std::string> model;
  for (const auto& [key, value] : log.entries()) model.emplace(key.text(), value.text());
  std::mt19937 random{seed};
  for (int step = 0; step < steps; ++step) {
    const std::string key = key_of(random() % 200);
    if (random() % 5 == 0) {
      log.erase(key);
      model.erase(key);
    } else if (random() % 5 == 0) {
      auto batch = log.begin();
      for (int n = 0; n < 4; ++n) {
        const std::string other = key_of(random() % 200);
        const std::string value = numbered(random());
        batch.put(other, value);
        model[other] = value;
      }
      batch.commit();
    } else {
      const std::string value = numbered(random()) + std::string(random() % 300, 'v');
      log.put(key, value);
      model[key] = value;
    }
  }
  return model;
}

int steps_on(const key_kind& kind) { return 4000 / kind.share; }

LOGDB_EACH_KEY_LOG(a_compacted_log_has_every_value_with_its_lsn) {
  fresh_keys f{kind};
  auto model = churn(f.log, steps_on(kind));
  std::map<std::string, lsn> lsns;
  for (const auto& [key, value] : f.log.entries()) lsns[std::string{key.text()}] = value.lsn();
  const auto segments = f.log.stats().segments;
  const auto done = f.log.compact();
  BOOST_TEST(done.segments_read > 0);
  BOOST_TEST(f.log.stats().segments < segments);
  for (int round = 0; round < 3; ++round) {
    BOOST_TEST((contents(f.log) == model));
    BOOST_TEST(f.log.size() == model.size());
    for (const auto& [key, at] : lsns) BOOST_TEST_REQUIRE((f.log.get(key)->lsn() == at));
    BOOST_TEST(f.log.verify().intact());
    f.reopen_if_it_lasts();
    if (round == 1) BOOST_TEST(f.log.compact().records_kept <= model.size());
  }
}

LOGDB_EACH_KEY_LOG(writes_compactions_and_reopens_in_turn_agree_with_a_map) {
  fresh_keys f{kind};
  for (std::uint32_t round = 0; round < 8; ++round) {
    const auto model = churn(f.log, steps_on(kind) / 4, round);
    BOOST_TEST((contents(f.log) == model));
    f.log.compact();
    BOOST_TEST((contents(f.log) == model));
    if (round % 2 == 1) f.reopen_if_it_lasts();
    BOOST_TEST((contents(f.log) == model));
  }
  BOOST_TEST(f.log.verify().intact());
}

LOGDB_EACH_KEY_LOG(an_erased_key_does_not_come_back_and_its_tombstone_goes) {
  fresh_keys f{kind};
  for (std::uint64_t n = 0; n < 500; ++n) f.log.put(key_of(n), std::string(100, 'v'));
  for (std::uint64_t n = 0; n < 500; ++n) f.log.erase(key_of(n));
  f.log.put("last", "one");
  f.reopen_if_it_lasts();
  f.log.compact();
  BOOST_TEST(f.log.size() == 1);
  std::size_t records = 0;
  for ([[maybe_unused]] const auto& each : f.log.records(f.log.first_lsn())) ++records;
  BOOST_TEST(records == 1);
  f.reopen_if_it_lasts();
  BOOST_TEST(f.log.size() == 1);
  BOOST_TEST(!f.log.contains(key_of(3)));
  BOOST_TEST(f.log.memory_bytes() < 300'000);
}

LOGDB_EACH_KEY_LOG(a_tombstone_stays_while_an_older_segment_has_the_key) {
  auto options = compacted_by_hand();
  options.dead_ratio_max = 2;
  fresh_keys f{kind, options};
  const auto keep = f.log.snapshot();  // so that nothing may be dropped yet
  for (std::uint64_t n = 0; n < 300; ++n) f.log.put(key_of(n), std::string(100, 'v'));
  for (std::uint64_t n = 0; n < 300; n += 3) f.log.erase(key_of(n));
  f.log.compact();
  f.reopen_if_it_lasts();
  BOOST_TEST(f.log.size() == 200);
  for (std::uint64_t n = 0; n < 300; ++n) BOOST_TEST(f.log.contains(key_of(n)) == (n % 3 != 0));
}

BOOST_AUTO_TEST_CASE(a_tombstone_stays_while_a_segment_that_is_not_compacted_has_the_key) {
  small_log<kv_store> f{small_options<kv_store>()};
  const auto write_hot = [&f] { f.log.put("hot", std::string(1000, 'h')); };
  f.log.put("erased", "x");
  std::uint64_t keys = 0;
  while (f.log.stats().segments < 4) f.log.put(key_of(keys++), std::string(100, 'v'));
  // The tombstone among records that are all replaced: its segment goes, the first one stays.
  for (int n = 0; n < 200; ++n) write_hot();
  f.log.erase("erased");
  const auto before = f.log.compacted().segments_read;
  for (int n = 0; f.log.compacted().segments_read < before + 16; ++n) {
    write_hot();
    if (n % 100 == 99) std::this_thread::yield();
  }
  BOOST_TEST(!f.log.contains("erased"));
  f.reopen();
  BOOST_TEST(!f.log.contains("erased"));
  BOOST_TEST(f.log.size() == keys + 1);
}

LOGDB_EACH_KEY_LOG(what_a_snapshot_sees_outlives_compaction) {
  fresh_keys f{kind};
  churn(f.log, steps_on(kind) / 4);
  const auto before = contents(f.log);
  const auto pinned = f.log.snapshot();
  churn(f.log, steps_on(kind) / 4, 2);
  f.log.compact();
  churn(f.log, steps_on(kind) / 4, 3);
  f.log.compact();
  std::map<std::string, std::string> seen;
  pinned.for_each([&](const auto& key, const auto& value) {
    seen.emplace(std::string{key.text()}, std::string{value.text()});
  });
  BOOST_TEST((seen == before));
}

LOGDB_EACH_KEY_LOG(values_that_were_added_outlive_compaction) {
  fresh_keys f{kind};
  for (int n = 0; n < 60; ++n) {
    f.log.add("many", numbered(static_cast<std::uint64_t>(n)));
    f.log.put("fill", std::string(2000, 'f'));
  }
  f.log.compact();
  for (int round = 0; round < 2; ++round) {
    const auto values = f.log.values("many");
    BOOST_TEST_REQUIRE(values.size() == 60);
    BOOST_TEST(values.front().text() == numbered(0));
    BOOST_TEST(values.back().text() == numbered(59));
    f.reopen_if_it_lasts();
  }
  f.log.put("many", "one");
  f.log.compact();
  BOOST_TEST(f.log.values("many").size() == 1);
}

LOGDB_EACH_KEY_LOG(values_that_were_added_before_an_open_outlive_compaction) {
  fresh_keys f{kind};
  for (int n = 0; n < 60; ++n) {
    f.log.add("many", numbered(static_cast<std::uint64_t>(n)));
    f.log.put("fill", std::string(2000, 'f'));
  }
  f.reopen_if_it_lasts();
  f.log.compact();
  BOOST_TEST(f.log.values("many").size() == 60);
  f.log.erase("many");
  f.log.add("many", "anew");
  f.log.compact();
  BOOST_TEST(f.log.values("many").size() == 1);
}

LOGDB_EACH_KEY_LOG(a_scan_passes_the_gaps_that_compaction_leaves) {
  fresh_keys f{kind};
  churn(f.log, steps_on(kind));
  f.log.compact();
  f.log.put("after", "x");
  std::vector<lsn> lsns;
  for (const auto& each : f.log.records(f.log.first_lsn())) lsns.push_back(each.lsn());
  BOOST_TEST(std::ranges::is_sorted(lsns));
  BOOST_TEST((lsns.back() == f.log.last_lsn()));
  BOOST_TEST(lsns.size() < f.log.last_lsn().value());
  const auto middle = lsns[lsns.size() / 2];
  BOOST_TEST(((*f.log.records(middle).begin()).lsn() == middle));
  BOOST_TEST(((*f.log.records(lsns[3] + 1).begin()).lsn() == lsns[4]));
  BOOST_TEST((f.log.records(lsns[3] + 1, lsns[4]).begin() == std::default_sentinel));
  lsn gap = lsns[0];
  while (std::ranges::binary_search(lsns, gap)) ++gap;
  const auto now = f.log.snapshot();
  if (gap < f.log.last_lsn()) {
    BOOST_TEST(throws(errc::not_found, [&] { (void)now.read(gap); }));
  }
}

LOGDB_EACH_KEY_LOG(a_tail_and_a_cursor_go_on_over_a_compaction) {
  fresh_keys f{kind};
  std::stop_source stop;
  auto tail = f.log.tail(lsn{1}, stop.get_token());
  f.log.put("first", "x");
  auto at = tail.begin();
  BOOST_TEST((at->lsn() == lsn{1}));
  churn(f.log, steps_on(kind) / 2);
  f.log.cursor("mailer").acknowledge(f.log.last_lsn());
  const lsn acknowledged = f.log.last_lsn();
  f.log.compact();
  f.log.put("last", "y");
  stop.request_stop();
  lsn seen = at->lsn();
  for (++at; at != tail.end(); ++at) {
    BOOST_TEST_REQUIRE((at->lsn() > seen));
    seen = at->lsn();
  }
  BOOST_TEST((seen == f.log.last_lsn()));
  f.reopen_if_it_lasts();
  BOOST_TEST((f.log.cursor("mailer").next() == acknowledged + 1));
}

LOGDB_EACH_KEY_LOG(expired_values_leave_disk_and_memory) {
  fresh_keys f{kind};
  f.log.put(key_of(7), "once without end");
  for (std::uint64_t n = 0; n < 400; ++n) {
    f.log.put(key_of(n), std::string(100, 'v'), std::chrono::nanoseconds{1});
  }
  f.log.put("kept", "x", std::chrono::hours{1});
  BOOST_TEST(f.log.size() == 401);
  f.log.compact();
  BOOST_TEST(f.log.size() == 1);
  f.reopen_if_it_lasts();
  BOOST_TEST(!f.log.contains(key_of(7)));
  BOOST_TEST(contents(f.log).size() == 1);
}

LOGDB_EACH_KEY_LOG(writers_and_readers_go_on_while_it_compacts) {
  key_options options;
  options.dead_ratio_max = 0.2;
  fresh_keys f{kind, options};
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  const int rounds = 6000 / kind.share / kind.share;
  const auto write = [&](std::uint64_t mine) {
    for (int n = 0; n < rounds; ++n) {
      const std::string key = key_of(mine * 1000 + static_cast<std::uint64_t>(n) % 20);
      f.log.put(key, numbered(static_cast<std::uint64_t>(n)) + std::string(100, 'x'));
      const auto found = f.log.get(key);
      if (!found || !found->text().starts_with(numbered(static_cast<std::uint64_t>(n)))) {
        wrong.fetch_add(1);
      }
    }
  };
  std::thread reader{[&] {
    while (!done.load()) {
      for (std::uint64_t n = 0; n < 20; ++n) (void)f.log.get(key_of(1000 + n));
    }
  }};
  std::thread second{write, 2};
  write(1);
  second.join();
  for (int n = 0; n < 3; ++n) f.log.compact();
  done.store(true);
  reader.join();
  BOOST_TEST(wrong.load() == 0);
  BOOST_TEST(f.log.size() == 40);
  BOOST_TEST(f.log.compacted().segments_read > 0);
  BOOST_TEST(f.log.verify().intact());
  f.reopen_if_it_lasts();
  BOOST_TEST(f.log.size() == 40);
}

BOOST_AUTO_TEST_CASE(the_disk_holds_little_more_than_what_lives) {
  auto options = by_hand<kv_store>();
  options.segment_bytes = 1u << 20;
  small_log<kv_store> f{options};
  for (int round = 0; round < 10; ++round) {
    for (std::uint64_t n = 0; n < 5000; ++n) f.log.put(key_of(n), std::string(100, 'v'));
  }
  f.log.compact();
  std::uint64_t live = 0;
  std::uint64_t bytes = 0;
  for (const auto& each : f.log.records(f.log.first_lsn())) live += each.size() + 24;
  const auto done = f.log.compacted();
  bytes = done.bytes_written;
  BOOST_TEST(bytes < live + live / 10);
  BOOST_TEST(f.log.size() == 5000);
  // Nor do the files: besides their records they have a hint of each key, and some entries.
  std::uint64_t files = 0;
  for (const auto& each : std::filesystem::directory_iterator{f.path}) {
    // The active one, and the one made ready, have all their room.
    const bool is_compacted = each.file_size() != options.segment_bytes;
    if (each.path().extension() == ".seg" && is_compacted) files += each.file_size();
  }
  BOOST_TEST(files <= bytes + 16 * 5000 + 2048 * done.segments_written);
}

BOOST_AUTO_TEST_CASE(damage_stops_a_compaction_and_everything_is_kept) {
  const temp_dir place;
  const auto options = by_hand<kv_store>();
  {
    kv_store log{place / "kv", options};
    churn(log, 2000);
    log.close();
  }
  // In a record of the oldest segment, which is sealed.
  const auto first = place / "kv" / "0000000000000001.seg";
  {
    std::fstream file{first, std::ios::in | std::ios::out | std::ios::binary};
    file.seekp(4096 + 200);
    file.put('!');
  }
  std::vector<std::filesystem::path> before;
  {
    kv_store log{place / "kv", options};
    BOOST_TEST(throws(errc::corrupt, [&] { log.compact(); }));
    BOOST_TEST(std::filesystem::exists(first));
    log.put("still", "writable");
    BOOST_TEST(log.get("still")->text() == "writable");
    log.close();
  }
  BOOST_TEST(std::filesystem::exists(first));
}

BOOST_AUTO_TEST_CASE(a_close_waits_for_a_compaction_by_hand) {
  for (int round = 0; round < 5; ++round) {
    small_log<kv_store> f{by_hand<kv_store>()};
    const auto model = churn(f.log, 1500);
    std::atomic<bool> begun = false;
    std::thread compacting{[&] {
      try {
        for (;;) {
          begun.store(true);
          f.log.compact();
          f.log.put("k", "v");
          f.log.erase("k");
        }
      } catch (const error& closed) {
        BOOST_TEST((closed.condition() == errc::closed));
      }
    }};
    while (!begun.load()) std::this_thread::yield();
    f.log.close();
    compacting.join();
    kv_store again{f.path, f.options};
    auto left = contents(again);
    left.erase("k");
    BOOST_TEST((left == model));
    BOOST_TEST(again.verify().intact());
  }
}

BOOST_AUTO_TEST_CASE(progress_is_reported_and_a_close_stops_a_throttled_compaction) {
  auto options = small_options<kv_store>();
  std::atomic<int> reports = 0;
  options.index.compaction.bytes_per_second = 1;
  options.index.compaction.dead_ratio_max = 0.1;
  options.index.compaction.on_progress = [&](const compaction_report&) { reports.fetch_add(1); };
  small_log<kv_store> f{options};
  const auto model = churn(f.log, 3000);
  f.log.close();  // at a byte a second it would not end
  f.options.index.compaction.bytes_per_second = compaction_options::unlimited;
  f.log = kv_store{f.path, f.options};
  BOOST_TEST((contents(f.log) == model));
  f.log.compact();
  BOOST_TEST((contents(f.log) == model));
  BOOST_TEST(reports.load() > 0);
}

}  // namespace logdb::test
