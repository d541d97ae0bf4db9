// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Opens what a crash left, checks it against the story, goes on with it, and checks that too.

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <logdb/format/files/manifest.hpp>
#include <logdb/format/files/names.hpp>

#include "crash/support/store.hpp"
#include "sample.hpp"
#include "workload.hpp"

namespace logdb::sim {

/// Is a moment at which a process may be stopped: the disk, and what had been said.
struct moment {
  disk_state state;
  std::uint64_t boot = 0;
  mark said;
  std::shared_ptr<const story> told;
  std::uint64_t step = 0;   // of the run
  bool cut_before = false;  // there was a power cut earlier: a torn tail may be found
  bool scribbled = false;   // what is staged may be damaged
};

/// Keeps some moments of a run.
class recorder {
 public:
  recorder(std::size_t room, random_source random) : kept_{room, random} {}

  void see(const world& machine, const std::shared_ptr<const story>& told, const mark& said,
           bool cut_before = false, bool scribbled = false) {
    kept_.see([&] {
      return moment{machine.storage.freeze_state(), machine.boot, said,     told,
                    machine.processor.points(),     cut_before,   scribbled};
    });
  }

  [[nodiscard]] const std::vector<moment>& moments() const { return kept_.kept(); }
  [[nodiscard]] std::size_t seen() const { return kept_.seen(); }

 private:
  sample<moment> kept_;
};

/// Compares what an index finds with what a scan finds, at some places.
template <class Log>
void check_index(Log& log, const contents& shown, random_source& random) {
  if (shown.records.empty()) return;
  for (int i = 0; i < 4; ++i) {
    const std::uint64_t at = shown.first + random.below(shown.records.size());
    if (log.read(lsn{at}).text() != shown.records[at - shown.first]) {
      throw mismatch{"read gives other bytes than a scan at " + std::to_string(at)};
    }
  }
  const auto time = log.read(lsn{shown.first + random.below(shown.records.size())}).time();
  std::optional<lsn> first;
  for (const auto& record : log.records()) {
    if (!first && record.time() >= time) first = record.lsn();
  }
  if (log.find_time(time) != first) throw mismatch{"find_time finds another record than a scan"};
}

/// Checks that a log goes on only in a segment with nothing behind its last frame: what stood there
/// could pass for a part of the log one day.
template <class Log>
void check_active(disk& storage) {
  const auto files = files_of<Log>(storage);
  format::manifest known;
  const auto manifest = files.at(std::string{format::manifest_name});
  if (format::decode(as_bytes(manifest), known) != format::format_fault::none) {
    throw mismatch{"the manifest cannot be read"};
  }
  for (const auto& segment : known.segments) {
    if (!segment.base || segment.end) continue;
    const auto text = files.at(format::segment_name(segment.number));
    const auto frames = test::frames_of(text);
    const auto end = frames.empty() ? format::segment_header_bytes : frames.back().end();
    if (text.find_first_not_of('\0', end) != text.npos) {
      throw mismatch{"it goes on in a segment with bytes behind its end"};
    }
  }
}

/// Is the process after a crash.
template <class Log>
class reopening {
 public:
  reopening(const moment& stopped, const disk_state& image, ending how, const workload& kind,
            random_source random)
      : stopped_{stopped},
        how_{how},
        kind_{kind},
        random_{random},
        order_{random_.split()},
        machine_{image, next_boot(stopped.boot, how), random_.split(), order_} {
    told_ = stopped.told;
    said_ = stopped.said;
    if (how == ending::power_cut) {
      // What only a process could lose is settled now; what that left, a power cut still may take.
      said_.kept.process = said_.kept.power;
      said_.cursor.process = said_.cursor.power;
    }
    cut_before_ = stopped.cut_before || how != ending::process_death;
  }

  /// @throws  mismatch, or whatever the log threw
  void run(recorder& record) {
    machine_.on_step = [&] {
      record.see(machine_, told_, next_ == nullptr ? said_ : next_->now, cut_before_,
                 how_ == ending::wild_write);
    };
    try {
      machine_.run([this] { process(); });
    } catch (const std::exception& failure) {
      throw mismatch{
          std::string{how_ == ending::power_cut ? "after a power cut" : "after a death"} +
          " at step " + std::to_string(stopped_.step) + ": " + failure.what()};
    }
    record.see(machine_, told_, next_->now, cut_before_);
    if (machine_.handles() != 0) throw mismatch{"a file stayed open"};
    if (machine_.regions != 0) throw mismatch{"a mapping stayed"};
  }

 private:
  static std::uint64_t next_boot(std::uint64_t boot, ending how) {
    return boot == world::no_boot_id || how != ending::power_cut ? boot : boot + 1;
  }

  void process() {
    auto log = open();
    const contents shown = show(*log);
    check_report(shown.report);
    stopped_.told->check(shown, said_, how_);
    check_index(*log, shown, random_);
    check_active<Log>(machine_.storage);
    next_ = std::make_shared<story>(shown, said_, kind_.records_kept);
    told_ = next_;
    go_on(log);
    log.reset();
    log = open_log<Log>(kind_);
    if (!log->recovery().clean) throw mismatch{"a log that was closed was not clean"};
    const contents again = show(*log);
    next_->check(again, next_->now, ending::closed);
    check_index(*log, again, random_);
    if (!log->verify().intact()) throw mismatch{"verify finds damage in what is whole"};
    log->close();
  }

  /// Opens the log. What was accepted and is damaged where it was staged is refused, and salvage
  /// goes on with the rest.
  std::unique_ptr<Log> open() {
    try {
      return open_log<Log>(kind_);
    } catch (const error& refused) {
      if (how_ != ending::wild_write || refused.condition() != errc::corrupt) throw;
    }
    salvaged_ = true;
    return open_log<Log>(kind_, recovery_mode::salvage);
  }

  /// Appends a little, so that what comes behind the end is tried too.
  void go_on(std::unique_ptr<Log>& log) {
    writer<Log> own{log, *next_, kind_, 0, random_.split()};
    payloads bytes{random_.split(), 9, true};
    for (std::size_t i = random_.below(4); i != 0; --i) {
      own.append(bytes.make_many(1, 600), false);
    }
    own.append(bytes.make_many(1 + random_.below(4), 100), true);
    log->close();
    next_->closed();
  }

  /// No medium was damaged, so nothing may be called corrupt; and a process that dies tears
  /// nothing.
  void check_report(const recovery_report& report) const {
    for (const damage& found : report.damages) {
      const bool of_staging = salvaged_ && found.at.segment == segment_number{};
      if (of_staging) continue;
      if (found.kind == damage_kind::corruption) throw mismatch{"it calls corrupt what is torn"};
      if (!cut_before_) throw mismatch{"it finds a torn tail where nothing was torn"};
    }
  }

  const moment& stopped_;
  ending how_;
  const workload& kind_;
  random_source random_;
  random_switching order_;
  world machine_;
  std::shared_ptr<const story> told_;
  std::shared_ptr<story> next_;  // null until the open returned
  mark said_;
  bool cut_before_ = false;
  bool salvaged_ = false;
};

}  // namespace logdb::sim
