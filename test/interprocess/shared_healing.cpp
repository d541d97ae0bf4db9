// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE interprocess_shared_healing
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "crash/sim/shards.hpp"
#include "crash/support/failing_disk.hpp"
#include "crash/support/store.hpp"
#include "interprocess/support/many.hpp"
#include "support/temp_dir.hpp"

// Writers of one log on a disk that fails now and then: what was durable before a healing is there
// after it, whatever kind of frame says so.

namespace logdb::test {
namespace {

using logs =
    boost::mp11::mp_list<quick_shared<Fsync, failing_disk>, quick_shared<Async, failing_disk>,
                         quick_shared_file<Fsync, failing_disk>,
                         quick_shared_file<Async, failing_disk>>;

/// Fails the next sync of whatever holds records.
void fail_next_sync() {
  failing_disk::set([armed = true](disk_call call, std::string_view) mutable {
    if (call != disk_call::sync || !armed) return 0;
    armed = false;
    return -EIO;
  });
}

/// Commits a transaction that is too large for staging.
template <class Log>
lsn commit_large(Log& log, const std::string& text, int records = 40) {
  auto unit = log.begin();
  for (int i = 0; i < records; ++i) unit.append(text + std::string(1000, 'x'));
  return unit.commit();
}

/// Is two handles of one log, which the first has ready to be healed: its next segment is there.
template <class Log>
struct two_handles : fresh_disk {
  two_handles() {
    log.append("before");
    log.sync();
    while (log.stats().segments < 2) std::this_thread::yield();
  }
  /// Appends one more record, in a sync that fails.
  void heal() {
    fail_next_sync();
    log.append("healed");
    log.sync();
    failing_disk::set({});
    BOOST_TEST(log.stats().heals == 1U);
  }
  [[nodiscard]] Log follow() const {
    auto options = smallest<Log>();
    options.mode = open_mode::read_only;
    return Log{place / "log", options};
  }
  void close() {
    other.close();
    log.close();
  }

  temp_dir place;
  Log log{place / "log", smallest<Log>()};
  Log other{place / "log", smallest<Log>()};
};

/// Is two writers of one log, each with a handle of its own, and a follower, on a disk that fails
/// now and then. What was acknowledged stays, for each of them and for who opens the log next.
template <class Log>
class unsteady_crew {
 public:
  explicit unsteady_crew(std::uint64_t seed) : random_{seed} {}

  /// @throws  std::runtime_error at the first thing that is not as it was promised
  void run(int opens) {
    for (int i = 0; i < opens; ++i) {
      failing_disk::reset();
      Log first{path(), smallest<Log>()};
      Log second{path(), smallest<Log>()};
      check(first);
      break_disk();
      write_together(first, second);
      failing_disk::set({});
      heals_ += heals_of(first);
    }
    failing_disk::reset();
    Log last{path(), smallest<Log>()};
    check(last);
    if (!last.verify().intact()) throw std::runtime_error{"verify finds damage"};
  }
  [[nodiscard]] std::uint64_t heals() const { return heals_; }

 private:
  /// Is what one writer was told; its cursor has its number.
  struct account {
    std::map<std::uint64_t, std::string> records;
    std::uint64_t at_least = 0;  // where the cursor stands
    std::uint64_t at_most = 0;
    std::uint64_t made = 0;
  };

  [[nodiscard]] std::filesystem::path path() const { return place_ / "log"; }

  void break_disk() {
    failing_disk::set(
        [random = std::mt19937_64{random_()}](disk_call call, std::string_view) mutable {
          const bool may = call == disk_call::write || call == disk_call::sync;
          return may && random() % 60 == 0 ? -EIO : 0;
        });
  }

  static std::uint64_t heals_of(Log& log) {
    try {
      return log.stats().heals;
    } catch (const error& failed) {
      if (failed.condition() != errc::failed) throw;
      return 0;
    }
  }

  void write_together(Log& first, Log& second) {
    std::atomic<int> writing = 2;
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < 2; ++i) {
      threads.emplace_back([&, i, seed = random_()] {
        guarded([&] { write(i == 0 ? first : second, accounts_[i], i, seed); });
        --writing;
      });
    }
    threads.emplace_back([&] {
      guarded([&] {
        auto options = smallest<Log>();
        options.mode = open_mode::read_only;
        Log beside{path(), options};
        while (writing.load() != 0) look(beside);
      });
    });
    threads.clear();
    if (!failure_.empty()) throw std::runtime_error{failure_};
  }

  /// Reads all there is. Where readers see what is not durable, a sync that fails may take it from
  /// under them before it is healed.
  static void look(Log& beside) {
    try {
      (void)texts_of(beside);
    } catch (const error& lost) {
      const bool may = Log::policies::durability::readable != watermark::durable;
      if (!may || lost.condition() != errc::corrupt) throw;
    }
  }

  template <class Run>
  void guarded(Run run) {
    try {
      run();
    } catch (const std::exception& thrown) {
      const std::lock_guard lock{mutex_};
      failure_ = thrown.what();
    }
  }

  void write(Log& log, account& mine, std::size_t number, std::uint64_t seed) {
    std::mt19937_64 random{seed};
    for (int step = 0; step < 40; ++step) {
      try {
        act(log, mine, number, random());
        if (step % 8 != 7) continue;
        log.sync();  // a log that fails shows no more than this
        check_account(log, mine, number);
      } catch (const error& refused) {
        if (refused.condition() == errc::failed) return;
        if (refused.condition() != errc::io) throw;
      }
    }
  }

  void act(Log& log, account& mine, std::size_t number, std::uint64_t drawn) {
    const std::string text = std::to_string(number) + ":" + std::to_string(mine.made++) + " ";
    if (drawn % 8 == 0) {
      const lsn last = commit_large(log, text, 12);
      for (std::uint64_t i = 0; i < 12; ++i) {
        mine.records[last.value() - i] = text + std::string(1000, 'x');
      }
    } else if (drawn % 8 < 3) {
      const lsn at = std::min(lsn{mine.at_most + 1 + drawn / 8 % 5}, log.last_lsn());
      mine.at_most = std::max(mine.at_most, at.value());
      log.cursor(name_of(number)).acknowledge(at);
      mine.at_least = at.value();
    } else {
      const std::string longer = text + std::string(drawn / 8 % 3000, 'y');
      mine.records[log.append(longer).value()] = longer;
    }
  }

  static std::string name_of(std::size_t number) { return "cursor " + std::to_string(number); }

  void check(Log& log) {
    if (!log.recovery().damages.empty()) throw std::runtime_error{"the open found damage"};
    for (std::size_t i = 0; i < 2; ++i) check_account(log, accounts_[i], i);
  }

  void check_account(Log& log, const account& mine, std::size_t number) {
    std::vector<std::string> texts;
    for (const auto& record : log.records(lsn{1}, log.durable_lsn() + 1)) {
      texts.emplace_back(record.text());
    }
    for (const auto& [at, text] : mine.records) {
      if (at > texts.size() || texts[at - 1] != text) {
        throw std::runtime_error{"lost: lsn " + std::to_string(at)};
      }
    }
    const std::uint64_t stands = log.cursor(name_of(number)).next().value() - 1;
    if (stands < mine.at_least || stands > mine.at_most) {
      throw std::runtime_error{"a cursor stands at " + std::to_string(stands) + ", not " +
                               std::to_string(mine.at_least)};
    }
  }

  fresh_disk fresh_;
  temp_dir place_;
  std::mt19937_64 random_;
  std::array<account, 2> accounts_;
  std::uint64_t heals_ = 0;
  std::mutex mutex_;
  std::string failure_;  // guarded by mutex_
};

}  // namespace

BOOST_AUTO_TEST_SUITE(shared_healing)

BOOST_AUTO_TEST_CASE_TEMPLATE(a_healing_keeps_the_transactions_that_were_durable_before, Log,
                              logs) {
  two_handles<Log> f;
  const lsn last = commit_large(f.log, "large");
  f.log.sync();
  f.heal();
  BOOST_TEST(texts_of(f.log).size() == last.value() + 1);
  BOOST_TEST(texts_of(f.other).size() == last.value() + 1);
  BOOST_TEST(texts_of(f.follow()).size() == last.value() + 1);
  f.close();
  for (int open = 0; open < 2; ++open) {
    const Log again{f.place / "log", smallest<Log>()};
    BOOST_TEST(texts_of(again).size() == last.value() + 1);
    BOOST_TEST(again.verify().intact());
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_healing_keeps_the_cursors_that_were_durable_before, Log, logs) {
  two_handles<Log> f;
  for (int i = 0; i < 10; ++i) f.log.append("record");
  f.other.cursor("mail").acknowledge(lsn{3});
  f.log.cursor("mail").acknowledge(lsn{7});
  f.log.sync();
  f.heal();
  BOOST_TEST(f.log.cursor("mail").next() == lsn{8});
  BOOST_TEST(f.other.cursor("mail").next() == lsn{8});
  f.close();
  for (int open = 0; open < 2; ++open) {
    Log again{f.place / "log", smallest<Log>()};
    BOOST_TEST(again.cursor("mail").next() == lsn{8});
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_a_healing_keeps_another_process_may_go_on_with, Log, logs) {
  two_handles<Log> f;
  commit_large(f.log, "first");
  f.log.cursor("mail").acknowledge(lsn{2});
  f.log.sync();
  f.heal();
  f.log.close();
  commit_large(f.other, "second");
  f.other.cursor("mail").acknowledge(lsn{50});
  f.other.sync();
  fail_next_sync();
  const lsn last = f.other.append("healed again");
  f.other.sync();
  failing_disk::set({});
  f.other.close();
  Log again{f.place / "log", smallest<Log>()};
  BOOST_TEST(texts_of(again).size() == last.value());
  BOOST_TEST(again.cursor("mail").next() == lsn{51});
}

/// Does to a live control file what a leader does that dies between its last two stores.
void move_durable_lsn(const std::filesystem::path& store, std::uint64_t to) {
  using control = detail::control_header<platform::posix>;
  std::fstream file{store / format::control_name, std::ios::binary | std::ios::in | std::ios::out};
  file.seekp(offsetof(control, durable_lsn));
  file.write(reinterpret_cast<const char*>(&to), sizeof to);
  BOOST_REQUIRE(file.flush().good());
}

BOOST_AUTO_TEST_CASE(a_healing_behind_a_leader_that_died_half_way_keeps_every_lsn) {
  using log_type = quick_shared<Async, failing_disk>;
  const fresh_disk fresh;
  const temp_dir place;
  auto options = smallest<log_type>();
  options.durability.delay_max = std::chrono::hours{1};
  const std::vector<std::string> all{"before", "staged", "healed"};
  {
    log_type log{place / "log", options};
    log.append("before");
    log.sync();
    while (log.stats().segments < 2) std::this_thread::yield();
    log.append("staged");
    move_durable_lsn(place / "log", 2);  // while the position is still that of 1
    fail_next_sync();
    log.append("healed");
    log.sync();
    BOOST_TEST(log.stats().heals == 1U);
    BOOST_TEST(texts_of(log) == all);
    log.close();
  }
  const log_type again{place / "log", options};
  BOOST_TEST(texts_of(again) == all);
  BOOST_TEST(again.verify().intact());
}

/// Fails the sync that an append needs, and the healing of it.
template <class Log>
void fail_for_good(Log& log) {
  failing_disk::set([failed = false](disk_call call, std::string_view) mutable {
    if (call == disk_call::sync && !failed) return failed = true, -EIO;
    return call == disk_call::write && failed ? -EIO : 0;
  });
  BOOST_TEST(throws(errc::failed, [&] {
    log.append("lost?");
    log.sync();
  }));
  failing_disk::set({});
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_one_process_could_not_sync_no_other_tries_again, Log, logs) {
  for (const bool closes : {false, true}) {
    two_handles<Log> f;
    fail_for_good(f.log);
    BOOST_TEST(throws(errc::failed, [&] { closes ? f.other.close() : f.other.sync(); }));
    BOOST_TEST(f.log.durable_lsn() == lsn{1});
    BOOST_TEST(throws(errc::failed, [&] { f.log.close(); }));
    if (!closes) BOOST_TEST(throws(errc::failed, [&] { f.other.close(); }));
    const Log again{f.place / "log", smallest<Log>()};
    BOOST_TEST(texts_of(again).front() == "before");
    BOOST_TEST(again.verify().intact());
  }
}

// LOGDB_HEALING_SEEDS says how many crews; a few hundred take minutes. One file is tried only then:
// docs/durability.md says what they may lose on such a disk.
BOOST_AUTO_TEST_CASE_TEMPLATE(writers_on_an_unsteady_disk_lose_nothing_acknowledged, Log, logs) {
  std::uint64_t heals = 0;
  const bool in_one_file = Log::policies::storage::name == "SingleFile";
  const std::uint64_t seeds =
      sim::number_from_environment("LOGDB_HEALING_SEEDS", in_one_file ? 0 : 6);
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    try {
      unsteady_crew<Log> crew{seed};
      crew.run(4);
      heals += crew.heals();
    } catch (const std::exception& thrown) {
      BOOST_ERROR("seed " << seed << ": " << thrown.what());
    }
  }
  BOOST_TEST((seeds == 0 || heals > 0));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
