// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Opens a log that other processes have open to write.

#include <logdb/journal/core.hpp>
#include <logdb/journal/drain.hpp>
#include <logdb/stats.hpp>

namespace logdb::detail {

/// Brings a core to where the others are. Requires that none of them opens or closes it meanwhile.
template <class Policies>
class joining {
 public:
  using core_type = journal_core<Policies>;

  static_assert(Policies::locking::processes_max <= control_waiters);

  explicit joining(core_type& core) : core_{core} {}

  /// @errors  errc::corrupt when the control file of the others is gone, or is not one
  recovery_report run() {
    attach();
    core_.segments.share(core_.control());
    core_.share_names(false);
    core_.segments.refresh();
    // One log time for all: what expires expires for everybody at once.
    core_.clock_start = timestamp{std::chrono::nanoseconds{core_.control().clock_start.load()}};
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
    const bool ours = drainer<Policies>::is_alive(core_.ring, core_.segments.store()) &&
                      core_.control().state.load() == control_state::open;
    if (ours) return;
    throw error{errc::corrupt,
                "other processes have the log open, and their control file is gone or damaged: "
                "let them close it",
                {.path = locate(volume, format::control_name).path, .remedy = reopen_remedy}};
  }

  core_type& core_;
};

}  // namespace logdb::detail
