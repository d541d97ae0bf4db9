// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE key_segments
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <string>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "crash/support/kills.hpp"
#include "crash/support/quick_system.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

// 200 segments of keys that were overwritten and erased: every key is right after a compaction, a
// reopen, and a kill at any moment of a compaction.

namespace {

using logdb::test::child_process;
using logdb::test::pipe_signal;
using logdb::test::temp_dir;

namespace files = std::filesystem;
using model = std::map<std::string, std::string>;
using key_log = logdb::basic_log<logdb::Storage<logdb::BasicDirectory<logdb::test::quick_system>>,
                                 logdb::Durability<logdb::Async>, logdb::Index<logdb::KeyDir>>;

constexpr std::size_t segments = 200;

/// Returns how many kills: 1,000 are the full count.
int kills() { return logdb::test::kills(40, "LOGDB_COMPACTION_KILLS"); }

/// Is a log of 200 segments that was never compacted, and the map that it should be.
struct old_log {
  old_log() {
    options.segment_bytes = 32u << 10;
    options.durability.staging_bytes = 32u << 10;
    options.index.compaction.dead_ratio_max = 2;
    key_log log{path(), options};
    for (std::uint64_t n = 0; log.stats().segments < segments; ++n) step(log, n);
    log.close();
  }

  /// Overwrites, erases, batches.
  void step(key_log& log, std::uint64_t number) {
    const std::string key = "key " + std::to_string(random() % 8'000);
    if (random() % 6 == 0) {
      log.erase(key);
      keys.erase(key);
    } else if (random() % 6 == 0) {
      auto batch = log.begin();
      for (int n = 0; n < 5; ++n) {
        const std::string other = "key " + std::to_string(random() % 8'000);
        keys[other] = std::to_string(number);
        batch.put(other, keys[other]);
      }
      batch.commit();
    } else {
      keys[key] = std::to_string(number) + std::string(random() % 700, 'v');
      log.put(key, keys[key]);
    }
  }

  [[nodiscard]] files::path path() const { return place / "kv"; }
  /// Returns a copy of the log, with which anything may be done.
  [[nodiscard]] files::path copy() {
    const files::path to = place / "copy";
    files::remove_all(to);
    files::copy(path(), to, files::copy_options::recursive);
    return to;
  }

  /// Requires of a log that it has each key and no other.
  void check(const key_log& log) const {
    model found;
    for (const auto& [key, value] : log.entries()) found.emplace(key.text(), value.text());
    BOOST_REQUIRE(found == keys);
    BOOST_REQUIRE(log.size() == keys.size());
    for (const auto& [key, value] : keys) BOOST_REQUIRE(log.get(key)->text() == value);
  }

  temp_dir place;
  key_log::options options;
  std::mt19937_64 random{7};
  model keys;
};

/// Is what the records of a log take, and which part of it no key needs.
struct usage {
  std::uint64_t bytes = 0;
  std::uint64_t dead = 0;

  explicit usage(const key_log& log) {
    for (const auto& each : log.records(log.first_lsn())) {
      const auto found = logdb::format::decode_key_record(each.bytes());
      BOOST_REQUIRE(found.has_value());
      const auto newest = log.get(logdb::as_text(found->key));
      const std::uint64_t taken = logdb::format::frame_bytes(each.size());
      bytes += taken;
      if (!newest || newest->lsn() != each.lsn()) dead += taken;
    }
  }
  [[nodiscard]] double dead_share() const {
    return static_cast<double>(dead) / static_cast<double>(bytes);
  }
};

BOOST_AUTO_TEST_CASE(every_key_is_right_after_compacting_200_segments_and_after_a_reopen) {
  old_log f;
  const files::path at = f.copy();
  std::optional<key_log> log{std::in_place, at, f.options};
  BOOST_TEST(log->stats().segments >= segments);
  f.check(*log);
  BOOST_TEST(usage{*log}.dead_share() > 0.5);
  const auto done = log->compact();
  BOOST_TEST(done.segments_read >= segments - 2);
  f.check(*log);
  BOOST_TEST(log->verify().intact());
  BOOST_TEST(usage{*log}.dead_share() < 0.1);
  log->close();
  log.emplace(at, f.options);
  f.check(*log);
  BOOST_TEST(log->verify().intact());
}

/// Compacts a log in a process that is killed so long after it began; or to the end.
void compact_and_kill(const files::path& at, const key_log::options& options,
                      std::optional<std::chrono::microseconds> after) {
  const pipe_signal begun;
  child_process child{[&] {
    key_log log{at, options};
    if (!begun.announce()) return 1;
    log.compact();
    return 0;
  }};
  BOOST_REQUIRE(begun.wait());
  if (!after) {
    BOOST_REQUIRE(child.wait() == 0);
    return;
  }
  const auto end = std::chrono::steady_clock::now() + *after;
  while (std::chrono::steady_clock::now() < end) {
  }
  child.kill();
}

BOOST_AUTO_TEST_CASE(every_key_is_right_after_a_kill_at_any_moment_of_a_compaction) {
  old_log f;
  const auto start = std::chrono::steady_clock::now();
  compact_and_kill(f.copy(), f.options, std::nullopt);
  const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - start);
  int within = 0;
  for (int round = 0; round < kills(); ++round) {
    const auto after = std::chrono::microseconds{
        static_cast<std::int64_t>(f.random() % static_cast<std::uint64_t>(whole.count()))};
    const files::path at = f.copy();
    compact_and_kill(at, f.options, after);
    key_log log{at, f.options};
    BOOST_TEST(log.recovery().damages.empty());
    f.check(log);
    const auto left = log.compact();
    if (left.segments_read > 2 && left.segments_read < segments - 2) ++within;
    f.check(log);
    BOOST_REQUIRE(log.verify().intact());
    log.close();
  }
  BOOST_TEST_MESSAGE(within << " of " << kills() << " kills left some of it done");
  BOOST_TEST(within > 0);
}

}  // namespace
