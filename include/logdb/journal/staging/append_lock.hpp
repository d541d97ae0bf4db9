// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The append lock of a log that several processes write: who takes it learns what the others did,
/// and finishes or undoes what one that died had begun.

#include <logdb/journal/control/control_words.hpp>
#include <logdb/journal/control/shared_turn.hpp>
#include <logdb/journal/staging/staging.hpp>
#include <logdb/platform/expects.hpp>

namespace logdb::detail {

/// The append lock of one process's core, in the control file. Models Lockable.
///
/// What is guarded by it is kept twice: in the core, as objects, and in the control file, as
/// numbers. lock() brings the core up to date; unlock() tells the others what changed. On the way
/// that appends usually go only `appended` moves, which has no copy.
///
/// @threads  any, of any process
template <class Core>
class append_lock {
 public:
  /// Says whose lock it is; before it is used.
  void bind(Core& core) { core_ = &core; }

  /// @errors  errc::corrupt, std::bad_alloc: it is not locked then
  void lock() {
    auto& shared = core_->control();
    const bool inherited = lock_shared(shared, shared.append_lock);
    held_ = true;
    try {
      if (inherited) repair();
      if (shared.epoch != core_->append.seen_epoch) adopt();
    } catch (...) {
      give_back();
      throw;
    }
  }

  /// Gives it back; this thread holds it.
  void unlock() {
    LOGDB_EXPECTS(held_);
    tell();
    give_back();
  }

  /// Tells whether a thread of this process holds it; for checks that the caller does.
  [[nodiscard]] bool is_held() const { return held_; }

 private:
  using system = typename Core::system;

  [[nodiscard]] auto& control() const { return core_->control(); }

  void give_back() {
    held_ = false;
    control().append_lock.unlock();
  }

  /// Makes whole what a writer that died with the lock left. What it had not published is no part
  /// of the log; each step below looks at what had been published, so it may be repeated as well.
  void repair() {
    auto& shared = control();
    const control_extent& active = shared.last_extent();
    if (shared.healing.load(std::memory_order_acquire) != 0) core_->life.fail_all();
    const std::uint64_t at = shared.appended.load(std::memory_order_acquire);
    if (at == shared.intent_at.load(std::memory_order_acquire)) {
      shared.appended_lsn.store(shared.intent_lsn.load(std::memory_order_acquire),
                                std::memory_order_release);
    }
    const bool put_seal = shared.seal_at != 0 && at > shared.seal_at;
    if (!put_seal || active.begin > shared.seal_at) put_word<system>(shared.seal_at, 0);
    if (shared.ready.segment == active.segment) put_word<system>(shared.ready.segment, 0);
    put_word<system>(shared.base, active.base);
    put_word<system>(shared.seed, static_cast<std::uint32_t>(format::make_seed(active.salt)));
    put_word<system>(shared.group_open, 0);
    core_->limit_appends({});
    put_word<system>(shared.epoch, shared.epoch + 1);
  }

  /// Brings the core up to what the control file says.
  void adopt() {
    auto& shared = control();
    core_->append.group_open = shared.group_open != 0;
    core_->append.group_begin = stream_position{shared.group_begin};
    core_->append.marks.time = timestamp{std::chrono::nanoseconds{shared.group_time}};
    core_->append.sealing = shared.seal_at != 0;
    core_->append.own_limit = {};
    core_->adopt_extents();
    if (shared.ready.segment == 0) {
      core_->append.next = nullptr;
    } else if (core_->append.next == nullptr || !is_same(*core_->append.next, shared.ready)) {
      core_->append.next = core_->append.make_known(shared.ready);
    }
    core_->append.seen_epoch = shared.epoch;
  }

  /// Writes down what changed since the lock was taken.
  void tell() {
    auto& shared = control();
    const std::uint64_t ready =
        core_->append.next == nullptr ? 0 : to_integer(core_->append.next->number());
    const bool same =
        (shared.group_open != 0) == core_->append.group_open &&
        shared.group_begin == core_->append.group_begin.value() && shared.ready.segment == ready &&
        core_->append.seen_extents == shared.extent_count.load(std::memory_order_relaxed);
    if (same) return;
    // In any order: a death meanwhile leaves no open group, and repair() counts the epoch.
    put_word<system>(shared.group_begin, core_->append.group_begin.value());
    put_word<system>(shared.group_time, core_->append.marks.time.time_since_epoch().count());
    put_word<system>(shared.group_open, core_->append.group_open ? 1 : 0);
    if (shared.ready.segment != ready) {
      put_extent<system>(shared.ready,
                         ready == 0 ? control_extent{} : describe(*core_->append.next));
    }
    core_->append.seen_extents = shared.extent_count.load(std::memory_order_relaxed);
    put_word<system>(shared.epoch, shared.epoch + 1);
    core_->append.seen_epoch = shared.epoch;
  }

  template <class Segment>
  static bool is_same(const Segment& known, const control_extent& said) {
    return to_integer(known.number()) == said.segment && known.salt() == said.salt;
  }

  Core* core_ = nullptr;
  bool held_ = false;  // guarded by the lock itself
};

}  // namespace logdb::detail
