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

/// Is one trial with one kind of log.
template <class Log>
class key_trial {
 public:
  key_trial(std::uint64_t seed, key_tally& count) : random_{seed}, count_{count} {}

  /// @throws  mismatch, or what went wrong in the simulated process
  void run() {
    random_switching order{random_.split()};
    world machine{disk_state{{{disk::root, {}}}, {}}, 1, random_.split(), order};
    machine.on_step = [&] { see(machine); };
    machine.run([&] { write(); });
    see(machine);
    for (const stop& each : stops_) try_stop(each);
  }

 private:
  using model = std::map<std::string, std::string>;

  /// Is a moment at which the process may be stopped, and what had been said.
  struct stop {
    disk_state state;
    std::uint64_t step = 0;
    std::size_t issued = 0;    // steps begun
    std::size_t returned = 0;  // and ended
    std::size_t durable = 0;   // and promised to survive a power cut
  };

  static constexpr std::size_t steps = 90;
  static constexpr std::size_t stops_max = 12;
  static constexpr std::size_t cuts = 6;  // of each stop

  static typename Log::options options() {
    typename Log::options chosen;
    chosen.segment_bytes = 16u << 10;
    chosen.durability.staging_bytes = 32u << 10;
    chosen.index.stride_bytes = 256;
    chosen.index.compaction.dead_ratio_max = 0.3;
    if constexpr (requires { chosen.durability.delay_max; }) {
      chosen.durability.delay_max = std::chrono::microseconds{60};
    }
    return chosen;
  }

  /// Keeps some moments, each as likely as any other.
  void see(const world& machine) {
    const std::size_t number = seen_++;
    const std::size_t place = number < stops_max ? number : random_.below(number + 1);
    if (place >= stops_max) return;
    if (place >= stops_.size()) stops_.emplace_back();
    stops_[place] = {machine.storage.freeze_state(), machine.processor.points(), issued_, returned_,
                     durable_};
  }

  void write() {
    auto log = std::make_unique<Log>(log_path, options());
    for (std::size_t n = 0; n < steps; ++n) {
      step(*log);
      note_durable(*log);
      if (random_.one_in(25)) reopen(log);
    }
    count_.compactions += log->compacted().segments_read;
    log->close();
    durable_ = returned_;
  }

  /// Does one thing to the log and to the map.
  void step(Log& log) {
    model next = models_.back();
    const std::size_t kind = random_.below(12);
    if (kind == 0) return void(log.compact());
    if (kind == 1) return log.sync();
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
    lsns_.back() = batch.commit();
    ++returned_;
    if constexpr (std::same_as<typename Log::policies::durability, Fsync>) durable_ = returned_;
  }

  void note_durable(const Log& log) {
    const lsn durable = log.durable_lsn();
    while (durable_ < returned_ && lsns_[durable_] <= durable) ++durable_;
  }

  void reopen(std::unique_ptr<Log>& log) {
    count_.compactions += log->compacted().segments_read;
    log->close();
    durable_ = returned_;
    log = std::make_unique<Log>(log_path, options());
    check(*log, returned_, returned_);
  }

  void try_stop(const stop& at) {
    open(at, at.state, 1, at.returned);
    counting_chooser counts;
    (void)power_cut{at.state, counts, random_}.run();
    for (std::size_t n = 0; n < cuts; ++n) {
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
  std::vector<model> models_{1};  // after each step
  std::vector<lsn> lsns_;         // of each step, once it returned
  std::size_t issued_ = 0;
  std::size_t returned_ = 0;
  std::size_t durable_ = 0;
  std::vector<stop> stops_;
  std::size_t seen_ = 0;
};

}  // namespace logdb::sim
