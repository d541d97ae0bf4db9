// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE unit_index_keydir_bounds
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

// What compaction and eviction count is what they can free: bounds of disk and memory, as figures.
#include "unit/index/set_clock.hpp"

namespace logdb::test {

using namespace std::chrono_literals;

using set_kv = on_set_clock<kv_store>;
using set_ordered_kv = on_set_clock<ordered_kv>;

constexpr std::uint64_t mib = 1u << 20;
constexpr std::uint64_t kib = 1u << 10;
// What the table of a keydir takes without a key: docs/keyvalue.md
constexpr std::uint64_t table_bytes = 320 * kib;

template <class Log>
typename Log::options small_segments(double dead_ratio_max) {
  typename Log::options chosen;
  chosen.segment_bytes = mib / 4;
  chosen.durability.staging_bytes = mib / 4;
  chosen.index.compaction.dead_ratio_max = dead_ratio_max;
  return chosen;
}

/// Returns what is sealed on disk: not the active segment, nor the one made ready, which have all
/// their room.
template <class Fixture>
std::uint64_t sealed_bytes(const Fixture& f) {
  std::uint64_t bytes = 0;
  for (const auto& each : std::filesystem::directory_iterator{f.path}) {
    std::error_code gone;  // compaction goes on
    const std::uint64_t size = std::filesystem::file_size(each.path(), gone);
    if (!gone && each.path().extension() == ".seg" && size != f.options.segment_bytes)
      bytes += size;
  }
  return bytes;
}

/// Waits until something holds that work in the background brings about; false: it never does.
template <class Holds>
bool comes_to_hold(Holds holds) {
  const auto end = std::chrono::steady_clock::now() + 2min;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

template <class Log>
void put_many(Log& log, std::uint64_t keys, std::string_view prefix = "k") {
  for (std::uint64_t n = 0; n < keys; ++n) {
    log.put(std::string{prefix} + numbered(n), std::string(100, 'v'));
  }
}

BOOST_AUTO_TEST_CASE(what_a_snapshot_kept_goes_from_disk_with_it) {
  for (const double ratio : {0.5, 2.0}) {
    small_log<kv_store> f{small_segments<kv_store>(ratio)};
    put_many(f.log, 3'000);
    auto held = std::optional{f.log.snapshot()};
    for (int round = 0; round < 4; ++round) put_many(f.log, 3'000);
    f.log.compact();
    BOOST_TEST(sealed_bytes(f) > 5 * 3'000 * 100);  // every version may still be asked for
    held.reset();
    if (ratio > 1) f.log.compact();
    BOOST_TEST(comes_to_hold([&] { return sealed_bytes(f) < 2 * 3'000 * 200; }));
    f.reopen();
    f.log.compact();
    BOOST_TEST(sealed_bytes(f) < 3'000 * 200);
  }
}

BOOST_AUTO_TEST_CASE(what_a_snapshot_keeps_is_read_but_not_written_again_and_again) {
  small_log<kv_store> f{small_segments<kv_store>(0.5)};
  put_many(f.log, 2'000);
  const auto held = f.log.snapshot();
  std::uint64_t appended = 0;
  for (int round = 0; round < 10; ++round) {
    put_many(f.log, 2'000);
    appended += 2'000 * 100;
  }
  BOOST_TEST(f.log.compacted().bytes_written < appended);
}

BOOST_AUTO_TEST_CASE(expired_values_that_a_snapshot_sees_are_not_written_again_and_again) {
  small_log<set_kv> f{small_segments<set_kv>(0.5)};
  f.log.put("first", "x");
  auto held = std::optional{f.log.snapshot()};
  for (std::uint64_t n = 0; n < 5'000; ++n) f.log.put(key_of(n), std::string(100, 'v'), 1min);
  ahead_system::ahead += 1h;
  const std::uint64_t before = f.log.compacted().bytes_written;
  put_many(f.log, 20'000, "fresh");
  BOOST_TEST(f.log.compacted().bytes_written - before < mib);
  held.reset();
  BOOST_TEST(comes_to_hold([&] { return f.log.size() < 20'000 + 2'500; }));
}

BOOST_AUTO_TEST_CASE(values_that_were_added_leave_the_disk_with_a_later_put_or_erase) {
  for (const bool by_hand : {false, true}) {
    small_log<kv_store> f{small_segments<kv_store>(by_hand ? 2 : 0.5)};
    for (int round = 0; round < 10; ++round) {
      for (std::uint64_t key = 0; key < 20; ++key) {
        f.log.put(key_of(key), std::string(100, 'v'));
        for (int n = 0; n < 100; ++n) f.log.add(key_of(key), std::string(100, 'v'));
      }
      if (round == 5) f.reopen();
    }
    for (std::uint64_t key = 0; key < 20; ++key) f.log.erase(key_of(key));
    put_many(f.log, 3'000);
    if (by_hand) f.log.compact();
    // One round alone has 0.25 MiB: of ten of them little is left.
    BOOST_TEST(comes_to_hold([&] { return sealed_bytes(f) < mib; }));
  }
}

BOOST_AUTO_TEST_CASE(added_values_that_have_expired_leave_disk_and_memory) {
  small_log<set_kv> f{small_segments<set_kv>(2)};
  for (std::uint64_t n = 0; n < 1'000; ++n) {
    f.log.add(key_of(n), std::string(100, 'v'), 1min);
    f.log.add(key_of(n), std::string(100, 'v'), 2min);
    if (n % 100 == 0) f.log.add(key_of(n), "stays");
    f.log.add(key_of(n), std::string(100, 'v'), 3min);
  }
  ahead_system::ahead += 1h;
  const auto done = f.log.compact();
  BOOST_TEST(f.log.size() == 10);
  BOOST_TEST(done.records_kept == 20);  // one that stays, and the last one, which leads there
  for (std::uint64_t n = 0; n < 1'000; ++n) {
    BOOST_TEST_REQUIRE(f.log.values(key_of(n)).size() == (n % 100 == 0 ? 1 : 0));
  }
}

BOOST_AUTO_TEST_CASE(large_values_that_were_replaced_are_compacted) {
  auto chosen = small_segments<kv_store>(0.5);
  small_log<kv_store> f{chosen};
  const std::string value(100 * kib, 'v');  // more than fits into staging as one frame
  for (std::uint64_t n = 0; n < 200; ++n) f.log.put(key_of(n % 3), value);
  BOOST_TEST(comes_to_hold([&] { return sealed_bytes(f) < 2 * mib; }));
  for (std::uint64_t n = 0; n < 3; ++n) BOOST_TEST(f.log.get(key_of(n))->size() == value.size());
  f.reopen();
  for (std::uint64_t n = 0; n < 3; ++n) BOOST_TEST(f.log.get(key_of(n))->size() == value.size());
}

template <class Log>
void check_cache(std::size_t key_bytes, std::uint64_t limit, std::size_t bytes_a_key) {
  auto chosen = small_segments<Log>(0.5);
  chosen.index.memory_bytes_max = limit;
  small_log<Log> f{chosen};
  const auto put = [&](std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t n = from; n < to; ++n) {
      f.log.put(std::string(key_bytes, 'k') + numbered(n), "v");
    }
  };
  put(0, 30'000);
  BOOST_TEST(f.log.memory_bytes() <= limit + table_bytes);
  const auto before = contents(f.log);
  BOOST_TEST(before.size() * bytes_a_key > limit / 2);  // and what there is room for is there
  f.reopen();
  BOOST_TEST(f.log.memory_bytes() <= limit + table_bytes);
  for (int n = 0; n < 500; ++n) f.log.put("one", numbered(static_cast<std::uint64_t>(n)));
  std::size_t left = 0;
  for (const auto& [key, value] : before) left += f.log.contains(key) ? 1 : 0;
  BOOST_TEST(left + 20 >= before.size());
  BOOST_TEST(f.log.memory_bytes() <= limit + table_bytes);
  // Keys that were erased go first.
  for (const auto& [key, value] : before) f.log.erase(key);
  put(30'000, 60'000);
  BOOST_TEST(f.log.memory_bytes() <= limit + table_bytes);
  BOOST_TEST(f.log.size() * bytes_a_key > limit / 2);
}

BOOST_AUTO_TEST_CASE(a_cache_takes_what_it_may_and_keeps_its_keys_over_a_reopen) {
  check_cache<kv_store>(10, 128 * kib, 12);
}

BOOST_AUTO_TEST_CASE(an_ordered_cache_counts_its_keys) {
  check_cache<ordered_kv>(10, 512 * kib, 12 + 10 + 22);
  check_cache<ordered_kv>(500, mib, 12 + 10 + 512);
}

using caches = boost::mp11::mp_list<kv_store, ordered_kv, shared_kv>;

BOOST_AUTO_TEST_CASE_TEMPLATE(what_a_cache_evicts_under_a_snapshot_leaves_memory_with_it, Log,
                              caches) {
  auto chosen = small_segments<Log>(0.5);
  chosen.index.memory_bytes_max = 256 * kib;
  small_log<Log> f{chosen};
  put_many(f.log, 2'000);
  auto held = std::optional{f.log.snapshot()};
  const std::uint64_t more = 20'000;
  for (std::uint64_t n = 0; n < more; ++n) f.log.put("more" + numbered(n), "x");
  std::size_t seen = 0;
  held->for_each([&seen](const auto&, const auto&) { ++seen; });
  BOOST_TEST(seen == 2'000);
  held.reset();
  for (std::uint64_t n = 0; n < 3'000; ++n) f.log.put("again" + numbered(n), "x");
  BOOST_TEST(f.log.memory_bytes() <= 256 * kib + table_bytes);
}

}  // namespace logdb::test
