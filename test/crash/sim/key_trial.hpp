// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A trial of a key-value log: a process writes, erases, compacts, is stopped at some of its steps;
/// whatever is left of the disk must open as the map was after some step that may be the last.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <logdb/logdb.hpp>

#include "power_cut.hpp"
#include "reopening.hpp"
#include "workload.hpp"
#include "world.hpp"

namespace logdb::sim {

template <class Durability>
using sim_keys =
    basic_log<Storage<BasicDirectory<sim_system>>, logdb::Durability<Durability>, Index<KeyDir>>;

/// Counts what trials did.
struct key_tally {
  std::uint64_t images = 0;
  std::uint64_t compactions = 0;  // runs of segments
};

/// Says what fails while a log of keys is written.
struct key_fault {
  fault_plan plan{};
  std::uint64_t allocation = 0;  // the n-th of the library; 0: none
  bool from_then_on = false;     // and all behind it

  [[nodiscard]] bool is_none() const { return plan.first == 0 && allocation == 0; }
};

/// Is one trial with one kind of log.
template <class Log>
class key_trial {
 public:
  /// @param extent  how long it is: steps, moments at which it is stopped, power cuts at each
  struct extent {
    std::size_t steps = 90;
    std::size_t stops = 12;
    std::size_t cuts = 6;
  };

  key_trial(std::uint64_t seed, key_tally& count) : key_trial{seed, count, {}, extent{}} {}
  key_trial(std::uint64_t seed, key_tally& count, const key_fault& fault, extent chosen)
      : random_{seed}, count_{count}, fault_{fault}, extent_{chosen}, order_{random_.split()} {
    machine_.failing.plan(fault.plan);
    machine_.allocation_to_fail = fault.allocation;
    machine_.allocations_fail_on = fault.from_then_on;
  }

  /// @throws  mismatch, or what went wrong in the simulated process
  void run() {
    machine_.on_step = [&] { see(machine_); };
    machine_.run([&] { write(); });
    see(machine_);
    if (machine_.handles() != 0) throw mismatch{"a file stayed open"};
    if (machine_.regions != 0) throw mismatch{"a mapping stayed"};
    for (const stop& each : stops_.kept()) try_stop(each);
  }

  [[nodiscard]] std::uint64_t calls(call kind) const { return machine_.failing.count(kind); }
  [[nodiscard]] std::uint64_t allocations() const { return machine_.allocations; }

 private:
  using model = std::map<std::string, std::string>;

  /// Is a moment at which the process may be stopped, and what had been said.
  struct stop {
    disk_state state;
    std::uint64_t step = 0;
    std::size_t issued = 0;    // steps begun
    std::size_t returned = 0;  // and ended, and not lost by a failure that was told
    std::size_t durable = 0;   // and promised to survive a power cut
  };

  static typename Log::options options() {
    auto chosen = least_options<Log>();
    chosen.index.stride_bytes = 256;
    chosen.index.compaction.dead_ratio_max = 0.3;
    return chosen;
  }

  void see(const world& machine) {
    stops_.see([&] {
      return stop{machine.storage.freeze_state(), machine.processor.points(), issued_, least(),
                  durable_};
    });
  }

  void write() {
    std::unique_ptr<Log> log;
    for (std::size_t n = 0; n < extent_.steps; ++n) {
      if (!attempt([&] { go(log); }) && !attempt([&] { recover(log); })) return end(log);
    }
    if (attempt([&] { close(*log); })) durable_ = returned_;
    end(log);
  }

  /// Does one step; opens the log first when it is not open.
  void go(std::unique_ptr<Log>& log) {
    if (log == nullptr) log = open();
    step(*log);
    note_durable(*log);
    if (random_.one_in(25)) reopen(log);
  }

  static std::unique_ptr<Log> open() {
    return library([] { return std::make_unique<Log>(log_path, options()); });
  }

  /// Closes a log, and counts what it compacted: a closed one answers nothing.
  void close(Log& log) {
    count_.compactions += log.compacted().segments_read;
    library([&] { log.close(); });
  }
  /// Lets go of a log, however it is.
  static void end(std::unique_ptr<Log>& log) {
    library([&] { log.reset(); });
  }

  /// Runs what may fail for documented reasons; returns whether it did not.
  template <class Call>
  bool attempt(Call call) {
    try {
      call();
      return true;
    } catch (const error& thrown) {
      if (fault_.is_none() || !is_documented(thrown.condition())) throw;
    } catch (const std::bad_alloc&) {
      if (fault_.is_none()) throw;
    }
    return false;
  }

  /// Opens the log again after a call that failed. What it had begun is there or not; what it had
  /// acknowledged is, unless it had said that it failed.
  void recover(std::unique_ptr<Log>& log) {
    failed_ = true;
    end(log);
    log = open();
    const model found = contents_of(*log);
    std::size_t at = issued_;
    while (at > least() && models_[at] != found) --at;
    if (models_[at] != found) throw mismatch{"after a call that failed no step leaves this"};
    issued_ = returned_ = at;
    durable_ = std::min(durable_, at);
    models_.resize(at + 1);
    lsns_.resize(at);
  }

  /// Returns how many steps a death must leave.
  [[nodiscard]] std::size_t least() const { return failed_ ? durable_ : returned_; }

  /// Does one thing to the log and to the map.
  void step(Log& log) {
    model next = models_.back();
    const std::size_t kind = random_.below(12);
    if (kind == 0) return void(library([&] { return log.compact(); }));
    if (kind == 1) return library([&] { log.sync(); });
    const std::size_t count = kind < 8 ? 1 : 1 + random_.below(6);
    auto batch = log.begin();
    for (std::size_t n = 0; n < count; ++n) {
      const std::string key = "key " + std::to_string(random_.below(24));
      if (random_.one_in(4)) {
        batch.erase(key);
        next.erase(key);
      } else {
        const bool large = random_.one_in(12);
        const std::string value =
            std::to_string(returned_) + std::string(random_.below(large ? 6000 : 500), 'v');
        batch.put(key, value);
        next[key] = value;
      }
    }
    models_.push_back(std::move(next));
    ++issued_;
    lsns_.push_back(lsn{});
    lsns_.back() = library([&] { return batch.commit(); });
    ++returned_;
    if constexpr (std::same_as<typename Log::policies::durability, Fsync>) durable_ = returned_;
  }

  void note_durable(const Log& log) {
    const lsn durable = log.durable_lsn();
    while (durable_ < returned_ && lsns_[durable_] <= durable) ++durable_;
  }

  void reopen(std::unique_ptr<Log>& log) {
    close(*log);
    durable_ = returned_;
    end(log);
    log = open();
    check(*log, returned_, returned_);
  }

  void try_stop(const stop& at) {
    open(at, at.state, 1, at.returned);
    counting_chooser counts;
    (void)power_cut{at.state, counts, random_}.run();
    for (std::size_t n = 0; n < extent_.cuts; ++n) {
      sampling_chooser choices{random_.split(), counts.decisions()};
      open(at, power_cut{at.state, choices, random_.split()}.run(), 2, at.durable);
    }
  }

  /// Opens what is left, checks it, goes on with it, and checks that.
  void open(const stop& at, const disk_state& image, std::uint64_t boot, std::size_t least) {
    ++count_.images;
    random_switching order{random_.split()};
    world machine{image, boot, random_.split(), order};
    try {
      machine.run([&] { go_on(at, least); });
    } catch (const std::exception& failure) {
      throw mismatch{std::string{boot == 1 ? "after a death" : "after a power cut"} + " at step " +
                     std::to_string(at.step) + ": " + failure.what()};
    }
    if (machine.handles() != 0) throw mismatch{"a file stayed open"};
    if (machine.regions != 0) throw mismatch{"a mapping stayed"};
  }

  void go_on(const stop& at, std::size_t least) {
    model now;
    {
      Log log{log_path, options()};
      now = check(log, least, at.issued);
      log.compact();
      log.put("after", "it");
      now["after"] = "it";
      if (contents_of(log) != now) throw mismatch{"a compaction after the crash changed something"};
      log.close();
    }
    Log again{log_path, options()};
    if (contents_of(again) != now) throw mismatch{"another open shows something else"};
    if (!again.verify().intact()) throw mismatch{"verify finds damage in what is whole"};
  }

  static model contents_of(const Log& log) {
    model found;
    for (const auto& [key, value] : log.entries()) found.emplace(key.text(), value.text());
    if (log.size() != found.size()) throw mismatch{"size() is not the number of keys"};
    return found;
  }

  /// Returns what the log shows, which is the map after one of these steps.
  model check(const Log& log, std::size_t least, std::size_t most) const {
    model found = contents_of(log);
    for (std::size_t n = least; n <= most; ++n) {
      if (models_[n] == found) return found;
    }
    for (std::size_t n = 0; n <= least; ++n) {
      if (models_[n] == found) throw mismatch{"steps are missing that were promised"};
    }
    throw mismatch{"no step leaves what is there"};
  }

  random_source random_;
  key_tally& count_;
  key_fault fault_;
  extent extent_;
  random_switching order_;
  world machine_{disk_state{{{disk::root, {}}}, {}}, 1, random_.split(), order_};
  bool failed_ = false;           // a call has said that it failed
  std::vector<model> models_{1};  // after each step
  std::vector<lsn> lsns_;         // of each step, once it returned
  std::size_t issued_ = 0;
  std::size_t returned_ = 0;
  std::size_t durable_ = 0;
  sample<stop> stops_{extent_.stops, random_.split()};
};

}  // namespace logdb::sim
