// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What a writer that died left in its control file: whether it is to be believed, and how it ends.

#include <algorithm>
#include <string>

#include <logdb/error.hpp>
#include <logdb/journal/open/drain.hpp>
#include <logdb/journal/open/renamed.hpp>
#include <logdb/journal/segments/segment_table.hpp>
#include <logdb/options.hpp>
#include <logdb/stats.hpp>

namespace logdb::detail {

/// The control file of a dead writer, from where it is found to where another takes its place.
template <class Policies>
class inheritance {
 public:
  using staging_type = staging<typename Policies::storage>;

  inheritance(basic_segment_table<Policies>& segments, recovery_mode mode, recovery_report& report)
      : segments_{segments}, mode_{mode}, report_{report} {}

  /// Brings what is staged to the segments; returns what that proves.
  /// @errors  errc::corrupt, errc::unsupported, errc::format_mismatch unless it salvages;
  ///          errc::locked, errc::no_space, errc::io
  dead_writer drain() {
    auto& volume = *segments_.volume();
    const bool closed = was_closed();
    if (!closed) follow_renaming(volume, segments_.store());
    report_.clean = closed && !volume.exists(format::control_name);
    ring_ = staging_type::open(volume, open_mode::read_write);
    if (!may_drain()) return {};
    const auto list = segments_.list();
    drainer<Policies> left{ring_, *list};
    rewrites_ = left.keeps_written_only();
    const drained result = left.run();
    report_.drained_bytes = result.bytes;
    if (!result.whole && !has_failed()) {
      refuse(errc::corrupt, "what a process had staged is damaged");
    }
    return result.proof;
  }

  /// Tells whether the kernel has what staging had no more: a sync that failed may have left it
  /// clean there, and not on the disk.
  [[nodiscard]] bool rewrites() const { return rewrites_; }
  [[nodiscard]] explicit operator bool() const { return static_cast<bool>(ring_); }

  /// Tells readers that follow the dead writer's control file to look for another one; not through
  /// one that is another directory's as well.
  void end() {
    if (ring_ && ring_.is_known() && !ring_.is_linked()) {
      ring_.header().state.store(control_state::closed,
                                 std::memory_order_release);  // with readers that follow
      ring_.header().progress.signal();
    }
    ring_ = {};
  }

 private:
  /// Tells whether the writers were told that the log had failed, or one died while it moved what
  /// is staged: what is not whole then was never called durable, and ends like a torn tail.
  [[nodiscard]] bool has_failed() const {
    return ring_.header().failed.load(std::memory_order_acquire) != 0 ||
           ring_.header().healing.load(std::memory_order_acquire) != 0;
  }

  /// Tells whether the manifest says that the log was closed: it bounds the last segment that has
  /// records.
  [[nodiscard]] bool was_closed() const {
    const auto list = segments_.list();
    const auto last = std::find_if(list->log.rbegin(), list->log.rend(),
                                   [](const auto& each) { return bool{each->base()}; });
    return last != list->log.rend() && (*last)->end();
  }

  /// Tells whether the file is to be believed.
  /// @errors  errc::unsupported, errc::format_mismatch: it cannot be, and holds what was accepted
  bool may_drain() {
    if (!ring_ || !drainer<Policies>::is_of_store(ring_, segments_.store())) return false;
    const boot_match boot = match_boot(ring_);
    if (boot == boot_match::other) return false;
    if (boot == boot_match::same && ring_.is_known()) return true;
    if (!ring_.may_hold_accepted()) return false;
    if (boot == boot_match::unknown) {
      refuse(errc::unsupported,
             "a process had staged records here, and whether the machine was started since cannot "
             "be told",
             "open it where /proc can be read, or with recovery_mode::salvage without them");
    } else {
      refuse(errc::format_mismatch, "a process of a newer version had staged records here",
             "open it once with that version, or with recovery_mode::salvage without them");
    }
    return false;
  }

  /// Throws about what is left, unless the log is to be salvaged without it.
  void refuse(errc condition, const char* what, std::string_view remedy = {}) {
    const auto path = segments_.volume()->path() / format::control_name;
    if (mode_ == recovery_mode::refuse) {
      throw error{condition, what, {.path = path, .remedy = remedy}};
    }
    report_.damages.push_back({.kind = damage_kind::corruption, .reason = what});
  }

  basic_segment_table<Policies>& segments_;
  recovery_mode mode_;
  recovery_report& report_;
  staging_type ring_;
  bool rewrites_ = false;
};

}  // namespace logdb::detail
