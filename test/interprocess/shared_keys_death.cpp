// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE interprocess_shared_keys_death
#include <array>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <signal.h>
#include <string>
#include <vector>

#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "crash/support/key_model.hpp"
#include "crash/support/kills.hpp"
#include "interprocess/support/lethal_system.hpp"
#include "interprocess/support/many_keys.hpp"

// Processes that share a key-value log and are killed or stopped while they put, commit and
// compact, at random moments and in each lock. After each kill the keys of each process are what a
// map is after as many steps as were acknowledged, or one more.

namespace logdb::test {

using lethal_keys =
    boost::mp11::mp_list<quick_keys<Async, lethal_system>, quick_keys<Fsync, lethal_system>>;

using model = key_model;

std::string prefix_of(std::uint32_t round) { return std::to_string(round) + ":"; }

/// Does the step of a number to the keys of a round: the same to a log and to a model.
template <class Target>
void do_step(Target& target, std::uint32_t round, std::uint64_t number) {
  std::mt19937_64 random{mix(number) ^ round};
  const auto key = [&] { return prefix_of(round) + std::to_string(random() % 40); };
  const auto value = [&] { return std::to_string(number) + std::string(random() % 400, 'v'); };
  const auto kind = random() % 16;
  if (kind < 9) {
    const std::string which = key();
    target.put(which, value());
  } else if (kind < 12) {
    target.erase(key());
  } else {
    auto&& batch = target.begin();
    const std::uint64_t count = kind == 15 && random() % 4 == 0 ? 60 : 1 + random() % 6;
    for (std::uint64_t n = 0; n < count; ++n) {
      const std::string which = key();
      random() % 4 == 0 ? static_cast<void>(batch.erase(which))
                        : static_cast<void>(batch.put(which, value()));
    }
    batch.commit();
  }
}

/// Does steps, and tells each once it is done; compacts now and then.
template <class Log>
void do_steps(Log& log, const acknowledgement_pipe& pipe, std::uint32_t round,
              std::uint64_t count) {
  for (std::uint64_t n = 1; n <= count; ++n) {
    do_step(log, round, n);
    if (!pipe.tell({n, {.round = round}})) return;
    if (n % 24 == 0) log.compact();
  }
}

/// Tells whether the keys of a round are what they are after so many steps, or after one more.
bool is_after(const model& found, std::uint32_t round, std::uint64_t steps) {
  const std::string prefix = prefix_of(round);
  model own;
  for (const auto& [key, value] : found) {
    if (key.starts_with(prefix)) own.emplace(key, value);
  }
  model expected;
  model_writer writer{expected};
  for (std::uint64_t n = 1; n <= steps; ++n) do_step(writer, round, n);
  if (own == expected) return true;
  do_step(writer, round, steps + 1);
  return own == expected;
}

/// Has three processes write one log, kills one after the other, and begins others in their place.
template <class Log>
class key_killer {
 public:
  explicit key_killer(std::uint64_t seed) : random_{seed} {
    for (auto& each : members_) begin_one(each);
  }

  void run(int kills) {
    for (int n = 0; n < kills; ++n) {
      if (n % 8 == 7) look_beside_them();
      kill_one();
    }
    for (auto& each : members_) kill(each);
    Log log{path(), small_keys<Log>()};
    BOOST_TEST(log.recovery().damages.empty());
    BOOST_TEST(log.verify().intact());
    const model found = contents(log);
    std::uint64_t told = 0;
    for (const auto& [round, steps] : dead_) {
      BOOST_TEST_REQUIRE(is_after(found, round, steps));
      told += steps;
    }
    BOOST_TEST(told > 0U);
    std::cout << "kills: " << kills << ", acknowledged: " << told << std::endl;
  }

 private:
  struct member {
    std::uint32_t round = 0;
    std::uint64_t told = 0;
    acknowledgement_pipe pipe{};
    std::optional<child_process> process{};
  };

  void begin_one(std::unique_ptr<member>& where) {
    where = std::make_unique<member>();
    where->round = ++rounds_;
    where->process.emplace([this, own = where.get()] {
      Log log{path(), eager_keys<Log>()};
      do_steps(log, own->pipe, own->round, ~std::uint64_t{0});
      return 0;
    });
    where->pipe.only_read();
  }

  void kill_one() {
    auto& victim = members_[random_() % members_.size()];
    hear(*victim, random_() % 4 == 0 ? 0 : random_() % 60);
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
    acknowledgement told;
    while (victim->pipe.hear(told)) victim->told = told.at;
    dead_[victim->round] = victim->told;
    victim.reset();
  }

  static void hear(member& from, std::uint64_t wanted) {
    acknowledgement told;
    while (wanted-- > 0) {
      BOOST_REQUIRE(from.pipe.hear(told));
      from.told = told.at;
    }
  }

  /// A process that comes in between sees all that those did that are dead.
  void look_beside_them() {
    child_process looker{[&] {
      Log log{path(), small_keys<Log>()};
      const model found = contents(log);
      for (const auto& [round, steps] : dead_) {
        if (!is_after(found, round, steps)) return 1;
      }
      log.close();
      return 0;
    }};
    BOOST_REQUIRE(looker.wait() == 0);
  }

  [[nodiscard]] std::filesystem::path path() const { return place_ / "log"; }

  std::mt19937_64 random_;
  temp_dir place_;
  std::array<std::unique_ptr<member>, 3> members_;
  std::map<std::uint32_t, std::uint64_t> dead_;  // by round: steps that were acknowledged
  std::uint32_t rounds_ = 0;
};

BOOST_AUTO_TEST_SUITE(shared_keys_death)

BOOST_AUTO_TEST_CASE_TEMPLATE(random_kills_cost_no_acknowledged_write_and_stop_no_survivor, Log,
                              key_logs) {
  key_killer<Log>{1}.run(kills(100));
}

/// Kills or stops a process at its n-th lock, or just before it gives it back, while another one
/// has the log open and goes on. run() returns whether it came to that.
template <class Log>
class key_lock_trial {
 public:
  key_lock_trial(std::uint64_t moment, int signal) : moment_{moment}, signal_{signal} {}

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
    for (auto& each : pipes_) each.only_read();
    check();
    return struck;
  }

 private:
  static constexpr std::uint64_t steps = 30;  // one compaction

  int survive() {
    Log log{place_ / "log", small_keys<Log>()};
    do_step(log, 0, 1);
    if (!ready_.announce() || !go_.wait()) return 1;
    do_steps(log, pipes_[0], 1, steps);
    if (!is_after(contents(log), 1, steps)) return 2;
    log.compact();
    if (!is_after(contents(log), 1, steps)) return 3;
    log.close();
    return 0;
  }

  int suffer() {
    lethal_system::arm(moment_, signal_);
    Log log{place_ / "log", small_keys<Log>()};
    do_steps(log, pipes_[1], 2, steps);
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
    Log log{place_ / "log", small_keys<Log>()};
    BOOST_TEST_REQUIRE(log.verify().intact());
    const model found = contents(log);
    for (std::uint32_t who = 0; who < 2; ++who) {
      acknowledgement told{};
      while (pipes_[who].hear(told)) {
      }
      BOOST_TEST_REQUIRE(is_after(found, who + 1, told.at));
    }
  }

  std::uint64_t moment_;
  int signal_;
  temp_dir place_;
  pipe_signal ready_;
  pipe_signal go_;
  std::array<acknowledgement_pipe, 2> pipes_;
};

/// Goes through the moments of a process until it got through without one some times: how many
/// there are differs from run to run.
template <class Log>
void strike_each_lock(int signal, std::uint64_t step) {
  std::uint64_t struck = 0;
  std::uint64_t missed = 0;
  for (std::uint64_t moment = 1; missed < 5; moment += step) {
    const bool came = key_lock_trial<Log>{moment, signal}.run();
    (came ? struck : missed) += 1;
  }
  std::cout << "moments: " << struck << std::endl;
  BOOST_TEST(struck > 20U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(who_dies_with_any_lock_stops_nobody, Log, lethal_keys) {
  strike_each_lock<Log>(SIGKILL, 2);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(who_is_stopped_with_any_lock_is_waited_for, Log, lethal_keys) {
  strike_each_lock<Log>(SIGSTOP, 4);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
