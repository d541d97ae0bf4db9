// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What an index that lives as long as its log may rewrite: sealed segments, of which it keeps what
/// it needs.

#include <chrono>
#include <exception>
#include <span>
#include <utility>
#include <vector>

#include <logdb/format/files/names.hpp>
#include <logdb/journal/control/shared_turn.hpp>
#include <logdb/journal/log_state.hpp>
#include <logdb/journal/segments/rewrite.hpp>
#include <logdb/journal/write/appender.hpp>

namespace logdb::detail {

template <class Policies>
class journal;

}  // namespace logdb::detail

namespace logdb {

/// The part of an index's view that rewrites sealed segments; nothing of a log that is only read.
///
/// One process at a time rewrites, with a rewrite_turn. Survivors go in by a rewrite(), which
/// makes them durable and then exchanges them for the run of segments that they come from. What a
/// snapshot of another process may see stays: lowest_held_elsewhere().
/// @threads  any
template <class Policies>
class index_rewrite {
  using core_type = detail::journal_state<Policies>;

 public:
  /// The right to rewrite, for as long as it lives; empty: somebody else has it.
  class rewrite_turn {
   public:
    explicit rewrite_turn(index_rewrite* from) : from_{from} {}
    rewrite_turn(const rewrite_turn&) = delete;
    rewrite_turn& operator=(const rewrite_turn&) = delete;
    ~rewrite_turn() {
      if constexpr (core_type::is_shared) {
        if (from_ != nullptr) from_->core_->control().compact_lock.unlock();
      }
    }
    [[nodiscard]] explicit operator bool() const { return from_ != nullptr; }

   private:
    index_rewrite* from_;
  };

  index_rewrite(detail::journal<Policies>& owner, core_type& core, detail::keeper<Policies>& keep,
                detail::appender<Policies>& append)
      : journal_{&owner}, core_{&core}, keeper_{&keep}, appender_{&append} {}
  /// Of a log that is only read.
  index_rewrite() = default;

  /// Takes the right to rewrite, among the processes that write the log.
  /// @param waits  asked once a second whether to wait for who has it
  /// @errors       errc::corrupt: the control file was overwritten
  template <class Waits>
  [[nodiscard]] rewrite_turn take_rewrite_turn(Waits waits) {
    if constexpr (core_type::is_shared) {
      auto& lock = core_->control().compact_lock;
      auto result = lock.try_lock();
      while (result == platform::lock_result::busy && waits()) {
        detail::require_control(core_->control());
        result = lock.lock_for(std::chrono::seconds{1});
      }
      // A process that died with it left everything as it was, or the new segment in its place.
      if (result == platform::lock_result::busy) return rewrite_turn{nullptr};
    }
    return rewrite_turn{this};
  }

  /// Begins to put survivors in the place of settled segments that follow one another.
  [[nodiscard]] detail::segment_rewrite<Policies> rewrite(
      std::vector<detail::segment_ptr<Policies>> run) {
    return {core_->segments, std::move(run)};
  }
  /// Learns of what others have rewritten, also of one who died before it could say so.
  /// @errors  errc::corrupt, errc::io
  void learn_rewritten() {
    if constexpr (core_type::is_shared) core_->segments.refresh_for_sure();
  }
  /// Counts the changes of the list of segments.
  [[nodiscard]] std::uint64_t generation() const {
    return core_->control().generation.load(std::memory_order_acquire);
  }

  /// Unlinks files of segments that are replaced, which whoever replaced them could not.
  /// @errors  errc::io, before anything was unlinked
  void unlink_replaced(std::span<const segment_number> gone) {
    auto& volume = *core_->segments.volume();
    // Who died may have published the manifest that names them no more, just so.
    core_->segments.make_durable();
    for (const segment_number each : gone) {
      try {
        volume.remove(format::segment_name(each));
      } catch (const error&) {
        // Who replaced it has unlinked it, or the next open does.
      }
    }
  }
  /// Gives up sealed segments below a record, and what is attached to them but for `kept`, whose
  /// bytes are still read.
  void truncate_front(lsn first_kept, std::span<const segment_number> kept) {
    journal_->truncate_front(first_kept, kept);
  }

  /// Ends the active segment, unless it is empty, and brings it into the manifest.
  /// @errors  errc::no_space, errc::failed, errc::closed
  void seal_active() {
    appender_->roll_now();
    keeper_->chores();
  }
  /// Brings the segments that are sealed into the manifest. @errors errc::no_space, errc::io
  void settle_sealed() { keeper_->chores(); }
  /// Signalled when a sealed segment stands in the manifest.
  [[nodiscard]] auto& settled() { return core_->signals.settled; }

  /// Returns the word in which this process says what its snapshots keep from being dropped.
  [[nodiscard]] auto& held_word() { return journal_->held_word(); }
  /// Returns the lowest record at which some other process has a snapshot; one above all: none has.
  [[nodiscard]] lsn lowest_held_elsewhere() { return journal_->lowest_held_elsewhere(); }

 private:
  detail::journal<Policies>* journal_ = nullptr;  // null: the log is only read, as the others
  core_type* core_ = nullptr;
  detail::keeper<Policies>* keeper_ = nullptr;
  detail::appender<Policies>* appender_ = nullptr;
};

}  // namespace logdb
