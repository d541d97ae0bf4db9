// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// One trial of a fault: a process whose n-th call of some kind fails, and what a log made of it.

#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "power_cut.hpp"
#include "reopening.hpp"
#include "workload.hpp"

namespace logdb::sim {

/// Is one process with one fault.
template <class Log>
class fault_trial {
 public:
  fault_trial(const workload& kind, std::uint64_t seed, const fault_plan& plan)
      : kind_{kind}, random_{seed}, plan_{plan}, order_{random_.split()} {
    kind_.unique = true;
    kind_.reads_beside = false;
    machine_.failing.plan(plan);
  }

  /// Has an allocation of the library fail, the n-th, perhaps all behind it too.
  void fail_allocation(std::uint64_t number, bool from_then_on) {
    machine_.allocation_to_fail = number;
    machine_.allocations_fail_on = from_then_on;
  }

  /// @throws  mismatch, or what nobody expects
  void run() {
    recorder record{moments, random_.split()};
    machine_.on_step = [&] {
      record.see(machine_, told_, told_->now, true);  // a failed write may leave a torn tail
    };
    machine_.run([this] { process(); });
    if (machine_.handles() != 0) throw mismatch{"a file stayed open"};
    if (machine_.regions != 0) throw mismatch{"a mapping stayed"};
    for (const moment& stopped : record.moments()) check_left(stopped);
    check_left({machine_.storage.freeze_state(), machine_.boot, told_->now, told_, 0, true});
  }

  [[nodiscard]] std::uint64_t calls(call kind) const { return machine_.failing.count(kind); }
  [[nodiscard]] std::uint64_t allocations() const { return machine_.allocations; }

 private:
  static constexpr std::size_t moments = 3;

  void process() {
    std::unique_ptr<Log> log;
    std::vector<std::unique_ptr<writer<Log>>> writers;
    for (std::size_t i = 0; i < kind_.writers; ++i) {
      writers.push_back(std::make_unique<writer<Log>>(log, *told_, kind_, i, random_.split()));
    }
    if (kind_.writers == 1) {
      for (std::size_t i = 0; i < kind_.steps; ++i) step(log, *writers.front());
    } else {
      run_beside(log, writers);
    }
    check_works(log, *writers.front());
    const bool closes = log != nullptr && !writers.front()->is_closing();
    if (closes && attempt([&] { library([&] { log->close(); }); })) told_->closed();
    library([&] { log.reset(); });
  }

  void run_beside(std::unique_ptr<Log>& log, std::vector<std::unique_ptr<writer<Log>>>& writers) {
    if (!attempt([&] { log = open_log<Log>(kind_); })) return;
    std::vector<sim_thread> threads;
    for (auto& one : writers) {
      threads.emplace_back([&, own = one.get()] {
        for (std::size_t i = 0; i < kind_.steps; ++i) attempt([own] { own->step(); });
      });
    }
    for (auto& thread : threads) thread.join();
  }

  /// Does one thing; opens the log first when it is not open.
  void step(std::unique_ptr<Log>& log, writer<Log>& own) {
    attempt([&] {
      if (log == nullptr || gave_up_ || own.is_closing()) {
        library([&] { log.reset(); });
        log = open_log<Log>(kind_);
        own.opened();
        gave_up_ = false;
      }
      own.step();
    });
  }

  /// Runs what may fail for documented reasons; returns whether it did not.
  template <class Call>
  bool attempt(Call call) {
    try {
      call();
      return true;
    } catch (const error& thrown) {
      gave_up_ =
          gave_up_ || thrown.condition() == errc::closed || thrown.condition() == errc::failed;
      // Only a close that failed leaves a closed log here.
      if (!is_documented(thrown.condition()) && thrown.condition() != errc::closed) throw;
    } catch (const std::bad_alloc&) {
      // As documented for memory that runs out.
    }
    return false;
  }

  /// After a fault that has passed a log works, or says that it failed.
  void check_works(std::unique_ptr<Log>& log, writer<Log>& own) {
    if (plan_.count == for_ever || log == nullptr || gave_up_ || plan_.first == 0) return;
    payloads bytes{random_.split(), 77, false};
    try {
      own.append({bytes.make(30)}, false);
    } catch (const error& thrown) {
      if (thrown.condition() != errc::failed && thrown.condition() != errc::closed) throw;
    }
  }

  /// Opens what is left: as after a death, and after some power cuts.
  void check_left(const moment& left) {
    reopen(left, left.state, ending::process_death);
    counting_chooser newest;
    reopen(left, power_cut{left.state, newest, random_.split()}.run(), ending::power_cut);
    sampling_chooser some{random_.split(), newest.decisions()};
    reopen(left, power_cut{left.state, some, random_.split()}.run(), ending::power_cut);
  }

  void reopen(const moment& left, const disk_state& image, ending how) {
    recorder none{0, random_.split()};
    reopening<Log>{left, image, how, kind_, random_.split()}.run(none);
  }

  workload kind_;
  random_source random_;
  fault_plan plan_;
  random_switching order_;
  world machine_{disk_state{{{disk::root, {}}}, {}}, 1, random_.split(), order_};
  std::shared_ptr<story> told_ = std::make_shared<story>(kind_.writers, kind_.records_kept);
  bool gave_up_ = false;  // the log is of no more use: open it again
};

}  // namespace logdb::sim
