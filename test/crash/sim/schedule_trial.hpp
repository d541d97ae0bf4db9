// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// One trial of a schedule: a few writers, a reader and the log's own threads, watched at every
/// point between them.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <logdb/format/files/names.hpp>
#include <logdb/journal/control/control.hpp>

#include "power_cut.hpp"
#include "reopening.hpp"
#include "workload.hpp"

namespace logdb::sim {

/// Looks at the watermarks in the control file, as another process would.
class watermark_watch {
 public:
  /// @throws  mismatch when one went back, or they overtook one another
  void look(world& machine) {
    const disk::directory* const names = machine.storage.find(log_path);
    if (names == nullptr) return;
    const auto found = names->now.find(std::string{format::control_name});
    if (found == names->now.end()) return;
    if (std::exchange(file_, found->second) != found->second) positions_ = {}, lsn_ = 0;
    const auto* const control = reinterpret_cast<const logdb::detail::control_header<sim_system>*>(
        found->second->cache()->data());
    compare(control->appended, control->written, control->durable, positions_, "position");
    // The position is published behind the lsn, so an lsn may be ahead for a moment: it only grows.
    grow(control->durable_lsn, lsn_, "the durable lsn");
  }

 private:
  struct marks {
    std::uint64_t appended = 0;
    std::uint64_t written = 0;
    std::uint64_t durable = 0;
  };

  static void grow(std::uint64_t now, std::uint64_t& before, const std::string& what) {
    if (now < before) throw mismatch{what + " went back to " + std::to_string(now)};
    before = now;
  }
  static void compare(std::uint64_t appended, std::uint64_t written, std::uint64_t durable,
                      marks& before, const std::string& what) {
    grow(appended, before.appended, "the appended " + what);
    grow(written, before.written, "the written " + what);
    grow(durable, before.durable, "the durable " + what);
    if (written > appended) throw mismatch{"written before it was appended"};
    if (durable > written) throw mismatch{"durable before it was written"};
  }

  inode_ptr file_;  // the control file that was looked at
  marks positions_;
  std::uint64_t lsn_ = 0;
};

/// Says what runs.
struct schedule_size {
  std::size_t writers = 2;
  std::size_t appends = 2;  // of each writer
  std::uint64_t seed = 0;
  std::size_t images = 0;  // opened for each acknowledgement
  bool reads = false;      // a reader beside
};

/// Is one run under one schedule.
template <class Log>
class schedule_trial {
 public:
  schedule_trial(const schedule_size& size, switching& order)
      : size_{size},
        random_{size.seed},
        machine_{disk_state{{{disk::root, {}}}, {}}, 1, random_.split(), order} {
    kind_.writers = size.writers;
  }

  /// @param begin  called when the writers are about to start
  /// @param end    called when they have ended
  /// @throws       mismatch, std::runtime_error on a deadlock
  template <class Begin, class End>
  void run(Begin begin, End end) {
    machine_.on_step = [this] { watch_.look(machine_); };
    machine_.run([&] { process(begin, end); });
    for (const moment& told : told_moments_) check(told);
  }

 private:
  template <class Begin, class End>
  void process(Begin begin, End end) {
    auto log = open_log<Log>(kind_);
    std::vector<sim_thread> threads;
    std::size_t writing = size_.writers;
    begin();
    for (std::size_t i = 0; i < size_.writers; ++i) {
      threads.emplace_back([this, i, &log, &writing] {
        write(log, i);
        --writing;
      });
    }
    if (size_.reads) threads.emplace_back([&] { read_beside(*log, writing); });
    for (auto& thread : threads) thread.join();
    end();
    const contents shown = show(*log);
    told_->check(shown, told_->now, ending::closed);
    log->close();
  }

  void write(std::unique_ptr<Log>& log, std::size_t number) {
    writer<Log> own{log, *told_, kind_, number, random_source{size_.seed + number}};
    payloads bytes{random_source{size_.seed ^ number}, number, false};
    for (std::size_t i = 0; i < size_.appends; ++i) {
      own.append(bytes.make_many(1 + i % 2, 40 + 3000 * (size_.seed % 2)), i % 2 == 1);
      remember(log->durable_lsn().value());
    }
  }

  /// Keeps the disk as it is at the moment of an acknowledgement.
  void remember(std::uint64_t durable) {
    told_->now.kept.power = std::max(told_->now.kept.power, durable);
    if (size_.images == 0) return;
    told_moments_.push_back(
        {machine_.storage.freeze_state(), machine_.boot, told_->now, told_, 0, false});
  }

  /// What was acknowledged is there, though everything else is lost.
  void check(const moment& told) {
    explorer oldest;  // the first possibility each time
    reopen(told, power_cut{told.state, oldest, random_.split()}.run());
    for (std::size_t i = 1; i < size_.images; ++i) {
      sampling_chooser some{random_.split(), 8};
      reopen(told, power_cut{told.state, some, random_.split()}.run());
    }
  }

  void reopen(const moment& told, const disk_state& image) {
    recorder none{0, random_.split()};
    reopening<Log>{told, image, ending::power_cut, kind_, random_.split()}.run(none);
  }

  schedule_size size_;
  random_source random_;
  workload kind_{"schedule", {}};
  world machine_;
  watermark_watch watch_;
  std::shared_ptr<story> told_ = std::make_shared<story>(size_.writers);
  std::vector<moment> told_moments_;
};

}  // namespace logdb::sim
