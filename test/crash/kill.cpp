// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE kill
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <optional>
#include <random>
#include <signal.h>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "crash/support/history.hpp"
#include "crash/support/kills.hpp"
#include "crash/support/quick_system.hpp"
#include "crash/support/writer.hpp"
#include "support/process.hpp"
#include "support/small_disk.hpp"
#include "support/temp_dir.hpp"

namespace {

using logdb::test::acknowledgement;
using logdb::test::acknowledgement_pipe;
using logdb::test::child_process;
using logdb::test::kills;
using logdb::test::temp_dir;

template <class Durability>
using quick_log = logdb::basic_log<logdb::Storage<logdb::BasicDirectory<logdb::test::quick_system>>,
                                   logdb::Durability<Durability>>;

template <class Durability>
using one_file_log =
    logdb::basic_log<logdb::Storage<logdb::BasicSingleFile<logdb::test::quick_system>>,
                     logdb::Durability<Durability>>;

/// Spends up to so long without giving up the processor: what the other process does meanwhile is
/// what the test is about.
void spin(std::chrono::microseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
  }
}

/// Kills writers of one log again and again and checks what they were told.
template <class Log>
class killer {
 public:
  explicit killer(std::uint64_t seed) : random_{seed} {
    options_.segment_bytes = 64u << 10;
    options_.durability.staging_bytes = 32u << 10;
  }

  void run(int rounds) {
    for (int round = 0; round < rounds; ++round) {
      if (round % rounds_a_log == 0) begin_log();
      kill_one(static_cast<std::uint32_t>(round));
      // Unchecked rounds are two crashes in a row: the next writer recovers, and is killed as well.
      if (random_() % 4 != 0) check();
    }
    check();
    BOOST_TEST(told_ > 0U);
    std::cout << "kills: " << rounds << std::endl;
  }

 private:
  static constexpr int rounds_a_log = 25;

  void begin_log() {
    if (place_) check();
    place_.emplace();
    acknowledged_.clear();
    kept_ = 0;
  }

  void kill_one(std::uint32_t round) {
    acknowledgement_pipe pipe;
    const std::uint32_t writers = random_() % 4 == 0 ? 3 : 1;
    // Every fourth is killed while it opens.
    const std::uint64_t wanted = random_() % 4 == 0 ? 0 : random_() % 60;
    const std::chrono::microseconds more{random_() % (wanted == 0 ? 3000 : 300)};
    child_process child{[&] {
      return logdb::test::write_until_killed<Log>(path(), options_, pipe, round, writers);
    }};
    pipe.only_read();
    acknowledgement told;
    for (std::uint64_t i = 0; i < wanted && pipe.hear(told); ++i) acknowledged_.push_back(told);
    spin(more);
    child.kill();
    while (pipe.hear(told)) acknowledged_.push_back(told);
  }

  void check() {
    Log log{path(), options_};
    BOOST_TEST(log.recovery().damages.empty());
    const auto found = logdb::test::read_history(log);
    for (const auto& told : acknowledged_) found.require(told);
    BOOST_REQUIRE(found.size() >= kept_);
    BOOST_REQUIRE(log.verify().intact());
    told_ += acknowledged_.size();
    kept_ = found.size();
    if (random_() % 2 == 0) log.close();
  }

  [[nodiscard]] std::filesystem::path path() const { return *place_ / "log"; }

  typename Log::options options_;
  std::mt19937_64 random_;
  std::optional<temp_dir> place_;
  std::vector<acknowledgement> acknowledged_;
  std::size_t kept_ = 0;  // records that were there at the last check
  std::size_t told_ = 0;
};

BOOST_AUTO_TEST_CASE(a_durable_wal_keeps_what_it_acknowledged_through_any_kill) {
  killer<logdb::durable_wal>{1}.run(50);
  killer<quick_log<logdb::Fsync>>{4}.run(kills(1000));
}

BOOST_AUTO_TEST_CASE(an_async_wal_keeps_what_it_accepted_through_any_kill) {
  killer<quick_log<logdb::Async>>{2}.run(kills(500));
}

BOOST_AUTO_TEST_CASE(a_log_that_never_syncs_keeps_what_it_accepted_through_any_kill) {
  killer<quick_log<logdb::None>>{3}.run(kills(500));
}

/// Fills a small disk and kills who does, over and over. What was acknowledged is there, whether
/// there is room to open the log or only to read it.
class filler {
 public:
  using log = quick_log<logdb::Fsync>;

  explicit filler(std::filesystem::path place) : place_{std::move(place)} {
    options_.segment_bytes = 32u << 10;
    options_.durability.staging_bytes = 32u << 10;
  }

  /// Returns an exit status: 0, or what is wrong.
  int run(int rounds) {
    for (int round = 0; round < rounds; ++round) {
      fill_and_kill(static_cast<std::uint32_t>(round));
      if (!keeps_all()) return 1;
      if (full_ > 2) begin_log();
    }
    return logs_filled_ > 0 ? 0 : 2;
  }

 private:
  void fill_and_kill(std::uint32_t round) {
    acknowledgement_pipe pipe;
    child_process child{
        [&] { return logdb::test::write_until_killed<log>(path(), options_, pipe, round, 3); }};
    pipe.only_read();
    acknowledgement told;
    const std::uint64_t wanted = 50 + random_() % 400;
    std::uint64_t heard = 0;
    for (; heard < wanted && pipe.hear(told); ++heard) acknowledged_.push_back(told);
    if (heard < wanted) ++full_;  // it could not go on
    child.kill();
    while (pipe.hear(told)) acknowledged_.push_back(told);
  }

  [[nodiscard]] bool keeps_all() {
    try {
      return shows_all(log{path(), options_});
    } catch (const logdb::error& thrown) {
      if (thrown.condition() != logdb::errc::no_space) throw;
    }
    auto reading = options_;
    reading.mode = logdb::open_mode::read_only;
    return acknowledged_.empty() || shows_all(log{path(), reading});
  }

  [[nodiscard]] bool shows_all(const log& opened) const {
    const auto found = logdb::test::read_history(opened);
    for (const auto& told : acknowledged_) found.require(told);
    return opened.recovery().damages.empty() && opened.verify().intact();
  }

  void begin_log() {
    std::filesystem::remove_all(path());
    acknowledged_.clear();
    full_ = 0;
    ++logs_filled_;
  }

  [[nodiscard]] std::filesystem::path path() const { return place_ / "log"; }

  std::filesystem::path place_;
  log::options options_;
  std::mt19937_64 random_{5};
  std::vector<acknowledgement> acknowledged_;
  int full_ = 0;  // times that a writer found no room any more
  int logs_filled_ = 0;
};

BOOST_AUTO_TEST_CASE(a_disk_that_fills_up_takes_no_acknowledged_record_through_any_kill) {
  constexpr int not_permitted = 77;
  const temp_dir place;
  child_process child{[&place] {
    if (!logdb::test::enter_small_disk(place.path(), 1024)) return not_permitted;
    return filler{place.path()}.run(kills(200) / 2);
  }};
  const int status = child.wait();
  if (status == not_permitted) {
    BOOST_TEST_MESSAGE("this system lets nobody mount a small disk");
    return;
  }
  BOOST_TEST(status == 0);
  std::cout << "kills: " << kills(200) / 2 << std::endl;
}

BOOST_AUTO_TEST_CASE(a_log_in_one_file_keeps_what_it_promised_through_any_kill) {
  killer<one_file_log<logdb::Fsync>>{5}.run(kills(120));
  killer<one_file_log<logdb::Async>>{6}.run(kills(120));
  killer<one_file_log<logdb::None>>{7}.run(kills(120));
}

}  // namespace
