// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE interprocess_shared_keys_parts
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <utility>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "crash/support/failing_disk.hpp"
#include "interprocess/support/many_keys.hpp"

// What a process has of a shared key-value log for itself, and what it has with the others:
// snapshots, log time, memory, order, failure.

namespace logdb::test {

BOOST_AUTO_TEST_SUITE(shared_keys_parts)

BOOST_AUTO_TEST_CASE(a_snapshot_of_a_process_that_died_holds_nothing_up) {
  using log_type = quick_keys<Async>;
  const temp_dir place;
  const pipe_signal go;
  const pipe_signal ready;
  child_process holder{[&] {  // before this process has threads
    if (!go.wait()) return 1;
    log_type other{place / "kv", small_keys<log_type>()};
    const auto then = other.snapshot();
    if (!ready.announce()) return 1;
    return ::pause();
  }};
  log_type log{place / "kv", small_keys<log_type>()};
  for (std::uint64_t n = 0; n < 300; ++n) log.put(key_of(n), "then");
  BOOST_TEST(go.announce());
  BOOST_TEST(ready.wait());
  for (std::uint64_t n = 0; n < 300; ++n) log.put(key_of(n), "now");
  log.compact();
  BOOST_TEST(log.history(key_of(0)).size() == 2U);
  holder.kill();
  log.put(key_of(1), "more");
  log.compact();
  BOOST_TEST(log.history(key_of(0)).size() == 1U);
}

/// The real system, where something can be done while a process looks whether the one with the
/// third place lives, before a thread reads a manifest, and before it puts one in its place.
struct interleaved_system : quick_system {
  inline static std::function<void()> on_third_place{};
  inline static thread_local std::function<void()> on_manifest{};
  inline static thread_local std::function<int()> on_new_manifest{};

  static int lock_range(handle file, platform::range_lock kind, std::uint64_t offset,
                        std::uint64_t bytes, bool waits) {
    if (on_third_place && offset == 16 + 2) on_third_place();
    return quick_system::lock_range(file, kind, offset, bytes, waits);
  }
  static handle open_file(handle directory, const char* name, platform::file_access access) {
    if (on_manifest && name == format::manifest_name) std::exchange(on_manifest, {})();
    return quick_system::open_file(directory, name, access);
  }
  static int rename(handle directory, const char* from, const char* to) {
    const int fault = on_new_manifest ? on_new_manifest() : 0;
    return fault != 0 ? fault : quick_system::rename(directory, from, to);
  }
};

BOOST_AUTO_TEST_CASE(a_snapshot_keeps_what_a_compaction_drops_that_did_not_see_it_come) {
  using log_type = quick_keys<Async, interleaved_system>;
  const temp_dir place;
  log_type first{place / "kv", small_keys<log_type>()};
  log_type second{place / "kv", small_keys<log_type>()};
  log_type third{place / "kv", small_keys<log_type>()};
  first.put("kept", "then");
  for (std::uint64_t n = 0; n < 200; ++n) first.put(key_of(n % 3), "v");
  // Has the compaction look at its place, behind that of the second.
  auto held = third.snapshot();
  const pipe_signal looked;
  const pipe_signal go;
  int looks = 0;
  bool waited = false;
  interleaved_system::on_third_place = [&] {  // at first to find what to compact, then to judge it
    if (++looks == 2) waited = looked.announce() && go.wait();
  };
  std::jthread compacting{[&] { first.compact(); }};
  BOOST_REQUIRE(looked.wait());
  held = {};
  interleaved_system::on_manifest = [&] {
    first.put("kept", "now");
    BOOST_REQUIRE(go.announce());
    compacting.join();
  };
  const auto then = second.snapshot();
  if (std::exchange(interleaved_system::on_manifest, {})) BOOST_REQUIRE(go.announce());
  if (compacting.joinable()) compacting.join();
  interleaved_system::on_third_place = {};
  BOOST_TEST(waited);
  BOOST_TEST(first.history("kept").size() == 1U);
  BOOST_TEST(then.contains("kept"));
}

BOOST_AUTO_TEST_CASE(a_thread_that_follows_an_older_compaction_leads_no_key_back) {
  using log_type = quick_keys<Async>;
  pair_of_logs<log_type> both;
  for (std::uint64_t n = 0; n < 3; ++n) both.first.put(key_of(n), "v");
  both.first.put("replaced", "v");
  BOOST_TEST(both.second.size() == 4U);
  auto& store = detail::log_access::view(both.second).index().store();
  detail::key_moves<log_type::policies> moves{store};
  const auto compact = [&] {
    both.first.put("replaced", "w");
    both.first.compact();
    return moves.look();
  };
  // Two threads follow one compaction each, and the one that looked first comes last.
  const auto older = compact();
  const auto gone_then = moves.gone(older).value();
  (void)store.space().of(older->log.front());
  const auto newer = compact();
  moves.leave(newer, moves.gone(newer).value());
  moves.leave(older, gone_then);
  for (std::uint64_t n = 0; n < 3; ++n) {
    const std::string key = key_of(n);
    detail::read_record<log_type::policies> found;
    const auto inside = store.gate().enter();
    const auto looked = store.look(store.hash(as_bytes(key)), as_bytes(key), found);
    BOOST_TEST_REQUIRE((looked == detail::key_lookup::found));
    BOOST_TEST((found.in->segment()->number() == newer->log.front()->number()));
  }
}

BOOST_AUTO_TEST_CASE(keys_that_followed_a_compaction_that_came_to_nothing_are_led_back) {
  using log_type = quick_keys<Async, interleaved_system>;
  const temp_dir place;
  log_type log{place / "kv", small_keys<log_type>()};
  const std::string large(20'000, 'v');
  for (std::uint64_t n = 0; n < 200; ++n) log.put(key_of(n % 100), std::string(200, 'v'));
  log.put("large", large);
  auto& store = detail::log_access::view(log).index().store();
  detail::key_moves<log_type::policies> moves{store};
  const auto follow = [&] {
    const auto list = moves.look();
    moves.leave(list, moves.gone(list).value());
    return std::ranges::any_of(list->log, [](const auto& each) {
      return each->role() == format::segment_role::compacted;
    });
  };
  bool has_followed = false;
  interleaved_system::on_new_manifest = [&] {  // as another thread may
    has_followed |= follow();
    return has_followed ? -EIO : 0;
  };
  BOOST_TEST(throws(errc::io, [&] { log.compact(); }));
  interleaved_system::on_new_manifest = {};
  BOOST_TEST(has_followed);
  BOOST_TEST(!follow());
  for (int round = 0; round < 2; ++round) {
    BOOST_TEST(log.size() == 101U);
    for (std::uint64_t n = 0; n < 100; ++n) BOOST_TEST_REQUIRE(log.contains(key_of(n)));
    BOOST_TEST((log.get("large")->text() == large));
    log.compact();
  }
}

BOOST_AUTO_TEST_CASE(what_expires_expires_for_everybody_at_once) {
  using log_type = quick_keys<Async>;
  pair_of_logs<log_type> both;
  auto& [place, options, first, second] = both;
  first.put("long", "v", std::chrono::hours{1});
  first.put("short", "v", std::chrono::nanoseconds{1});
  const auto ends = first.get("long")->expires();
  BOOST_TEST_REQUIRE(ends.has_value());
  BOOST_TEST((second.get("long")->expires() == ends));
  BOOST_TEST(!second.contains("short"));
  second.put("other", "v", std::chrono::hours{1});
  const auto later = first.get("other")->expires();
  BOOST_TEST_REQUIRE(later.has_value());
  BOOST_TEST((*later - *ends >= std::chrono::nanoseconds{0}));
  BOOST_TEST((*later - *ends < std::chrono::minutes{10}));
}

BOOST_AUTO_TEST_CASE(caches_of_two_processes_both_keep_within_their_memory) {
  using log_type = quick_keys<Async>;
  auto options = eager_keys<log_type>();
  options.segment_bytes = 256u << 10;
  options.durability.staging_bytes = 512u << 10;
  options.index.memory_bytes_max = 64u << 10;
  pair_of_logs<log_type> both{options};
  auto& [place, chosen, first, second] = both;
  const std::uint64_t room = options.index.memory_bytes_max / 12;
  std::uint64_t hits = 0;
  for (std::uint64_t n = 0; n < 4 * room; ++n) {
    auto& writer = n % 2 == 0 ? first : second;
    auto& reader = n % 2 == 0 ? second : first;
    writer.put(key_of(n), std::to_string(n));
    hits += reader.contains(key_of(n)) ? 1 : 0;
  }
  BOOST_TEST(hits > 2 * room);
  BOOST_TEST(first.size() == second.size());
  BOOST_TEST(first.size() <= room);
  BOOST_TEST(first.size() > room / 4);
  for (const auto& [key, value] : first.entries()) {
    BOOST_TEST_REQUIRE(key.text() == key_of(std::stoull(std::string{value.text()})));
  }
}

BOOST_AUTO_TEST_CASE(ordered_keys_are_in_order_in_every_process) {
  using log_type = quick_keys<Async, quick_system, BasicKeyDir<Ordered>>;
  pair_of_logs<log_type> both;
  auto& [place, options, first, second] = both;
  std::map<std::string, std::string> model;
  std::mt19937 random{3};
  for (int step = 0; step < 2000; ++step) {
    auto& log = step % 2 == 0 ? first : second;
    const std::string key = key_of(random() % 150);
    if (random() % 4 == 0) {
      log.erase(key);
      model.erase(key);
    } else {
      log.put(key, std::to_string(step));
      model[key] = std::to_string(step);
    }
    if (step % 500 == 250) first.compact();
  }
  for (auto* const log : {&first, &second}) {
    auto expected = model.begin();
    for (const auto& [key, value] : log->lower_bound("")) {
      BOOST_TEST_REQUIRE((expected != model.end()));
      BOOST_TEST_REQUIRE(key.text() == expected->first);
      BOOST_TEST_REQUIRE(value.text() == expected->second);
      ++expected;
    }
    BOOST_TEST((expected == model.end()));
  }
}

BOOST_AUTO_TEST_CASE(a_failed_sync_ends_the_log_for_all_and_keeps_what_was_acknowledged) {
  using log_type = quick_keys<Fsync, failing_disk>;
  const fresh_disk disk;
  const temp_dir place;
  {
    log_type first{place / "kv", small_keys<log_type>()};
    log_type second{place / "kv", small_keys<log_type>()};
    first.put("a", "one");
    second.put("b", "two");
    failing_disk::set(fail_times(disk_call::sync, "01.seg", -EIO, 1));
    BOOST_TEST(throws(errc::failed, [&] { first.put("c", "three"); }));
    BOOST_TEST(throws(errc::failed, [&] { second.put("d", "four"); }));
    BOOST_TEST(first.get("b")->text() == "two");
    BOOST_TEST(second.get("a")->text() == "one");
  }
  const log_type again{place / "kv", small_keys<log_type>()};
  BOOST_TEST(again.get("a")->text() == "one");
  BOOST_TEST(again.get("b")->text() == "two");
  BOOST_TEST(!again.contains("d"));
}

/// A disk on which no names are durable any more from the manifest of the next compaction on.
struct names_in_doubt {
  explicit names_in_doubt(std::filesystem::path of) : store{std::move(of)} {
    failing_disk::set([this](disk_call call, std::string_view name) {
      if (call == disk_call::rename && name == format::manifest_name && !fails) look();
      return call == disk_call::sync_directory && fails ? -EIO : 0;
    });
  }
  names_in_doubt(const names_in_doubt&) = delete;
  names_in_doubt& operator=(const names_in_doubt&) = delete;
  ~names_in_doubt() { failing_disk::set({}); }

  void look() {
    const auto read = [this](std::string_view name) {
      std::ifstream file{store / name, std::ios::binary};
      return std::string{std::istreambuf_iterator<char>{file}, {}};
    };
    former = read(format::manifest_name);
    fails = last_compacted(read(format::manifest_draft_name)) > last_compacted(former);
  }
  static segment_number last_compacted(const std::string& bytes) {
    format::manifest found;
    BOOST_REQUIRE((format::decode(as_bytes(bytes), found) == format::format_fault::none));
    segment_number last{};
    for (const auto& each : found.segments) {
      if (each.role == format::segment_role::compacted) last = std::max(last, each.number);
    }
    return last;
  }
  /// Copies the store as a power cut leaves it that brings the manifest before back.
  void cut(const std::filesystem::path& copy) const {
    std::filesystem::remove_all(copy);
    std::filesystem::create_directory(copy);
    for (const auto& each : std::filesystem::directory_iterator{store}) {
      if (each.path().extension() == ".seg") {
        std::filesystem::copy_file(each.path(), copy / each.path().filename());
      }
    }
    std::ofstream{copy / format::manifest_name, std::ios::binary} << former;
  }

  std::filesystem::path store;
  bool fails = false;
  std::string former{};
};

/// Returns the segments of a log that have records.
template <class Log>
std::set<segment_number> segments_of(const Log& log) {
  std::set<segment_number> numbers;
  const auto list = detail::log_access::view(log).index().store().view().catch_up();
  for (const auto& each : list->log) {
    if (each->base()) numbers.insert(each->number());
  }
  return numbers;
}

BOOST_AUTO_TEST_CASE(a_manifest_rules_that_may_not_be_durable_and_nothing_is_unlinked_meanwhile) {
  using log_type = quick_keys<Fsync, failing_disk>;
  const fresh_disk disk;
  const temp_dir place;
  std::map<std::string, std::string> model;
  std::set<segment_number> replaced;
  {
    log_type first{place / "kv", small_keys<log_type>()};
    log_type second{place / "kv", small_keys<log_type>()};
    for (int round = 0; round < 2; ++round) {
      for (std::uint64_t n = 0; n < 200; ++n) {
        model[key_of(n % 10)] = std::to_string(n) + std::string(40, 'v');
        (n % 2 == 0 ? first : second).put(key_of(n % 10), model[key_of(n % 10)]);
      }
      const auto before = segments_of(first);
      const names_in_doubt cut{place / "kv"};
      BOOST_TEST(!throws(errc::corrupt, [&] { first.compact(); }));
      const auto after = segments_of(first);
      BOOST_TEST((after == segments_of(second)));
      BOOST_TEST((contents(first) == model));
      BOOST_TEST((contents(second) == model));
      BOOST_TEST(cut.fails);
      std::ranges::set_difference(before, after, std::inserter(replaced, replaced.end()));
      cut.cut(place / "cut");
      using sound_disk = quick_keys<Async>;
      sound_disk again{place / "cut", small_keys<sound_disk>()};
      BOOST_TEST((contents(again) == model));
      BOOST_TEST(again.verify().intact());
    }
    first.compact();
    BOOST_TEST((contents(second) == model));
    BOOST_TEST(second.verify().intact());
  }
  BOOST_TEST(!replaced.empty());
  for (const segment_number each : replaced) {
    BOOST_TEST(!std::filesystem::exists(place / "kv" / format::segment_name(each)));
  }
  const log_type again{place / "kv", small_keys<log_type>()};
  BOOST_TEST((contents(again) == model));
}

BOOST_AUTO_TEST_CASE(a_child_of_a_fork_may_not_use_the_log_of_its_parent) {
  using log_type = quick_keys<Async>;
  const temp_dir place;
  log_type log{place / "kv", eager_keys<log_type>()};
  log.put("a", "one");
  child_process child{[&] {
    if (!throws(errc::closed, [&] { log.put("a", "two"); })) return 1;
    if (!throws(errc::closed, [&] { (void)log.get("a"); })) return 2;
    if (!throws(errc::closed, [&] { log.erase("a"); })) return 3;
    log.close();
    log_type own{place / "kv", eager_keys<log_type>()};
    own.put("b", "child");
    own.close();
    return 0;
  }};
  BOOST_TEST(child.wait() == 0);
  BOOST_TEST(log.get("a")->text() == "one");
  BOOST_TEST(log.get("b")->text() == "child");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
