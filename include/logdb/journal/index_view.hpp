// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What an index that lives as long as its log sees of the journal, or of a follower.

#include <algorithm>
#include <atomic>
#include <span>
#include <string>
#include <utility>

#include <logdb/format/frames/frame_writer.hpp>
#include <logdb/journal/log_state.hpp>
#include <logdb/journal/read/record_walker.hpp>
#include <logdb/journal/write/appender.hpp>
#include <logdb/journal/write/attachment.hpp>

namespace logdb::detail {

template <class Policies>
class journal;
template <class Policies>
class follower;

/// The narrow view that such an index has of a log: appends that say where they went, staged
/// bytes, the segments. Of a log that is open to read only the segments; the rest is a writer's.
///
/// @threads  any
template <class Policies>
class index_view {
 public:
  using core_type = journal_state<Policies>;
  using system = typename core_type::system;

  index_view(journal<Policies>& owner, core_type& core, committer<Policies>& commits,
             keeper<Policies>& keep, appender<Policies>& append)
      : journal_{&owner}, core_{&core}, commits_{&commits}, keeper_{&keep}, appender_{&append} {}
  explicit index_view(follower<Policies>& owner)
      : follower_{&owner}, clock_start_{system::now() - system::uptime()} {
    const auto now = scope();
    for (const auto& each : now.list->log) {
      clock_start_ = std::max(clock_start_, each->time_last() - system::uptime());
    }
  }

  /// Tells whether the log is only read, and another process may write it.
  [[nodiscard]] bool follows() const { return follower_ != nullptr; }
  /// Throws when the log is only read, or a parent's. @errors errc::read_only, errc::closed
  void require_writer() const {
    if (follows()) [[unlikely]]
      throw_read_only();
    require_own();
  }

  [[nodiscard]] const basic_options<Policies>& options() const {
    return follows() ? follower_->options() : core_->options;
  }
  [[nodiscard]] const identity& store() const {
    return follows() ? follower_->store() : core_->segments.store();
  }
  /// Returns log time.
  [[nodiscard]] timestamp clock() const {
    return follows() ? clock_start_ + system::uptime() : core_->clock();
  }
  /// Returns what a reader may see now, in the segments.
  [[nodiscard]] read_scope<Policies> scope() {
    require_own();  // before the lock of the list: a thread of the parent may have held it
    return follows() ? follower_->scope() : journal_->scope();
  }
  /// Throws when the log was closed, or is a parent's. One that has failed can still be read.
  void require_readable() const {
    follows() ? follower_->require_usable() : core_->require_usable();
  }

  [[nodiscard]] segment_table<Policies>& segments() { return core_->segments; }
  [[nodiscard]] segment_list_ptr<Policies> list() const { return core_->segments.list(); }
  [[nodiscard]] std::uint64_t reached(watermark level) const { return core_->reached(level); }
  [[nodiscard]] lsn last_lsn() const { return core_->reached_lsn(watermark::appended); }
  [[nodiscard]] lsn durable_lsn() const { return core_->reached_lsn(watermark::durable); }
  void require_open() const {
    require_writer();
    core_->require_open();
  }

  /// @errors  errc::record_too_large
  void require_size(std::uint64_t bytes) const { journal_->require_size(bytes); }
  /// Tells whether a payload fits into one frame in staging.
  [[nodiscard]] bool fits(std::uint64_t payload_bytes) const {
    return appender_->fits(payload_bytes);
  }

  // What a frame says may be decided with the append lock held: where several processes write, and
  // by an index that changes in the order of the frames.

  static constexpr bool is_shared = core_type::is_shared;
  using append_guard = typename core_type::append_guard;

  /// Takes the append lock with room for one frame; what follows needs it.
  [[nodiscard]] append_guard take_turn(std::uint64_t payload_bytes, std::uint64_t count) {
    return appender_->take_turn(payload_bytes, count);
  }
  /// Returns the lock itself, for an index that guards with it what it has in the order of frames.
  [[nodiscard]] auto& append_mutex() { return core_->append_mutex; }
  /// Makes sure, with the append lock, that a frame may be put; returns whether it was held
  /// throughout.
  /// @errors  errc::no_space, errc::failed, errc::closed
  [[nodiscard]] bool make_room(append_guard& lock, std::uint64_t payload_bytes,
                               std::uint64_t count) {
    return appender_->make_room(lock, payload_bytes, count);
  }
  /// Takes the append lock to look at the extents alone.
  [[nodiscard]] append_guard look() { return append_guard{core_->append_mutex}; }
  [[nodiscard]] const extent_list<Policies>& extents() const { return core_->extents; }
  placement<Policies> append_in_turn(format::frame_header& header, bytes_view first,
                                     bytes_view second) {
    return appender_->put_in_turn(header, first, second);
  }
  /// Writes many records to a segment of their own that nobody knows yet; needs no lock.
  /// @errors  errc::no_space, errc::io, errc::closed
  [[nodiscard]] uncommitted<Policies> write_attached(const batch_builder& batch) {
    attachment<Policies> large{*core_};
    large.add(batch);
    uncommitted<Policies> finished{large.finish()};
    large.release();
    return finished;
  }
  ticket attach_in_turn(const segment_ptr<Policies>& own, std::uint64_t records) {
    return appender_->attach_in_turn(own, records);
  }

  /// Counts the segments that were ever made active, by any process.
  [[nodiscard]] std::uint64_t extent_count() const {
    return core_->control().extent_count.load(std::memory_order_acquire);  // with begin_extent()
  }
  /// Counts the changes of the list of segments.
  [[nodiscard]] std::uint64_t generation() const { return core_->control().generation.load(); }
  /// Learns what others did to the segments, and returns them.
  [[nodiscard]] segment_list_ptr<Policies> catch_up() { return journal_->catch_up(); }
  [[nodiscard]] lsn reached_lsn(watermark level) const { return core_->reached_lsn(level); }
  /// The lock of the process that compacts.
  [[nodiscard]] auto& control() const { return core_->control(); }
  [[nodiscard]] auto& held_word() { return journal_->held_word(); }
  [[nodiscard]] lsn lowest_held_elsewhere() { return journal_->lowest_held_elsewhere(); }

  /// Appends what write_attached() wrote; it is not acknowledged yet.
  ticket put_attached(const segment_ptr<Policies>& own, std::uint64_t records) {
    return appender_->put_attached(own, records);
  }

  /// Returns when the durability policy lets an append return.
  void acknowledge(const ticket& given) { Policies::durability::acknowledge(*commits_, given.end); }

  void wait(std::uint64_t target, watermark level) { commits_->wait(target, level); }

  /// Copies from staging what stands at a stream position; false: staging no longer has it, and so
  /// its segment does.
  bool copy_staged(std::uint64_t position, std::span<std::byte> out) {
    const auto pin = core_->pins.keep(position);
    // Sequentially consistent: pairs with the pins and the watermark that an appender looks at.
    const auto kept = core_->reached(Policies::durability::keeps_until, std::memory_order_seq_cst);
    if (kept > position) return false;
    core_->ring.copy_out(position, out);
    if constexpr (!is_shared) return true;
    // The pin is known to this process alone. Another one overwrites only what it has seen given
    // up; a reader that sees some of that sees, after the fence, that it was.
    std::atomic_thread_fence(std::memory_order_acquire);
    return core_->reached(Policies::durability::keeps_until) <= position;
  }

  /// Ends the active segment, unless it is empty, and brings it into the manifest.
  void seal_active() {
    appender_->roll_now();
    // Where others write, too, the seal is met in the segment.
    if constexpr (is_shared) wait(reached(watermark::appended), watermark::written);
    keeper_->chores();
  }

  // What an index keeps in the log of its own: records, a place among them, segments beside it.

  /// Appends records of the index's own as one batch. @errors as an append of the log
  lsn append(const batch_builder& batch) { return journal_->append(batch); }
  /// Begins a segment of its own for records that are then appended together.
  [[nodiscard]] attachment<Policies> begin_attached() { return attachment<Policies>{*core_}; }
  lsn append(attachment<Policies>& own) { return journal_->append(own); }
  [[nodiscard]] lsn cursor(std::string_view name) const {
    return follows() ? follower_->cursor(name) : journal_->cursor(name);
  }
  void set_cursor(const char* name, lsn at) { journal_->set_cursor({at, name}); }
  /// Waits until everything appended so far is on stable storage. @errors errc::failed
  void sync() { journal_->sync(); }
  /// Gives up sealed segments below a record, and what is attached to them but for `kept`, whose
  /// bytes are still read.
  void truncate_front(lsn first_kept, std::span<const segment_number> kept) {
    journal_->truncate_front(first_kept, kept);
  }

  /// Signalled when a sealed segment stands in the manifest.
  [[nodiscard]] typename core_type::event& settled() { return core_->settled; }

  /// Ends the log: what it accepted and its index no longer agree. Requires the append lock.
  /// @errors  errc::failed, always
  [[noreturn]] void fail_in_turn(const char* what, const char* why) {
    core_->fail(what, why);
    core_->failure.raise(*core_->segments.volume());
  }

  /// Throws in a child of the process that opened the log. @errors errc::closed
  void require_own() const { follows() ? follower_->require_own() : core_->require_own(); }
  /// Tells whether this is a child of the process that opened the log.
  [[nodiscard]] bool is_forked() const { return core_ != nullptr && core_->is_forked(); }

 private:
  journal<Policies>* journal_ = nullptr;  // null: follower_ is set, and the next four are null
  core_type* core_ = nullptr;
  committer<Policies>* commits_ = nullptr;
  keeper<Policies>* keeper_ = nullptr;
  appender<Policies>* appender_ = nullptr;
  follower<Policies>* follower_ = nullptr;
  timestamp clock_start_{};  // of a follower: log time when the uptime was 0
};

}  // namespace logdb::detail
