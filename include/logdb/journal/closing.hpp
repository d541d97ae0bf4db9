// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Ends a log that was opened to write.

#include <optional>
#include <utility>

#include <logdb/durability_point.hpp>
#include <logdb/format/files/names.hpp>
#include <logdb/journal/open/open_walk.hpp>
#include <logdb/journal/state.hpp>
#include <logdb/journal/write/committer.hpp>
#include <logdb/journal/write/keeper.hpp>
#include <logdb/journal/write/workers.hpp>
#include <logdb/platform/expects.hpp>
#include <logdb/policy/storage_traits.hpp>

namespace logdb::detail {

/// The end of a writing log: all that it accepted is brought to where it should be, its threads
/// stop, and the right to write is given back.
///
/// @threads  any
template <class Policies>
class closing {
 public:
  using core_type = journal_state<Policies>;
  using storage = typename Policies::storage;
  using lease = typename Policies::locking::template lease<storage>;

  closing(core_type& core, committer<Policies>& commits, keeper<Policies>& keep,
          workers<Policies>& work, std::optional<lease>& held)
      : core_{core}, commits_{commits}, keeper_{keep}, workers_{work}, lease_{held} {}

  /// Does all of it, once; in a child of a fork it forgets the parent's threads.
  /// @errors  errc::failed, errc::no_space, errc::io; the log has ended then, too
  void run() {
    if (core_.life.is_forked())
      return workers_.abandon();  // all of it is the parent's, the lock too
    const guard lock{mutex_};
    if (std::exchange(closed_, true)) return;
    refuse_appends();
    workers_.stop();
    core_.signals.progress().signal();
    bool last = true;  // of those that have it open
    try {
      if constexpr (core_type::is_shared) last = lease_->try_close();
      last ? settle() : leave();
    } catch (...) {
      end(false);
      throw;
    }
    end(last);
  }

 private:
  using guard = typename core_type::guard;
  using append_guard = typename core_type::append_guard;

  void refuse_appends() {
    append_guard lock{core_.append_mutex};
    core_.life.begin_close();
    core_.limit_appends({});
  }

  /// Ends the right to write, in this one place: nothing leads, publishes or unlinks any more when
  /// the lease is given back, also of a log that has failed.
  void end(bool settled) {
    commits_.end();
    keeper_.end();
    core_.signals.progress().signal();
    storage& volume = *core_.segments.volume();
    storage_traits<storage>::close(volume, settled);
    if constexpr (core_type::is_shared) {
      if (settled) lease_->discard();
    }
    lease_.reset();
  }

  /// Brings all that was appended to where it should be before the log is left.
  void bring(watermark level) {
    core_.life.require_writable();
    commits_.wait(core_.reached(watermark::appended), level);
  }

  /// Leaves the log to the others that have it open.
  void leave() { bring(watermark::durable); }

  /// Leaves the store so that the next open begins where this one ends, without a scan.
  void settle() {
    constexpr bool syncs = has_step<durability_point::close_sync>;
    bring(syncs ? watermark::durable : watermark::written);
    keeper_.chores();
    settle_active();
    core_.segments.publish();
    core_.control().state.store(control_state::closed, std::memory_order_release);
    core_.signals.progress().signal();  // readers look for the next one's
    core_.segments.volume()->remove(format::control_name);
  }

  void settle_active() {
    append_guard lock{core_.append_mutex};
    const auto& active = core_.append.extents.back();
    // The one that the manifest is made of; where others write, too, it is another object.
    const auto listed = core_.segments.list()->find_log(active.segment->number());
    // It was listed before a record went into it, and chores() has learned of every manifest since.
    LOGDB_EXPECTS(listed != nullptr);
    listed->seal(core_.reached_lsn(watermark::appended) + 1,
                 core_.reached(watermark::appended) - active.base);
    settle_whole(core_.segments, *listed);
  }

  core_type& core_;
  committer<Policies>& commits_;
  keeper<Policies>& keeper_;
  workers<Policies>& workers_;
  std::optional<lease>& lease_;
  typename core_type::mutex mutex_;
  bool closed_ = false;  // guarded by mutex_
};

}  // namespace logdb::detail
