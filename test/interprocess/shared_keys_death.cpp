// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE interprocess_shared_keys_death
#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <signal.h>
#include <string>
#include <thread>
#include <unistd.h>
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

/// The real system, where a process can be stopped just before it puts a manifest in its place, and
/// before it opens the control file to write.
struct staged_system : quick_system {
  inline static std::function<void(const std::function<void()>&)> on_manifest{};
  inline static std::function<void()> on_control{};

  static int rename(handle directory, const char* from, const char* to) {
    int result = 0;
    const auto real = [&] { result = quick_system::rename(directory, from, to); };
    const bool told = on_manifest && to == format::manifest_name;
    told ? on_manifest(real) : real();
    return result;
  }
  static handle open_file(handle directory, const char* name, platform::file_access access) {
    const bool told = on_control && access == platform::file_access::read_write;
    if (told && name == format::control_name) on_control();
    return quick_system::open_file(directory, name, access);
  }
};

/// Tells whether the next manifest names a segment that is the first to be a compacted one.
bool names_compacted(const std::filesystem::path& draft) {
  std::ifstream file{draft, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  format::manifest next;
  if (format::decode(as_bytes(text), next) != format::format_fault::none) return false;
  return std::ranges::any_of(
      next.segments, [](const auto& each) { return each.role == format::segment_role::compacted; });
}

/// A process dies when its manifest is in place, and nobody has been told. Another one learns of
/// it all the same, since it was behind, and unlinks what went; a third one has read the manifest
/// before and is just opening the log.
class untold_manifest {
 public:
  using log_type = quick_keys<Async, staged_system>;

  void run() {
    child_process publisher{[this] { return publish(); }};  // before this process has threads
    child_process opener{[this] { return open(); }};
    log_type log{path_, small_keys<log_type>()};
    for (std::uint64_t n = 0; n < 300; ++n) log.put(key_of(n % 3), std::to_string(n));
    BOOST_TEST_REQUIRE((publish_.announce() && about_to_publish_.wait()));
    BOOST_TEST_REQUIRE((open_.announce() && about_to_join_.wait()));
    BOOST_TEST_REQUIRE(go_on_publishing_.announce());
    BOOST_TEST_REQUIRE(publisher.wait() == -1);
    const auto gone = path_ / format::segment_name(segment_number{1});
    while (std::filesystem::exists(gone)) {
      BOOST_TEST_REQUIRE(log.get(key_of(0))->text() == "297");
      (void)log.snapshot();  // wakes what follows compaction elsewhere
      std::this_thread::yield();
    }
    BOOST_TEST(go_on_joining_.announce());
    BOOST_TEST(opener.wait() == 0);
  }

 private:
  int publish() {
    if (!publish_.wait()) return 1;
    log_type log{path_, small_keys<log_type>()};
    staged_system::on_manifest = [this](const auto& put_in_place) {
      const bool last = names_compacted(path_ / format::manifest_draft_name);
      if (last && !(about_to_publish_.announce() && go_on_publishing_.wait())) return;
      put_in_place();
      if (last) ::kill(::getpid(), SIGKILL);
    };
    log.compact();
    return 2;
  }

  int open() {
    if (!open_.wait()) return 1;
    staged_system::on_control = [this] {
      staged_system::on_control = {};
      if (!about_to_join_.announce() || !go_on_joining_.wait()) ::_exit(2);
    };
    const log_type log{path_, small_keys<log_type>()};
    return log.size() == 3 && log.get(key_of(0))->text() == "297" ? 0 : 3;
  }

  temp_dir place_;
  std::filesystem::path path_ = place_ / "log";
  pipe_signal publish_;
  pipe_signal about_to_publish_;
  pipe_signal go_on_publishing_;
  pipe_signal open_;
  pipe_signal about_to_join_;
  pipe_signal go_on_joining_;
};

BOOST_AUTO_TEST_CASE(an_open_finds_what_a_process_published_that_died_before_it_said_so) {
  untold_manifest{}.run();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(who_dies_with_any_lock_stops_nobody, Log, lethal_keys) {
  strike_each_lock<Log>(SIGKILL, 2);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(who_is_stopped_with_any_lock_is_waited_for, Log, lethal_keys) {
  strike_each_lock<Log>(SIGSTOP, 4);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
