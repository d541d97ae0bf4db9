// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// One trial: a process runs, is stopped at some of its steps, and what is left of the disk is
/// opened again - in as many ways as there are, or as many as were asked for.

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <logdb/format/files/names.hpp>
#include <logdb/journal/control/control.hpp>

#include "power_cut.hpp"
#include "reopening.hpp"
#include "workload.hpp"

namespace logdb::sim {

/// Says how thorough a trial is.
struct trial_size {
  std::size_t moments = 24;  // at which the process is stopped
  std::size_t images = 24;   // of each moment; all of them when there are at most exhaustive_max
  std::size_t exhaustive_max = 64;
};

/// Counts what trials did.
struct tally {
  std::uint64_t images = 0;  // opened
  std::uint64_t power_cuts = 0;
  std::uint64_t deaths = 0;  // of the process
  std::uint64_t again = 0;   // of these: during or after the recovery from another crash
  std::vector<std::uint64_t> hashes{};
};

/// Is one trial with one kind of log.
template <class Log>
class trial {
 public:
  trial(const workload& kind, std::uint64_t seed, const trial_size& size, tally& count)
      : kind_{kind}, random_{seed}, size_{size}, count_{count} {}

  /// @throws  mismatch, or what went wrong in the simulated process
  void run() {
    const auto told = std::make_shared<story>(kind_.writers, kind_.records_kept);
    recorder record{size_.moments, random_.split()};
    random_switching order{random_.split()};
    world machine{disk_state{{{disk::root, {}}}, {}}, boot_, random_.split(), order};
    machine.on_step = [&] { record.see(machine, told, told->now); };
    machine.run([&] { run_process<Log>(*told, kind_, random_.split()); });
    record.see(machine, told, told->now);
    for (const moment& stopped : record.moments()) try_moment(stopped, 1);
  }

 private:
  void try_moment(const moment& stopped, std::size_t again) {
    die(stopped, again);
    upgrade(stopped, again);
    scribble(stopped, again);
    counting_chooser counts;
    (void)power_cut{stopped.state, counts, random_}.run();
    if (counts.sequences() <= size_.exhaustive_max) {
      explorer all;
      do {
        cut(stopped, all, again);
      } while (all.next());
    } else {
      for (std::size_t i = 0; i < size_.images; ++i) sample(stopped, counts.decisions(), again);
    }
  }

  void sample(const moment& stopped, std::size_t decisions, std::size_t again) {
    sampling_chooser choices{random_.split(), decisions};
    cut(stopped, choices, again);
  }

  void die(const moment& whole, std::size_t again) {
    // Where the boot cannot be told from another, nobody believes what was staged.
    const bool staging_lost = boot_ == world::no_boot_id || whole.scribbled;
    const moment stopped = staging_lost ? only_written(whole, again) : whole;
    const ending how = staging_lost ? ending::wild_write : ending::process_death;
    if (is_new(stopped, stopped.state, how, again)) {
      ++count_.deaths;
      reopen(stopped, stopped.state, how, again);
    }
  }

  /// Lets a process die that was of an earlier version: the layout of its control file was 4, which
  /// did not say what staging keeps.
  void upgrade(const moment& stopped, std::size_t again) {
    using control = logdb::detail::posix_control;
    const file_ptr left = control_of(stopped.state);
    if (left == nullptr || boot_ == world::no_boot_id || stopped.scribbled) return;
    std::vector<std::byte> bytes = copy_of(left->cache->all());
    const std::uint32_t layout = logdb::detail::control_layout_first;
    std::memcpy(bytes.data() + offsetof(control, layout), &layout, sizeof layout);
    std::memset(bytes.data() + offsetof(control, keeps), 0, 4);
    const disk_state older = with_control(stopped.state, *left, std::move(bytes));
    if (is_new(stopped, older, ending::process_death, again)) {
      ++count_.deaths;
      reopen(stopped, older, ending::process_death, again);
    }
  }

  static disk_state with_control(disk_state state, file_state file, std::vector<std::byte> bytes) {
    file.cache = freeze(std::move(bytes));
    state.directories[control_directory<Log>].now[control_name<Log>()] =
        std::make_shared<const file_state>(std::move(file));
    return state;
  }

  /// Damages one byte of the staged frames, then lets the process die.
  void scribble(const moment& stopped, std::size_t again) {
    const file_ptr control = control_of(stopped.state);
    if (control == nullptr) return;
    std::vector<std::byte> bytes = copy_of(control->cache->all());
    // Near the beginning of the ring, which is what a short run uses.
    const std::size_t ring = logdb::detail::control_header_bytes;
    const std::size_t room = std::min<std::size_t>(bytes.size() - ring, 4096u << random_.below(4));
    bytes[ring + random_.below(room)] ^= std::byte{0x10};
    const disk_state damaged = with_control(stopped.state, *control, std::move(bytes));
    if (is_new(stopped, damaged, ending::wild_write, again)) {
      ++count_.deaths;
      reopen(only_written(stopped, again), damaged, ending::wild_write, again);
    }
  }

  /// Returns the control file, or null when there is none, or not a whole one.
  static file_ptr control_of(const disk_state& state) {
    const auto log = state.directories.find(control_directory<Log>);
    if (log == state.directories.end()) return nullptr;
    const auto control = log->second.now.find(control_name<Log>());
    if (control == log->second.now.end()) return nullptr;
    const bool whole = control->second->cache->size() > logdb::detail::control_header_bytes;
    return whole ? control->second : nullptr;
  }

  /// What was only staged may be lost then; what the kernel had is not.
  static moment only_written(moment stopped, std::size_t again) {
    stopped.said.kept.process = stopped.said.kept.power;
    stopped.said.cursor.process = stopped.said.cursor.power;
    const file_ptr control = control_of(stopped.state);
    // Behind another crash the file may be the one before.
    if (control == nullptr || again == 0) return stopped;
    const auto written = offsetof(logdb::detail::posix_control, written_lsn);
    std::uint64_t last = 0;
    std::memcpy(&last, control->cache->all().data() + written, sizeof last);
    stopped.said.kept.process = std::max(stopped.said.kept.power, last);
    return stopped;
  }

  void cut(const moment& stopped, chooser& choices, std::size_t again) {
    const disk_state left = power_cut{stopped.state, choices, random_.split()}.run();
    if (is_new(stopped, left, ending::power_cut, again)) {
      ++count_.power_cuts;
      reopen(stopped, left, ending::power_cut, again);
    }
  }

  /// The same image is opened again only when more had been promised about it.
  bool is_new(const moment& stopped, const disk_state& image, ending how, std::size_t again) {
    const std::uint64_t hash = hash_of(image, how == ending::power_cut);
    const std::uint64_t said = stopped.said.kept.at(how) << 20 ^ stopped.said.cursor.at(how) << 1 ^
                               stopped.said.first_min << 40;
    if (!tried_.insert(hash ^ (said * 0x9e3779b97f4a7c15ULL)).second) return false;
    count_.hashes.push_back(hash);
    ++count_.images;
    if (again == 0) ++count_.again;
    return true;
  }

  void reopen(const moment& stopped, const disk_state& image, ending how, std::size_t again) {
    const bool stop_again = again != 0 && random_.one_in(3);
    recorder record{stop_again ? std::size_t{2} : std::size_t{0}, random_.split()};
    reopening<Log> second{stopped, image, how, kind_, random_.split()};
    second.run(record);
    for (const moment& once_more : record.moments()) {
      die(once_more, 0);
      sample(once_more, 16, 0);
    }
  }

  const workload& kind_;
  random_source random_;
  trial_size size_;
  // Where the boot cannot be told a log that accepts what is not durable does not open.
  static constexpr bool needs_boot = Log::policies::durability::readable != watermark::durable ||
                                     Log::policies::locking::shared_writers;
  std::uint64_t boot_ = !needs_boot && random_.one_in(6) ? world::no_boot_id : 1;
  tally& count_;
  std::set<std::uint64_t> tried_;
};

}  // namespace logdb::sim
