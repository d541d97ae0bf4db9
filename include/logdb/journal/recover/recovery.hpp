// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Opens a log to write: makes a new one, or finds where the last writer stopped and makes that the
/// start.

#include <algorithm>
#include <string>
#include <utility>

#include <logdb/journal/open/find_end.hpp>
#include <logdb/journal/open/orphans.hpp>
#include <logdb/journal/open/rebuild.hpp>
#include <logdb/journal/recover/inheritance.hpp>
#include <logdb/journal/recover/log_tail.hpp>
#include <logdb/journal/recover/new_staging.hpp>
#include <logdb/journal/state.hpp>

namespace logdb::detail {

/// Brings a core from what is on disk to where it can take appends: decides what to believe, and in
/// which order the rest happens.
///
/// Every step may be cut by a crash and repeated: draining writes the same bytes again, and what is
/// decided takes effect with the manifest, at once.
template <class Policies>
class recovery {
 public:
  using core_type = journal_state<Policies>;
  using stored_type = stored_of<Policies>;

  explicit recovery(core_type& core) : core_{core} {}

  /// @errors  errc::corrupt unless it salvages, errc::no_space, errc::io
  recovery_report run() {
    staging_.learn_boot();
    reserve_numbers();
    staging_.make();
    try {
      note_rebuilt();
      core_.segments.list()->log.empty() ? begin() : resume();
      remove_orphans(core_.segments,
                     {.is_rebuilt = is_rebuilt_, .next = next_segment_, .end = end()});
      core_.append.next = tail_.next();
      staging_.open(tail_);
      left_.end();
    } catch (...) {
      staging_.discard();
      throw;
    }
    report_.first = core_.segments.list()->log.front()->base();
    report_.last = end() - 1;
    report_.records = end() - report_.first;
    return std::move(report_);
  }

 private:
  /// Returns one past the last record.
  [[nodiscard]] lsn end() const { return tail_.end().place.next; }

  [[nodiscard]] segment_wishes wishes() const {
    return {.mode = core_.options.recovery,
            .segment_bytes = core_.options.segment_bytes,
            .first_bytes = std::min(core_.options.segment_bytes, staging_.ring_bytes() / 2),
            .seal_bytes = core_type::seal_frame_bytes,
            .zero_fill = Policies::durability::prewrites};
  }

  /// Makes a new store; what fails half-way leaves none.
  void begin() {
    tail_.add_segment({.base = lsn{1}});
    try {
      core_.segments.publish();
    } catch (...) {
      core_.segments.volume()->remove(format::manifest_draft_name);
      if (!tail_.active()->is_named()) tail_.active()->drop();
      throw;
    }
  }

  /// Puts a damaged manifest aside that salvage has made anew.
  void note_rebuilt() {
    auto& volume = *core_.segments.volume();
    if (core_.options.recovery == recovery_mode::refuse || core_.segments.list()->log.empty()) {
      return;
    }
    const bool is_there = volume.exists(format::manifest_name);
    if (is_there && is_ruling<stored_type>(volume, core_.segments.generation())) return;
    is_rebuilt_ = true;
    if (is_there) put_aside(volume, std::string{format::manifest_name});
    report_.damages.push_back({.kind = damage_kind::corruption,
                               .reason = "the manifest was gone or damaged, and made anew"});
  }

  void resume() {
    const auto list = core_.segments.list();
    tail_.claim(*list);
    const dead_writer proven = left_.drain();
    auto found = end_finder<stored_type>{*list, core_.options.recovery, proven}.run();
    report_.scanned_bytes = found.scanned_bytes;
    for (auto& each : found.damages) report_.damages.push_back(std::move(each));
    adopt_met(core_.segments, *list, found);
    tail_.believe(std::move(found), left_.rewrites());
    tail_.settle_sealed(*list);
    if (!core_.ring) give_up_left(*list);
    tail_.go_on(*list);
    core_.segments.publish();
    tail_.drop_gone();
    if (!core_.ring) staging_.make_late(end());
  }

  /// Gives up the dead writer's staging on a full disk, when all of it is in the segments for good.
  void give_up_left(const segment_list<Policies>& list) {
    if (!left_) return;
    tail_.make_end_durable(list);
    left_.end();
    core_.segments.volume()->remove(format::control_name);
  }

  /// A file of a dead writer may have a number that the manifest had not learned yet.
  void reserve_numbers() {
    for (const std::string& name : core_.segments.volume()->names()) {
      const auto number = format::parse_segment_name(name);
      if (number) next_segment_ = std::min(next_segment_, core_.segments.reserve(*number));
    }
  }

  core_type& core_;
  recovery_report report_{};
  new_staging<Policies> staging_{core_};
  inheritance<stored_type> left_{core_.segments, core_.options.recovery, report_};
  log_tail<stored_type> tail_{core_.segments, wishes(), report_};
  bool is_rebuilt_ = false;                  // the manifest is made of the segments
  std::uint64_t next_segment_ = UINT64_MAX;  // by the manifest's word
};

}  // namespace logdb::detail
