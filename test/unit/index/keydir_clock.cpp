// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE unit_index_keydir_clock
#include <chrono>
#include <map>
#include <string>
#include <vector>

// Keys and clocks: order is the lsn, and expiry follows log time, whatever the wall clock does.
#include "unit/index/key_logs.hpp"

namespace logdb::test {

using namespace std::chrono_literals;

/// Is the real system with clocks that a test sets.
struct clock_system : platform::posix {
  inline static std::chrono::nanoseconds wall{};       // since 1970
  inline static std::chrono::nanoseconds uptime_by{};  // ahead of the real one
  inline static bool frozen = false;

  static timestamp now() { return timestamp{wall}; }
  static std::chrono::nanoseconds uptime() {
    return frozen ? uptime_by : posix::uptime() + uptime_by;
  }
};

using clock_store = kv_store::with<Storage<BasicDirectory<clock_system>>, Durability<None>>;

constexpr auto year = std::chrono::hours{365 * 24};

/// Sets the clocks before a log is opened.
struct set_clocks {
  set_clocks() {
    clock_system::wall = std::chrono::hours{400'000};
    clock_system::uptime_by = 0ns;
    clock_system::frozen = false;
  }
};

struct fresh_clock : set_clocks {
  temp_dir place;
  clock_store::options options = by_hand<clock_store>();
  clock_store log{place / "kv", options};

  void reopen() {
    log.close();
    log = clock_store{place / "kv", options};
  }
};

BOOST_FIXTURE_TEST_CASE(a_wall_clock_that_jumps_while_it_is_open_touches_no_key, fresh_clock) {
  log.put("hour", "x", 1h);
  for (const auto jump : {year, -2 * year, 3 * year}) {
    clock_system::wall += jump;
    BOOST_TEST(log.contains("hour"));
    log.put("another", "x", 1h);
    log.sync();
    BOOST_TEST(log.contains("another"));
  }
  clock_system::uptime_by += 61min;
  BOOST_TEST(!log.contains("hour"));
  BOOST_TEST(!log.contains("another"));
}

BOOST_FIXTURE_TEST_CASE(time_passes_while_a_log_is_closed, fresh_clock) {
  log.put("hour", "x", 1h);
  log.put("week", "x", 7 * 24h);
  log.close();
  clock_system::wall += 2h;
  log = clock_store{place / "kv", options};
  BOOST_TEST(!log.contains("hour"));
  BOOST_TEST(log.contains("week"));
}

BOOST_FIXTURE_TEST_CASE(what_has_expired_stays_so_when_the_clock_is_set_back, fresh_clock) {
  log.put("hour", "x", 1h);
  log.sync();  // ends the group, whose mark says how early it was
  clock_system::uptime_by += 2h;
  BOOST_TEST(!log.contains("hour"));
  log.put("after", "x");  // a mark says how late it is
  log.sync();
  log.close();
  clock_system::wall -= year;
  log = clock_store{place / "kv", options};
  BOOST_TEST(!log.contains("hour"));
  BOOST_TEST(log.contains("after"));
  log.put("minute", "x", 1min);
  BOOST_TEST(log.contains("minute"));
  clock_system::uptime_by += 2min;  // and time goes on from there
  BOOST_TEST(!log.contains("minute"));
  log.compact();
  reopen();
  BOOST_TEST(!log.contains("hour"));
  BOOST_TEST(log.size() == 1);
}

BOOST_FIXTURE_TEST_CASE(an_open_a_year_ahead_expires_only_what_a_write_confirms, fresh_clock) {
  log.put("hour", "x", 1h);
  log.put("years", "x", 2 * year);
  log.put("ever", "x");
  log.close();
  clock_system::wall += year;
  log = clock_store{place / "kv", options};
  BOOST_TEST(!log.contains("hour"));
  BOOST_TEST(log.contains("years"));
  log.close();
  clock_system::wall -= year;
  log = clock_store{place / "kv", options};
  BOOST_TEST(log.contains("hour"));  // nothing was written: nothing is known of that year
  log.close();
  clock_system::wall += year;
  log = clock_store{place / "kv", options};
  log.put("then", "x", 1h);
  log.close();
  clock_system::wall -= year;
  for (int round = 0; round < 2; ++round) {
    log = clock_store{place / "kv", options};
    BOOST_TEST(!log.contains("hour"));
    BOOST_TEST(log.contains("years"));
    BOOST_TEST(log.contains("ever"));
    BOOST_TEST(log.contains("then"));
    log.compact();
    log.close();
  }
}

BOOST_FIXTURE_TEST_CASE(behind_a_session_ahead_only_time_while_it_is_open_counts, fresh_clock) {
  log.close();
  clock_system::wall += year;
  log = clock_store{place / "kv", options};
  log.put("then", "x");
  log.close();
  clock_system::wall -= year;
  log = clock_store{place / "kv", options};
  log.put("hour", "x", 1h);
  log.close();
  clock_system::wall += 2h;  // nobody can tell that from a clock that is put right
  log = clock_store{place / "kv", options};
  BOOST_TEST(log.contains("hour"));
  clock_system::uptime_by += 61min;
  BOOST_TEST(!log.contains("hour"));
  log.put("week", "x", 7 * 24h);
  log.close();
  clock_system::wall += year + 8 * 24h;  // it has caught up
  log = clock_store{place / "kv", options};
  BOOST_TEST(!log.contains("week"));
}

BOOST_FIXTURE_TEST_CASE(a_clock_set_back_a_year_makes_no_value_live_shorter, fresh_clock) {
  log.put("before", "x", 100min);
  log.sync();
  log.close();
  clock_system::wall -= year;
  for (int round = 0; round < 3; ++round) {
    log = clock_store{place / "kv", options};
    log.put("in", "x", 1h);
    BOOST_TEST(log.contains("in"));
    BOOST_TEST(log.contains("before") == (round < 2));
    log.sync();                        // ends the group, whose mark says how early it was
    clock_system::uptime_by += 59min;  // of which the log is open
    BOOST_TEST(log.contains("in"));
    log.put("mark", "x");
    log.sync();
    log.close();
    clock_system::wall += 59min;
    log = clock_store{place / "kv", options};
    BOOST_TEST(log.contains("in"));  // no time has passed since
    log.close();
  }
  clock_system::wall += year + 1h;
  log = clock_store{place / "kv", options};
  BOOST_TEST(!log.contains("in"));
  BOOST_TEST(log.contains("mark"));
}

BOOST_FIXTURE_TEST_CASE(of_two_updates_in_one_moment_the_later_wins, fresh_clock) {
  clock_system::frozen = true;
  std::map<std::string, std::string> model;
  for (std::uint64_t n = 0; n < 2000; ++n) {
    const std::string key = key_of(n % 50);
    log.put(key, numbered(n));
    model[key] = numbered(n);
    if (n % 3 == 0) {
      log.erase(key);
      model.erase(key);
    }
  }
  BOOST_TEST((contents(log) == model));
  clock_system::frozen = false;
  reopen();
  BOOST_TEST((contents(log) == model));
  log.compact();
  BOOST_TEST((contents(log) == model));
  reopen();
  BOOST_TEST((contents(log) == model));
}

BOOST_FIXTURE_TEST_CASE(expired_keys_are_compacted_in_the_background_when_their_time_comes,
                        fresh_clock) {
  log.close();
  options.index.compaction.dead_ratio_max = 0.5;
  log = clock_store{place / "kv", options};
  for (std::uint64_t n = 0; n < 600; ++n) log.put(key_of(n), std::string(100, 'v'), 1h);
  BOOST_TEST(log.size() == 600);
  clock_system::uptime_by += 2h;
  // The next segment that is sealed has the background look.
  for (int n = 0; log.compacted().segments_read == 0; ++n) {
    log.put("other", std::string(1000, 'o'));
    if (n % 100 == 99) std::this_thread::yield();
  }
  BOOST_TEST(log.size() < 600);
  for (std::uint64_t n = 0; n < 600; ++n) BOOST_TEST(!log.contains(key_of(n)));
}

}  // namespace logdb::test
