// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The control file of a log that is being opened: made before anything is changed, filled in when
/// the end is known.

#include <algorithm>
#include <bit>
#include <cstdint>

#include <logdb/error.hpp>
#include <logdb/journal/believed_clock.hpp>
#include <logdb/journal/recover/log_tail.hpp>
#include <logdb/journal/segments/retention.hpp>
#include <logdb/journal/staging/boot.hpp>
#include <logdb/journal/state.hpp>

namespace logdb::detail {

/// The room for staging, from where it is taken to where the stream begins in it.
///
/// @threads  one
template <class Policies>
class new_staging {
 public:
  using core_type = journal_state<Policies>;
  using system = typename core_type::system;
  using staging_type = staging<typename Policies::storage>;

  explicit new_staging(core_type& core) : core_{core} {}

  /// @errors  errc::unsupported: what was only accepted could not be told from another boot's
  void learn_boot() {
    constexpr bool needs_boot =
        Policies::storage::persistent &&
        (core_type::is_shared || Policies::durability::readable != watermark::durable);
    if (read_boot<system>(boot_)) return;
    boot_ = {};
    if (needs_boot) throw_boot_unknown();
  }

  /// Takes the room before anything is changed; on a full disk later, when there is some.
  void make() {
    auto& volume = *core_.segments.volume();
    try {
      core_.ring = staging_type::create(volume, ring_bytes());
    } catch (const error& failure) {
      staging_type::discard(volume);
      const bool is_new = core_.segments.list()->log.empty();
      if (failure.condition() != errc::no_space || is_new) throw;
    }
  }

  /// Takes the room on a disk that was full, of what retention no longer wants.
  /// @param end  one past the last record
  void make_late(lsn end) {
    auto& volume = *core_.segments.volume();
    const auto list = core_.segments.list();
    const lsn keep = first_kept(*list, retention_of(core_.options), system::now(), end);
    if (keep) core_.segments.drop_front(keep);
    core_.ring = staging_type::create(volume, ring_bytes());
  }

  /// Gives the room back: the open failed.
  void discard() { staging_type::discard(*core_.segments.volume()); }

  [[nodiscard]] std::uint64_t ring_bytes() const {
    return std::bit_floor(std::min<std::uint64_t>(core_.options.durability.staging_bytes,
                                                  2 * core_.options.segment_bytes));
  }

  /// Begins the stream anew, at the end that was found.
  void open(const log_tail<stored_of<Policies>>& tail) {
    const scan_place& end = tail.end().place;
    auto& volume = *core_.segments.volume();
    auto& shared = core_.control();
    shared.magic = control_magic;
    shared.layout = control_layout;
    shared.writer = system::process_id();
    shared.store = core_.segments.store();
    shared.boot = boot_;
    shared.keeps = 1 + static_cast<std::uint16_t>(Policies::durability::keeps_until);
    shared.shows = 1 + static_cast<std::uint16_t>(Policies::durability::readable);
    shared.opened_at = system::uptime().count();
    shared.state.store(control_state::open, std::memory_order_relaxed);  // until publish()
    const std::uint64_t last = end.next.value() - 1;
    shared.appended_lsn.store(last, std::memory_order_relaxed);
    shared.appended.store(stream_begin.value(), std::memory_order_relaxed);
    core_.append.marks.time = end.time;
    core_.append.marks.leapt_from = last_leap();
    core_.clock_start = std::max(end.time, system::now()) - system::uptime();
    shared.clock_start.store(core_.clock_start.time_since_epoch().count(),
                             std::memory_order_relaxed);
    core_.begin_extent(tail.active(), stream_begin - end.offset, stream_begin);
    cover_all(shared, stream_begin);
    if constexpr (core_type::is_shared) {
      core_.admit_others();
    } else {
      shared.generation.store(core_.segments.generation(), std::memory_order_relaxed);
      core_.segments.tell(shared);
    }
    staging_type::publish(volume);
  }

 private:
  [[noreturn]] void throw_boot_unknown() const {
    throw error{errc::unsupported,
                "which boot of the machine this is cannot be read (/proc/sys/kernel/random/boot_id "
                "and /proc/stat), so that records that were only accepted may be lost: show /proc, "
                "or use Durability<Fsync> with one writing process",
                {.path = core_.segments.volume()->path()}};
  }

  /// Returns the time before a leap ahead that the log's times end with; 0: there is none.
  [[nodiscard]] timestamp last_leap() const {
    believed_clock times{clock_slack};
    for (const auto& segment : core_.segments.list()->log) {
      if (!segment->base()) break;
      times.go_to(segment->time_first());
      times.go_to(segment->time_last());
    }
    return times.has_leapt() ? times.before() : timestamp{};
  }

  core_type& core_;
  identity boot_{};  // of the machine; 0: it cannot be told
};

}  // namespace logdb::detail
