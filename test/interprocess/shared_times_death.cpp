// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE interprocess_shared_times_death
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <signal.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "crash/support/kills.hpp"
#include "interprocess/support/lethal_system.hpp"
#include "interprocess/support/many_times.hpp"

// Processes that write one time log, each with threads, and are killed; others read it meanwhile.
// What was acknowledged is there once, rows of one time stand in the order of their lsns, and all
// processes see the same.

namespace logdb::test {

using time_logs = boost::mp11::mp_list<quick_times<Async>, quick_times<Fsync>>;
using lethal_times =
    boost::mp11::mp_list<quick_times<Async, lethal_system>, quick_times<Fsync, lethal_system>>;

/// Does steps, and tells each once it is done, with the lsn of its row if it was a single one.
template <class Log>
void do_steps(Log& log, const acknowledgement_pipe& pipe, const row_writer& who,
              std::uint64_t count) {
  for (std::uint64_t n = 1; n <= count; ++n) {
    const std::uint64_t at = who.do_step(log, n);
    const auto number = static_cast<std::uint32_t>(who.number);
    if (!pipe.tell({at, {.writer = number, .sequence = static_cast<std::uint32_t>(n)}})) return;
    if (n % 64 == 0) log.checkpoint();
  }
}

/// What the writers were told, of those that are dead.
class told_steps {
 public:
  void note(const acknowledgement& told) {
    auto& steps = steps_[told.who.writer];
    steps = std::max<std::uint64_t>(steps, told.who.sequence);
    if (told.at != 0) lsns_[row_writer{told.who.writer}.value(told.who.sequence)] = told.at;
  }
  /// @throws  std::runtime_error unless the rows are those of so many steps of each, or one more
  void check(const rows& found) const {
    for (const auto& [number, steps] : steps_) {
      const row_writer who{number};
      if (who.is_after(found, steps, true)) continue;
      throw std::runtime_error{"the rows of writer " + std::to_string(number) +
                               " are not what they are after step " + std::to_string(steps)};
    }
    check_order(found);
  }
  [[nodiscard]] std::uint64_t steps() const {
    std::uint64_t all = 0;
    for (const auto& [number, steps] : steps_) all += steps;
    return all;
  }

 private:
  /// Rows of a time that all have in common: each there once, in the order of the lsns.
  void check_order(const rows& found) const {
    std::set<std::uint64_t> seen;
    std::pair<std::int64_t, std::uint64_t> last{};
    for (const auto& [time, value] : found) {
      if (time >= row_writer::common_times) break;
      if (!seen.insert(value).second) throw std::runtime_error{"a row is there twice"};
      const auto told = lsns_.find(value);
      if (told == lsns_.end()) continue;
      const std::pair now{time, told->second};
      if (now <= last) throw std::runtime_error{"equal times are not in the order of their lsns"};
      last = now;
    }
  }

  std::map<std::uint32_t, std::uint64_t> steps_;
  std::map<std::uint64_t, std::uint64_t> lsns_;  // by value, of single rows
};

/// Reads again and again until it is told to look a last time, and then tells what it sees.
template <class Log>
class row_reader {
 public:
  row_reader(const std::filesystem::path& log, std::filesystem::path to, open_mode mode)
      : told_{std::move(to)}, process_{[this, log, mode] { return read(log, mode); }} {}

  /// Returns what it saw when all that write were gone.
  [[nodiscard]] std::string finish() {
    if (!last_.announce() || process_.wait() != 0) throw std::runtime_error{"a reader failed"};
    return read_file(told_);
  }

  static std::string written(const rows& all) {
    std::string text;
    for (const auto& [time, value] : all) {
      text += std::to_string(time) + ' ' + std::to_string(value) + '\n';
    }
    return text;
  }

 private:
  int read(const std::filesystem::path& path, open_mode mode) const {
    auto options = small_times<Log>();
    options.mode = mode;
    Log log{path, options};
    std::atomic<bool> is_last = false;
    std::jthread waits{[&] { is_last.store(last_.wait()); }};
    rows before;
    for (bool last = false; !last;) {
      last = is_last.load();
      rows now = common(rows_of(log));
      if (!goes_on(before, now)) throw std::runtime_error{"what was seen has changed"};
      before = std::move(now);
    }
    if (mode == open_mode::read_write) log.sync();  // what the dead had only staged
    write_file(told_, written(rows_of(log)));
    log.close();
    return 0;
  }

  static rows common(rows all) {
    std::erase_if(all, [](const auto& row) { return row.first >= row_writer::common_times; });
    return all;
  }
  /// Tells whether rows of times at which nothing is erased were only added behind the others.
  static bool goes_on(const rows& before, const rows& now) {
    for (std::int64_t time = 0; time < row_writer::common_times; ++time) {
      const auto is_of = [time](const auto& row) { return row.first == time; };
      auto at = std::ranges::find_if(now, is_of);
      for (const auto& row : before) {
        if (!is_of(row)) continue;
        if (at == now.end() || *at != row) return false;
        ++at;
      }
    }
    return true;
  }

  std::filesystem::path told_;
  pipe_signal last_;
  child_process process_;
};

/// Has four processes of four threads each write one log and two read it, kills some of those that
/// write, and begins others in their place.
template <class Log>
class row_killer {
 public:
  explicit row_killer(std::uint64_t seed) : random_{seed} {}

  void run(int kills) {
    for (auto& each : members_) begin_one(each);
    hear(*members_.front());  // then there is a log
    row_reader<Log> looker{path(), place_ / "looker", open_mode::read_only};
    row_reader<Log> sharer{path(), place_ / "sharer", open_mode::read_write};
    for (int n = 0; n < kills; ++n) kill_one();
    for (auto& each : members_) kill(each);
    const std::string shared = sharer.finish();
    Log log{path(), small_times<Log>()};
    const rows found = rows_of(log);
    told_.check(found);
    log.sync();
    if (looker.finish() != row_reader<Log>::written(found)) throw std::runtime_error{"looker"};
    if (shared != row_reader<Log>::written(found)) throw std::runtime_error{"sharer"};
    if (!log.validate().empty()) throw std::runtime_error{log.validate().front()};
    if (!log.recovery().damages.empty()) throw std::runtime_error{"damaged"};
    if (!log.verify().intact()) throw std::runtime_error{"verify"};
    log.close();
    Log again{path(), small_times<Log>()};
    if (rows_of(again) != found) throw std::runtime_error{"other rows after a close"};
  }
  [[nodiscard]] std::uint64_t steps() const { return told_.steps(); }

 private:
  static constexpr std::uint32_t threads = 4;

  struct member {
    acknowledgement_pipe pipe{};
    std::optional<child_process> process{};
  };

  void begin_one(std::unique_ptr<member>& where) {
    where = std::make_unique<member>();
    const std::uint64_t first = 1 + threads * begun_++;
    where->process.emplace([this, first, own = where.get()] {
      Log log{path(), small_times<Log>()};
      on_threads(threads, [&](std::uint32_t i) {
        do_steps(log, own->pipe, row_writer{first + i}, ~std::uint64_t{0});
      });
      return 0;
    });
    where->pipe.only_read();
  }

  void kill_one() {
    auto& victim = members_[random_() % members_.size()];
    for (auto wanted = random_() % 4 == 0 ? 0 : random_() % 200; wanted > 0; --wanted) {
      hear(*victim);
    }
    spin(std::chrono::microseconds{random_() % 1000});
    kill(victim);
    if (random_() % 4 == 0) kill(members_[random_() % members_.size()]);
    for (auto& each : members_) {
      if (each == nullptr) begin_one(each);
    }
  }

  void hear(const member& from) {
    acknowledgement told;
    if (!from.pipe.hear(told)) throw std::runtime_error{"a writer ended by itself"};
    told_.note(told);
  }

  void kill(std::unique_ptr<member>& victim) {
    if (victim == nullptr) return;
    victim->process->kill();
    acknowledgement told;
    while (victim->pipe.hear(told)) told_.note(told);
    victim.reset();
  }

  [[nodiscard]] std::filesystem::path path() const { return place_ / "log"; }

  std::mt19937_64 random_;
  temp_dir place_;
  std::array<std::unique_ptr<member>, 4> members_;
  told_steps told_;
  std::uint64_t begun_ = 0;
};

/// Kills or stops a process at its n-th lock, or just before it gives it back, while another one
/// has the log open and goes on. run() returns whether it came to that.
template <class Log>
class time_lock_trial {
 public:
  time_lock_trial(std::uint64_t moment, int signal) : moment_{moment}, signal_{signal} {}

  bool run() {
    child_process survivor{[this] { return survive(); }};
    BOOST_REQUIRE(ready_.wait());
    child_process victim{[this] { return suffer(); }};
    const bool struck = await(victim);
    BOOST_REQUIRE(go_.announce());
    if (struck && signal_ == SIGSTOP) {
      spin(std::chrono::microseconds{200});
      ::kill(victim.id(), SIGCONT);
    }
    BOOST_REQUIRE(survivor.wait() == 0);
    if (signal_ == SIGSTOP) BOOST_REQUIRE(victim.wait() == 0);
    check();
    return struck;
  }

 private:
  static constexpr std::uint64_t steps = 24;

  static typename Log::options by_hand() {
    auto options = small_times<Log>();
    options.index.maintenance = maintenance_mode::by_hand;  // so that locks come in one order
    return options;
  }

  int survive() const {
    Log log{place_ / "log", by_hand()};
    row_writer{1}.do_step(log, 1);
    if (!ready_.announce() || !go_.wait()) return 1;
    for (std::uint64_t n = 2; n <= steps; ++n) row_writer{1}.do_step(log, n);
    log.checkpoint();
    if (!row_writer{1}.is_after(rows_of(log), steps)) return 2;
    log.close();
    return 0;
  }

  int suffer() const {
    lethal_system::arm(moment_, signal_);
    Log log{place_ / "log", by_hand()};
    for (std::uint64_t n = 1; n <= steps; ++n) {
      const std::uint64_t at = row_writer{2}.do_step(log, n);
      if (!pipe_.tell({at, {.writer = 2, .sequence = static_cast<std::uint32_t>(n)}})) return 3;
      if (n % 8 == 0) log.checkpoint();
    }
    log.close();
    return 0;
  }

  /// Waits until it was struck, or is through; returns which.
  bool await(child_process& victim) const {
    if (signal_ == SIGKILL) return victim.wait() == -1;
    ::siginfo_t seen{};  // WNOWAIT: whether it has ended is still to be asked
    BOOST_REQUIRE(::waitid(P_PID, static_cast<::id_t>(victim.id()), &seen,
                           WSTOPPED | WEXITED | WNOWAIT) == 0);
    return seen.si_code == CLD_STOPPED;
  }

  void check() {
    pipe_.only_read();
    told_steps told;
    acknowledgement each;
    while (pipe_.hear(each)) told.note(each);
    Log log{place_ / "log", by_hand()};
    told.check(rows_of(log));
    BOOST_TEST_REQUIRE(row_writer{1}.is_after(rows_of(log), steps));
    BOOST_TEST_REQUIRE(log.validate().empty());
    BOOST_TEST_REQUIRE(log.verify().intact());
  }

  std::uint64_t moment_;
  int signal_;
  temp_dir place_;
  pipe_signal ready_;
  pipe_signal go_;
  acknowledgement_pipe pipe_;
};

/// Goes through the moments of a process until it got through without one some times.
template <class Log>
void strike_each_lock(int signal, std::uint64_t step) {
  std::uint64_t struck = 0;
  std::uint64_t missed = 0;
  for (std::uint64_t moment = 1; missed < 3; moment += step) {
    const bool came = time_lock_trial<Log>{moment, signal}.run();
    (came ? struck : missed) += 1;
  }
  std::cout << "moments: " << struck << std::endl;
  BOOST_TEST(struck > 20U);
}

BOOST_AUTO_TEST_SUITE(shared_times_death)

BOOST_AUTO_TEST_CASE_TEMPLATE(random_kills_of_writers_cost_no_acknowledged_row_and_all_see_the_same,
                              Log, time_logs) {
  std::uint64_t told = 0;
  const int runs = kills(1, "LOGDB_TIME_RUNS");
  const int first = kills(1, "LOGDB_TIME_SEED");
  for (int seed = first; seed < first + runs; ++seed) {
    row_killer<Log> one{static_cast<std::uint64_t>(seed)};
    try {
      one.run(6);
    } catch (const std::exception& thrown) {
      BOOST_TEST_REQUIRE(false, "LOGDB_TIME_SEED=" << seed << ": " << thrown.what());
    }
    told += one.steps();
  }
  std::cout << "runs: " << runs << ", acknowledged: " << told << std::endl;
  BOOST_TEST(told > 0U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(who_dies_with_any_lock_stops_nobody, Log, lethal_times) {
  strike_each_lock<Log>(SIGKILL, 2);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(who_is_stopped_with_any_lock_is_waited_for, Log, lethal_times) {
  strike_each_lock<Log>(SIGSTOP, 4);
}

BOOST_AUTO_TEST_CASE(many_processes_write_one_log_while_some_are_stopped) {
  using log_type = quick_times<Async>;
  const temp_dir place;
  const auto many = static_cast<std::uint32_t>(kills(40, "LOGDB_TIME_PROCESSES"));
  crew all{many, [&](std::uint32_t process) {
             log_type log{place / "log"};
             for (std::int64_t n = 0; n < 40; ++n) log.append(n, process);
             if (process % 10 == 0) log.checkpoint();
             log.close();
           }};
  std::mt19937 random{7};
  for (int i = 0; i < 60; ++i) {
    const auto id = all.members()[random() % many].id();
    ::kill(id, SIGSTOP);
    spin(std::chrono::milliseconds{random() % 40});
    ::kill(id, SIGCONT);
  }
  BOOST_TEST(all.finish() == many);
  BOOST_TEST(log_type{place / "log"}.size() == 40U * many);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
