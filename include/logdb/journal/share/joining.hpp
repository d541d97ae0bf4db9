// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Opens a log that other processes have open to write.

#include <string>

#include <logdb/journal/open/drain.hpp>
#include <logdb/journal/state.hpp>
#include <logdb/policy/storage_traits.hpp>
#include <logdb/stats.hpp>

namespace logdb::detail {

/// Brings a core to where the others are. None of them opens or closes the log meanwhile: the lease
/// is held over that.
template <class Policies>
class joining {
 public:
  using core_type = journal_state<Policies>;

  static_assert(Policies::locking::processes_max <= control_waiters);

  explicit joining(core_type& core) : core_{core} {}

  /// @errors  errc::corrupt when the control file of the others is gone, or is not one
  recovery_report run() {
    attach();
    core_.segments.share(core_.control());
    core_.share_names(false);
    core_.segments.refresh();
    // One log time for all: what expires expires for everybody at once.
    core_.clock_start = timestamp{
        std::chrono::nanoseconds{core_.control().clock_start.load(std::memory_order_acquire)}};
    { const typename core_type::append_guard lock{core_.append_mutex}; }  // learns of the rest
    recovery_report report{.clean = true};
    report.first = core_.segments.list()->log.front()->base();
    report.last = core_.reached_lsn(Policies::durability::readable);
    report.records = (report.last + 1) - report.first;
    return report;
  }

 private:
  using staging_type = staging<typename Policies::storage>;

  void attach() {
    const auto& volume = *core_.segments.volume();
    core_.ring = staging_type::open(volume, open_mode::read_write);
    const error_site site{.path = locate(volume, format::control_name).path};
    const bool ours = drainer<stored_of<Policies>>::is_alive(core_.ring, core_.segments.store()) &&
                      core_.control().state.load(std::memory_order_acquire) == control_state::open;
    if (!ours) {
      throw error{errc::corrupt,
                  "other processes have the log open, and their control file is gone or damaged: "
                  "let them close it",
                  {.path = site.path, .remedy = reopen_remedy}};
    }
    if (!core_.ring.is_current()) {
      throw error{errc::format_mismatch,
                  "other processes have the log open with another version: let them close it",
                  site};
    }
    require_alike(site);
  }

  /// Throws unless the others keep in staging and show what this process does: each relies on
  /// what all of them do.
  void require_alike(const error_site& site) const {
    using durability = typename Policies::durability;
    const auto& told = core_.control();
    if (told.keeps != 1 + static_cast<std::uint16_t>(durability::keeps_until) ||
        told.shows != 1 + static_cast<std::uint16_t>(durability::readable)) {
      throw error{errc::invalid_argument,
                  "other processes have the log open with another Durability than " +
                      std::string{durability::name},
                  site};
    }
  }

  core_type& core_;
};

}  // namespace logdb::detail
