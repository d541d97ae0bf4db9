// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What readers of a log that is opened to write may see of it, and how they wait for more.

#include <algorithm>
#include <stop_token>
#include <utility>

#include <logdb/journal/read/record_walker.hpp>
#include <logdb/journal/share/shared_view.hpp>
#include <logdb/journal/state.hpp>
#include <logdb/journal/write/committer.hpp>

namespace logdb::detail {

/// The records of a writing log up to what its durability policy shows.
///
/// @threads  any
template <class Policies>
class shown_records {
 public:
  using core_type = journal_state<Policies>;
  using append_guard = typename core_type::append_guard;

  shown_records(core_type& core, committer<Policies>& commits, view_of<Policies>& view)
      : core_{core}, commits_{commits}, view_{view} {}

  /// Returns what a reader may see now; brings it from staging to the segments first.
  [[nodiscard]] read_scope<Policies> scope() {
    core_.life.require_usable();
    return last_scope();
  }

  /// Does so of a log that was closed, too: what it had then.
  [[nodiscard]] read_scope<Policies> last_scope() {
    core_.life.require_own();
    const lsn last = readable();
    // After the watermark: the list then holds every segment that it covers.
    auto list = view_.catch_up();
    const lsn first = list->log.front()->base();
    // Others may have gone on meanwhile, and given up all that was there.
    return {std::move(list), first, std::max(last, first - 1),
            core_.options.recovery == recovery_mode::salvage};
  }

  /// Waits until a reader may see more than up to `seen`; false when there will be no more, or on a
  /// stop.
  [[nodiscard]] bool wait_beyond(lsn seen, const std::stop_token& stop) {
    core_.life.require_own();
    if (!core_.life.is_open()) return false;
    const std::stop_callback wake{stop, [this] { core_.signals.progress().signal(); }};
    const watching scope{core_};
    for (;;) {
      const auto ticket = core_.signals.progress().ticket();
      core_.life.look_for_failure();
      if (stop.stop_requested() || !core_.life.is_open()) return false;
      if (core_.reached_lsn(Policies::durability::readable) > seen) return true;
      if constexpr (core_type::is_shared) {
        core_.signals.watch();
        core_.signals.progress().wait(ticket, core_.signals.watch_time / 2);
      } else {
        core_.signals.progress().wait(ticket);
      }
    }
  }

 private:
  /// Counts a reader that waits, and makes the next append notice.
  struct watching {
    explicit watching(core_type& watched) : core{watched} {
      core.signals.count_reader();
      append_guard lock{core.append_mutex};
      core.limit_appends({});
      core.signals.work.signal();
    }
    watching(const watching&) = delete;
    watching& operator=(const watching&) = delete;
    ~watching() { core.signals.forget_reader(); }
    core_type& core;
  };

  /// Returns up to where the segments may be read, brought up to date if the policy shows more.
  [[nodiscard]] lsn readable() {
    if constexpr (Policies::durability::readable != watermark::durable) {
      const log_state now = core_.life.now();
      if (now == log_state::open || now == log_state::closed) {
        commits_.wait(core_.reached(watermark::appended), watermark::written);
        return core_.reached_lsn(watermark::written);
      }
      // What was closed as it should be has been brought to the segments, all of it.
      if (now == log_state::ended && core_.control().failed.load(std::memory_order_acquire) == 0)
        return core_.reached_lsn(watermark::written);
    }
    return core_.reached_lsn(watermark::durable);
  }

  core_type& core_;
  committer<Policies>& commits_;
  view_of<Policies>& view_;
};

}  // namespace logdb::detail
