// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// One trial of processes that write one log: each of some threads, one killed at one of its steps.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "power_cut.hpp"
#include "process_group.hpp"
#include "reopening.hpp"
#include "schedule_trial.hpp"
#include "workload.hpp"

namespace logdb::sim {

template <class Durability, template <class> class Kept = BasicDirectory>
using shared_sim_log =
    basic_log<Storage<Kept<sim_system>>, logdb::Durability<Durability>, Locking<Fcntl>>;

/// Says what runs.
struct process_size {
  std::size_t processes = 2;
  std::size_t threads = 1;
  std::size_t appends = 2;       // of each thread
  std::size_t transactions = 0;  // of each thread, one too large for staging
  std::size_t filled = 0;        // segments that who supervises fills first, and keeps the log open
  std::uint64_t seed = 0;
  kill_plan kill{};
};

/// Is one run.
template <class Log>
class process_trial {
 public:
  process_trial(const process_size& size, switching& order)
      : size_{size},
        random_{size.seed},
        machine_{disk_state{{{disk::root, {}}}, {}}, 1, random_.split(), order} {
    kind_.writers = size.processes * size.threads + 1;
  }

  /// @throws  mismatch; std::runtime_error when those that live wait for ever
  void run() {
    machine_.on_step = [this] {
      watch_.look(machine_);
      processes_.step();
    };
    machine_.run([this] {
      std::unique_ptr<Log> filled;
      if (size_.filled != 0) filled = fill();
      processes_.run([this](std::size_t number) { live(number); });
      if (filled != nullptr) library([&] { filled.reset(); });
      check_left();
    });
    if (machine_.handles() != 0) throw mismatch{"a file stayed open"};
    for (const moment& told : moments_) check_power_cut(told);
  }

  /// Returns the steps that a process took.
  [[nodiscard]] std::uint64_t steps(std::size_t process) const { return processes_.steps(process); }

 private:
  /// Begins so many segments that what the control file says of the first is written over.
  std::unique_ptr<Log> fill() {
    machine_.in_library = true;
    auto log = open_log<Log>(kind_);
    const std::size_t own = size_.processes * size_.threads;
    writer<Log> filling{log, *told_, kind_, own, random_source{size_.seed}};
    payloads bytes{random_source{size_.seed}, own, false};
    while (library([&] { return log->stats().segments; }) < size_.filled) {
      filling.append({bytes.make(7000)}, false);
      acknowledged(*log);
    }
    return log;
  }

  /// Is one process.
  void live(std::size_t number) {
    machine_.in_library = true;
    auto log = open_log<Log>(kind_);
    std::vector<sim_thread> threads;
    for (std::size_t i = 1; i < size_.threads; ++i) {
      threads.emplace_back([this, &log, who = number * size_.threads + i] { write(log, who); });
    }
    write(log, number * size_.threads);
    for (auto& thread : threads) thread.join();
    const std::uint64_t promised = told_->now.kept.power;
    const contents shown = library([&] { return show(*log); });
    if (shown.last() < promised) throw mismatch{"a reader misses durable records"};
    library([&] { log->close(); });
    library([&] { log.reset(); });
  }

  void write(std::unique_ptr<Log>& log, std::size_t who) {
    writer<Log> own{log, *told_, kind_, who, random_source{size_.seed + who}};
    payloads bytes{random_source{size_.seed ^ who}, who, false};
    for (std::size_t i = 0; i < size_.appends; ++i) {
      own.append(bytes.make_many(1 + i % 2, 40 + 4000 * (size_.seed % 3)), i % 2 == 1);
      acknowledged(*log);
    }
    for (std::size_t i = 0; i < size_.transactions; ++i) {
      own.append(bytes.make_many(12, 3000), true);
      acknowledged(*log);
    }
  }

  void acknowledged(Log& log) {
    const std::uint64_t durable = library([&] { return log.durable_lsn(); }).value();
    told_->now.kept.power = std::max(told_->now.kept.power, durable);
    if (random_.one_in(8)) {
      moments_.push_back(
          {machine_.storage.freeze_state(), machine_.boot, told_->now, told_, 0, true});
    }
  }

  /// Opens what the processes left, alone.
  void check_left() {
    auto log = open_log<Log>(kind_);
    const contents shown = library([&] { return show(*log); });
    told_->check(shown, told_->now, ending::process_death);
    if (!shown.report.damages.empty()) throw mismatch{"a process that was killed damaged the log"};
    check_index(*log, shown, random_);
    if (!library([&] { return log->verify().intact(); })) throw mismatch{"verify finds damage"};
    library([&] { log->close(); });
    library([&] { log.reset(); });
  }

  void check_power_cut(const moment& told) {
    explorer oldest;  // the first possibility each time: all that may be lost is
    recorder none{0, random_.split()};
    reopening<Log>{told, power_cut{told.state, oldest, random_.split()}.run(), ending::power_cut,
                   kind_, random_.split()}
        .run(none);
  }

  process_size size_;
  random_source random_;
  workload kind_{"processes", {}};
  world machine_;
  process_group processes_{machine_, size_.processes, size_.kill};
  watermark_watch watch_;
  std::shared_ptr<story> told_ = std::make_shared<story>(size_.processes * size_.threads + 1);
  std::vector<moment> moments_;
};

}  // namespace logdb::sim
