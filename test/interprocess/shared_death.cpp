// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE interprocess_shared_death
#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <signal.h>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <vector>

#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "crash/support/kills.hpp"
#include "interprocess/support/lethal_system.hpp"
#include "interprocess/support/many.hpp"

// Processes that share a log and are killed or stopped, at random moments and in each lock.

namespace logdb::test {

using logs = boost::mp11::mp_list<quick_shared<Fsync>, quick_shared<Async>, quick_shared<None>,
                                  quick_shared_file<Fsync>, quick_shared_file<Async>>;
using lethal_logs =
    boost::mp11::mp_list<quick_shared<Fsync, lethal_system>, quick_shared<Async, lethal_system>,
                         quick_shared_file<Fsync, lethal_system>>;

/// Has three processes write one log, kills one after the other, and begins others in their place.
template <class Log>
class killer {
 public:
  explicit killer(std::uint64_t seed) : random_{seed} {}

  void run(int kills) {
    for (int n = 0; n < kills; ++n) {
      if (n % kills_a_log == 0) begin_log();
      if (random_() % 4 == 0) look_beside_them();
      kill_one();
    }
    end_log();
    BOOST_TEST(told_ > 0U);
    std::cout << "kills: " << kills << ", acknowledged: " << told_ << std::endl;
  }

 private:
  static constexpr int kills_a_log = 20;

  struct member {
    acknowledgement_pipe pipe;
    std::optional<child_process> process;
  };

  void begin_log() {
    if (place_) end_log();
    place_.emplace();
    acknowledged_.clear();
    for (auto& each : members_) begin_one(each);
  }

  void begin_one(std::unique_ptr<member>& where) {
    where = std::make_unique<member>();
    const std::uint32_t writers = random_() % 2 == 0 ? 1 : 3;
    const std::uint32_t round = ++rounds_;
    where->process.emplace([&] {
      return write_until_killed<Log>(path(), smallest<Log>(), where->pipe, round, writers);
    });
    where->pipe.only_read();
  }

  /// Every fourth is killed while it opens, and another one at once, for the next to meet both.
  void kill_one() {
    auto& victim = members_[random_() % members_.size()];
    hear(*victim, random_() % 4 == 0 ? 0 : random_() % 40);
    spin(std::chrono::microseconds{random_() % 1000});
    kill(victim);
    if (random_() % 4 == 0) kill(members_[random_() % members_.size()]);
    for (auto& each : members_) {
      if (each == nullptr) begin_one(each);
    }
  }

  void kill(std::unique_ptr<member>& victim) {
    if (victim == nullptr) return;
    victim->process->kill();
    hear_all(victim->pipe, acknowledged_);
    victim.reset();
  }

  void hear(member& from, std::uint64_t wanted) {
    acknowledgement told;
    while (wanted-- > 0) {
      BOOST_REQUIRE(from.pipe.hear(told));
      acknowledged_.push_back(told);
    }
  }

  /// A process that comes in between sees all that was acknowledged, and no half transaction.
  void look_beside_them() {
    child_process looker{[&] {
      Log log{path(), smallest<Log>()};
      log.sync();
      const auto found = read_history(log);
      for (const auto& told : acknowledged_) found.require(told);
      log.close();
      return 0;
    }};
    BOOST_REQUIRE(looker.wait() == 0);
  }

  void end_log() {
    for (auto& each : members_) kill(each);
    check_alone<Log>(path(), acknowledged_);
    told_ += acknowledged_.size();
  }

  [[nodiscard]] std::filesystem::path path() const { return *place_ / "log"; }

  std::mt19937_64 random_;
  std::optional<temp_dir> place_;
  std::array<std::unique_ptr<member>, 3> members_;
  std::vector<acknowledgement> acknowledged_;
  std::uint32_t rounds_ = 0;
  std::size_t told_ = 0;
};

BOOST_AUTO_TEST_SUITE(shared_death)

BOOST_AUTO_TEST_CASE_TEMPLATE(random_kills_cost_no_acknowledged_record_and_stop_no_survivor, Log,
                              logs) {
  killer<Log>{1}.run(kills(under_thread_sanitizer ? 30 : 120));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(who_is_stopped_at_random_moments_goes_on_and_so_do_all, Log, logs) {
  const temp_dir place;
  constexpr std::uint32_t records = 1500;
  crew all{3, [&](std::uint32_t process) {
             Log log{place / "log", smallest<Log>()};
             append_singly(log, process, 0, records);
             log.close();
           }};
  std::mt19937_64 random{2};
  for (int i = 0; i < 60; ++i) {
    const auto id = all.members()[random() % 3].id();
    ::kill(id, SIGSTOP);
    spin(std::chrono::microseconds{random() % 1000});
    ::kill(id, SIGCONT);
    spin(std::chrono::microseconds{random() % 300});
  }
  BOOST_TEST(all.finish() == 3U);
  BOOST_TEST(check_alone<Log>(place / "log").size() == 3 * records);
}

/// Tells whether each thread of a process waits for something: its own have then done what they
/// do at the open.
bool is_asleep(::pid_t id) {
  const std::filesystem::path threads = "/proc/" + std::to_string(id) + "/task";
  for (const auto& thread : std::filesystem::directory_iterator{threads}) {
    const std::string stat = read_file(thread.path() / "stat");
    if (stat.compare(stat.rfind(')') + 2, 1, "S") != 0) return false;
  }
  return true;
}

BOOST_AUTO_TEST_CASE_TEMPLATE(who_is_stopped_without_a_lock_stops_nobody, Log, logs) {
  const temp_dir place;
  const pipe_signal ready;
  const pipe_signal go;
  child_process idle{[&] {
    Log log{place / "log", smallest<Log>()};
    log.append(make_payload({0, 0, 0}));
    log.sync();
    if (!ready.announce() || !go.wait()) return 1;
    log.append(make_payload({0, 0, 1}));
    log.close();
    return 0;
  }};
  BOOST_REQUIRE(ready.wait());
  while (!is_asleep(idle.id())) std::this_thread::yield();
  ::kill(idle.id(), SIGSTOP);
  crew all{2, [&](std::uint32_t process) {
             Log log{place / "log", smallest<Log>()};
             append_singly(log, 1 + process, 0, 200);
             log.close();
           }};
  BOOST_TEST(all.finish() == 2U);
  BOOST_TEST(go.announce());
  ::kill(idle.id(), SIGCONT);
  BOOST_TEST(idle.wait() == 0);
  BOOST_TEST(check_alone<Log>(place / "log").size() == 402U);
}

/// Does something of everything that takes a lock: rolls, transactions of either size, a cursor.
template <class Log>
void do_everything(Log& log, const acknowledgement_pipe& pipe, std::uint32_t writer) {
  for (std::uint32_t i = 0; i < 3; ++i) {
    busy_writer<Log>{log, pipe, i, writer}.run(8);
    auto unit = log.begin();
    stamp last;
    for (std::uint32_t k = 0; k < 100; ++k) {
      unit.append(make_payload(last = {10 + i, writer, k, k, 100}));
    }
    if (!pipe.tell({unit.commit().value(), last})) throw std::runtime_error{"the pipe is full"};
    log.cursor("place").acknowledge(lsn{writer + 1});
    (void)log.records();
  }
}

/// Kills or stops a process at its n-th lock, or just before it gives it back, while another one
/// has the log open and goes on. run() returns whether it came to that.
template <class Log>
class lock_trial {
 public:
  lock_trial(std::uint64_t moment, int signal) : moment_{moment}, signal_{signal} {}

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
    pipe_.only_read();
    std::vector<acknowledgement> told;
    hear_all(pipe_, told);
    check_alone<Log>(place_ / "log", told);
    return struck;
  }

 private:
  int survive() {
    Log log{place_ / "log", smallest<Log>()};
    log.append(make_payload({0, 0, 0}));
    if (!ready_.announce() || !go_.wait()) return 1;
    do_everything(log, pipe_, 2);
    log.sync();
    (void)read_history(log);
    log.close();
    return 0;
  }

  int suffer() {
    lethal_system::arm(moment_, signal_);
    Log log{place_ / "log", smallest<Log>()};
    do_everything(log, pipe_, 1);
    log.close();
    return 0;
  }

  /// Waits until it was struck, or is through; returns which.
  bool await(child_process& victim) const {
    if (signal_ == SIGKILL) return victim.wait() == -1;
    // WNOWAIT: whether it has ended is still to be asked.
    ::siginfo_t seen{};
    BOOST_REQUIRE(::waitid(P_PID, static_cast<::id_t>(victim.id()), &seen,
                           WSTOPPED | WEXITED | WNOWAIT) == 0);
    return seen.si_code == CLD_STOPPED;
  }

  std::uint64_t moment_;
  int signal_;
  temp_dir place_;
  pipe_signal ready_;
  pipe_signal go_;
  acknowledgement_pipe pipe_;
};

/// Goes through the moments of a process until it got through without one some times: how many
/// there are differs from run to run.
template <class Log>
void strike_each_lock(int signal, std::uint64_t step) {
  std::uint64_t struck = 0;
  std::uint64_t missed = 0;
  for (std::uint64_t moment = 1; missed < 10; moment += step) {
    const bool came = lock_trial<Log>{moment, signal}.run();
    (came ? struck : missed) += 1;
  }
  std::cout << "moments: " << struck << std::endl;
  BOOST_TEST(struck > (under_thread_sanitizer ? 5U : 20U));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(who_dies_with_any_lock_stops_nobody, Log, lethal_logs) {
  strike_each_lock<Log>(SIGKILL, under_thread_sanitizer ? 7 : 1);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(who_is_stopped_with_any_lock_is_waited_for, Log, lethal_logs) {
  strike_each_lock<Log>(SIGSTOP, 3);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
