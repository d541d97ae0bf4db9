// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// One trial of processes that write one key-value log: each puts, erases, counts and compacts, one
/// is killed at one of its steps. What the others see, and what is left, must be what maps say.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <logdb/logdb.hpp>

#include "../support/key_model.hpp"
#include "index_processes.hpp"
#include "process_group.hpp"
#include "workload.hpp"
#include "world.hpp"

namespace logdb::sim {

template <class Durability>
using shared_sim_keys = basic_log<Storage<BasicDirectory<sim_system>>,
                                  logdb::Durability<Durability>, Index<KeyDir>, Locking<Fcntl>>;

/// Is one run.
template <class Log>
class shared_key_trial {
 public:
  shared_key_trial(const index_processes& size, switching& order)
      : size_{size},
        random_{size.seed},
        machine_{disk_state{{{disk::root, {}}}, {}}, 1, random_.split(), order} {}

  /// @throws  mismatch; std::runtime_error when those that live wait for ever
  void run() {
    machine_.on_step = [this] { processes_.step(); };
    machine_.run([this] {
      processes_.run([this](std::size_t number) { live(number); });
      check_left();
    });
    if (machine_.handles() != 0) throw mismatch{"a file stayed open"};
  }

  /// Returns the steps of the machine that a process took.
  [[nodiscard]] std::uint64_t machine_steps(std::size_t process) const {
    return processes_.steps(process);
  }

 private:
  using model = test::key_model;

  /// Is what one process was told.
  struct account {
    std::uint64_t begun = 0;
    std::uint64_t done = 0;
    int counts_begun = 0;
    int counts_done = 0;
  };

  static typename Log::options options() {
    auto chosen = least_options<Log>();
    chosen.index.compaction.dead_ratio_max = 0.3;
    return chosen;
  }

  /// Opens what the processes left, alone.
  void check_left() {
    Log log{log_path, options()};
    if (!log.recovery().damages.empty()) throw mismatch{"a process that died damaged the log"};
    for (std::size_t i = 0; i < size_.processes; ++i) check(log, i);
    check_count(log);
    if (!log.verify().intact()) throw mismatch{"verify finds damage"};
    log.close();
  }

  /// Is one process.
  void live(std::size_t number) {
    account& mine = accounts_[number];
    auto log = std::make_unique<Log>(log_path, options());
    for (std::uint64_t n = 1; n <= size_.steps; ++n) {
      ++mine.begun;
      do_step(*log, number, n);
      ++mine.done;
      count_up(*log, mine);
      if ((n + number) % 3 == 0) log->compact();
      check(*log, number);
    }
    check_count(*log);
    log->close();
    log.reset();
  }

  static std::string key_of(std::size_t process, std::uint64_t n) {
    return std::to_string(process) + ":" + std::to_string(n);
  }

  /// Does a step, the same to a log and to a map: some keys, some values larger than staging takes.
  template <class Target>
  void do_step(Target& target, std::size_t process, std::uint64_t n) const {
    random_source drawn{size_.seed * 1000 + process * 100 + n};
    auto&& batch = target.begin();
    for (std::size_t count = 1 + drawn.below(3); count != 0; --count) {
      const std::string key = key_of(process, drawn.below(6));
      const std::size_t bytes = drawn.one_in(4) ? 6000 : drawn.below(400);
      if (drawn.one_in(4)) {
        batch.erase(key);
      } else {
        batch.put(key, std::to_string(n) + std::string(bytes, 'v'));
      }
    }
    batch.commit();
  }

  static void count_up(Log& log, account& mine) {
    ++mine.counts_begun;
    for (bool put = false; !put;) {
      const auto found = log.get("count");
      const int now = found ? codec<int>::decode(found->bytes()).value() : 0;
      put = log.compare_and_put("count", found ? found->lsn() : lsn{}, now + 1).has_value();
    }
    ++mine.counts_done;
  }

  [[nodiscard]] model after(std::size_t process, std::uint64_t steps) const {
    model keys;
    test::model_writer writer{keys};
    for (std::uint64_t n = 1; n <= steps; ++n) do_step(writer, process, n);
    return keys;
  }

  /// Checks the keys of a process, through whichever handle.
  void check(Log& log, std::size_t process) const {
    model found;
    for (std::uint64_t n = 0; n < 6; ++n) {
      const std::string key = key_of(process, n);
      if (const auto value = log.get(key)) found.emplace(key, value->text());
    }
    const account& told = accounts_[process];
    if (found == after(process, told.done) || found == after(process, told.begun)) return;
    throw mismatch{"the keys of a process are not what it put"};
  }

  void check_count(Log& log) const {
    int least = 0;
    int most = 0;
    for (const account& each : accounts_) {
      least += each.counts_done;
      most += each.counts_begun;
    }
    const int found = log.template get<int>("count").value_or(0);
    if (found < least || found > most) throw mismatch{"the counter lost or gained a count"};
  }

  index_processes size_;
  random_source random_;
  world machine_;
  process_group processes_{machine_, size_.processes, size_.kill};
  std::vector<account> accounts_ = std::vector<account>(size_.processes);
};

}  // namespace logdb::sim
