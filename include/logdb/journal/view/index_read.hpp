// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What an index that lives as long as its log may read: records, staged bytes, watermarks, the
/// log's time.

#include <algorithm>
#include <atomic>
#include <span>
#include <string_view>

#include <logdb/journal/log_state.hpp>
#include <logdb/journal/read/record_walker.hpp>
#include <logdb/journal/read/snapshot.hpp>
#include <logdb/journal/write/committer.hpp>
#include <logdb/platform/expects.hpp>

namespace logdb::detail {

template <class Policies>
class journal;
template <class Policies>
class follower;
template <class Policies>
class staged_frames;

}  // namespace logdb::detail

namespace logdb {

/// The part of an index's view that reads, of a log opened to write, or to read only.
///
/// What is said to be a writer's may not be called where `follows()`.
/// @threads  any
template <class Policies>
class index_read {
  using core_type = detail::journal_state<Policies>;
  using system = typename core_type::system;

 public:
  /// Whether writers of several processes may share the log.
  static constexpr bool is_shared = core_type::is_shared;

  index_read(detail::journal<Policies>& owner, core_type& core,
             detail::committer<Policies>& commits)
      : journal_{&owner}, core_{&core}, commits_{&commits} {}
  explicit index_read(detail::follower<Policies>& owner)
      : follower_{&owner}, clock_start_{system::now() - system::uptime()} {
    const auto now = scope();
    for (const auto& each : now.list->log) {
      clock_start_ = std::max(clock_start_, each->time_last() - system::uptime());
    }
  }

  /// Tells whether the log is only read, and another process may write it.
  [[nodiscard]] bool follows() const { return follower_ != nullptr; }
  [[nodiscard]] const basic_options<Policies>& options() const {
    return follows() ? follower_->options() : core_->options;
  }
  [[nodiscard]] const detail::identity& store() const {
    return follows() ? follower_->store() : core_->segments.store();
  }
  /// Returns log time.
  [[nodiscard]] timestamp clock() const {
    return follows() ? clock_start_ + system::uptime() : core_->clock();
  }

  /// Throws when the log was closed, or is a parent's. One that has failed can still be read.
  /// @errors  errc::closed
  void require_readable() const {
    follows() ? follower_->require_usable() : core_->life.require_usable();
  }
  /// Throws in a child of the process that opened the log. @errors errc::closed
  void require_own() const { follows() ? follower_->require_own() : core_->life.require_own(); }
  /// Tells whether this is a child of the process that opened the log.
  [[nodiscard]] bool is_forked() const { return core_ != nullptr && core_->life.is_forked(); }

  /// Returns the records that a reader may see now.
  /// @errors  errc::closed, errc::corrupt, errc::io
  /// @blocks  until what was appended is written, where durability shows it before it is durable
  [[nodiscard]] log_snapshot<Policies> snapshot() { return log_snapshot<Policies>{scope()}; }
  /// Returns the segments that these records are in. Errors and waits as snapshot().
  [[nodiscard]] detail::read_scope<Policies> scope() {
    require_own();  // before the lock of the list: a thread of the parent may have held it
    return follows() ? follower_->scope() : journal_->scope();
  }
  /// Returns where a cursor stands; 0: nowhere.
  [[nodiscard]] lsn cursor(std::string_view name) const {
    return follows() ? follower_->cursor(name) : journal_->cursor(name);
  }

  // A writer's, that is where follows() is false:

  /// Returns a watermark as a stream position. One load.
  [[nodiscard]] stream_position reached(watermark level) const { return core().reached(level); }
  /// Returns a watermark as the lsn of the last record that it covers. One load.
  [[nodiscard]] lsn reached_lsn(watermark level) const { return core().reached_lsn(level); }
  [[nodiscard]] lsn last_lsn() const { return core().reached_lsn(watermark::appended); }
  [[nodiscard]] lsn durable_lsn() const { return core().reached_lsn(watermark::durable); }
  /// Waits until a watermark has reached a stream position. Not in a turn.
  /// @errors  errc::failed
  void wait(stream_position target, watermark level) { commits_->wait(target, level); }

  /// Copies from staging what stands at a stream position; false: staging no longer has it, and so
  /// its segment does. In a turn, unless the index has the hook `reads_staging`.
  bool copy_staged(stream_position position, std::span<std::byte> out) {
    [[maybe_unused]] const auto pin = core().pins.keep(position);
    // Sequentially consistent: pairs with the pins and the watermark that an appender looks at.
    const auto kept = core().reached(Policies::durability::keeps_until, std::memory_order_seq_cst);
    if (kept > position) return false;
    core().ring.copy_out(position, out);
    if constexpr (!is_shared) return true;
    // The pin is known to this process alone. Another one overwrites only what it has seen given
    // up; a reader that sees some of that sees, after the fence, that it was.
    std::atomic_thread_fence(std::memory_order_acquire);
    return core().reached(Policies::durability::keeps_until) <= position;
  }

  /// Returns the segments as this process knows them.
  [[nodiscard]] detail::segment_list_ptr<Policies> list() const { return core().segments.list(); }
  /// Learns what others did to the segments, and returns them. Waits for no write to the disk.
  /// @errors  errc::corrupt, errc::io
  [[nodiscard]] detail::segment_list_ptr<Policies> catch_up() { return journal_->catch_up(); }
  /// Returns the segment of a transaction that a frame of the log has committed.
  [[nodiscard]] detail::segment_ptr<Policies> attached(const format::manifest_segment& entry) {
    return core().segments.make(entry);
  }

 private:
  friend class detail::staged_frames<Policies>;

  /// Counts the segments that were ever made active, by any process.
  [[nodiscard]] std::uint64_t extent_count() const {
    return core().control().extent_count.load(std::memory_order_acquire);  // with begin_extent()
  }
  /// Returns the segments that the end of the stream lies in. In a turn.
  [[nodiscard]] const detail::extent_list<Policies>& extents() const {
    LOGDB_EXPECTS(core().append_mutex.is_held());
    return core().append.extents;
  }

  [[nodiscard]] core_type& core() const {
    LOGDB_EXPECTS(!follows());
    return *core_;
  }

  detail::journal<Policies>* journal_ = nullptr;  // null: follower_ is set, and the next two are
  core_type* core_ = nullptr;                     // null
  detail::committer<Policies>* commits_ = nullptr;
  detail::follower<Policies>* follower_ = nullptr;
  timestamp clock_start_{};  // of a follower: log time when the uptime was 0
};

}  // namespace logdb
