// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What an index that lives as long as its log may write: records, in the order of the log.

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <logdb/format/frames/frame_writer.hpp>
#include <logdb/journal/log_state.hpp>
#include <logdb/journal/write/appender.hpp>
#include <logdb/journal/write/attachment.hpp>
#include <logdb/platform/expects.hpp>

namespace logdb::detail {

template <class Policies>
class journal;
template <class Policies>
class transaction_state;

}  // namespace logdb::detail

namespace logdb {

/// The part of an index's view that writes; of a log that is only read, no more than the checks.
///
/// A write goes in steps where what a record says, or what the index makes of it, depends on the
/// records before it: prepare() does what needs no turn; take_turn() makes room, and from then on
/// nobody appends until the turn is given back, in any process; the index looks at itself, and
/// decides; put_in_turn() puts the records, and the index changes. Then it gives the turn back, and
/// only then waits for the disk: acknowledge().
/// @threads  any
template <class Policies>
class index_write {
  using core_type = detail::journal_state<Policies>;

 public:
  /// A turn: nobody else appends while one lives that is held. Nothing may wait for the disk in it.
  using turn = typename core_type::append_guard;
  /// A segment of records that no frame of the log names yet; unlinked if none ever does.
  using own_segment = detail::uncommitted<Policies>;

  /// Records on their way into the log. What they were made from stays, and as it is, until then.
  class prepared {
   public:
    /// Returns how many there are.
    [[nodiscard]] std::uint64_t count() const { return count_; }

   private:
    friend class index_write;

    /// Returns what the frame takes that is put in the turn.
    [[nodiscard]] std::uint64_t payload_bytes() const {
      return own_ ? format::attach_bytes : header_.payload_bytes;
    }

    std::uint64_t count_ = 0;
    format::frame_header header_{};  // of the frame, unless they have a segment of their own
    std::vector<std::byte> table_{};
    bytes_view bytes_{};
    own_segment own_{};
  };

  index_write(detail::journal<Policies>& owner, core_type& core,
              detail::committer<Policies>& commits, detail::appender<Policies>& append)
      : journal_{&owner}, core_{&core}, commits_{&commits}, appender_{&append} {}
  /// Of a log that is only read.
  index_write() = default;

  /// Throws when the log is only read, or a parent's. @errors errc::read_only, errc::closed
  void require_writer() const {
    if (journal_ == nullptr) [[unlikely]]
      detail::throw_read_only();
    core_->life.require_own();
  }
  /// Throws unless the log takes appends. @errors errc::read_only, errc::closed, errc::failed
  void require_open() const {
    require_writer();
    core_->life.require_open();
  }
  /// @errors  errc::record_too_large
  void require_size(std::uint64_t bytes) const { journal_->require_size(bytes); }

  /// Tells whether a payload fits into one frame in staging; else it goes to a segment of its own.
  [[nodiscard]] bool fits(std::uint64_t payload_bytes) const {
    return appender_->fits(payload_bytes);
  }

  /// Prepares records that are seen, and after a crash there, all or none; one at least. What does
  /// not fit into staging is written to a segment of its own.
  /// @errors  errc::record_too_large, errc::read_only, errc::closed, errc::no_space, errc::io
  [[nodiscard]] prepared prepare(const record_batch& records) {
    require_writer();
    require_size(records.longest());
    prepared made;
    made.count_ = records.count();
    made.bytes_ = records.bytes();
    const bool is_one = made.count_ == 1;
    if (!is_one) made.table_ = records.table();
    if (made.count_ > format::frame_count_max || !fits(made.table_.size() + made.bytes_.size())) {
      made.own_ = write_attached(records);
    } else {
      made.header_ =
          format::header_of(is_one ? format::frame_kind::record : records.kind(),
                            static_cast<std::uint32_t>(made.count_), made.table_, made.bytes_);
    }
    return made;
  }

  // In turns.

  /// Takes the turn with room for what was prepared. Errors and waits as the next.
  [[nodiscard]] turn take_turn(const prepared& what) {
    return take_turn(what.payload_bytes(), what.count_);
  }
  /// Takes the turn with room for one frame.
  /// @errors  errc::no_space, errc::failed, errc::closed
  /// @blocks  for who has the turn, and while staging is full
  [[nodiscard]] turn take_turn(std::uint64_t payload_bytes, std::uint64_t count) {
    return appender_->take_turn(payload_bytes, count);
  }
  /// Takes the turn to look, with no room for a frame.
  [[nodiscard]] turn look() { return turn{core_->append_mutex}; }
  /// Returns what gives turns, for an index that guards with it what it has in the order of frames.
  [[nodiscard]] auto& turns() { return core_->append_mutex; }
  /// Makes sure, in a turn, that a frame may be put; returns whether the turn was held throughout.
  /// @errors  errc::no_space, errc::failed, errc::closed
  [[nodiscard]] bool make_room(turn& mine, std::uint64_t payload_bytes, std::uint64_t count) {
    return appender_->make_room(mine, payload_bytes, count);
  }

  /// Puts what was prepared, in the turn that has room for it, and once. The first record gets the
  /// lsn behind `last_lsn()` of the log.
  /// @errors  std::bad_alloc, of what has a segment of its own; nothing was put
  ticket put_in_turn(prepared& what) {
    if (what.own_) return attach_in_turn(what.own_.segment(), what.count_);
    return append_in_turn(what.header_, what.table_, what.bytes_).given;
  }
  /// Puts a frame, in the turn that has room for it; cannot fail. The header gets the lsn.
  detail::placement<Policies> append_in_turn(format::frame_header& header, bytes_view first,
                                             bytes_view second) {
    return appender_->put_in_turn(header, first, second);
  }
  /// Returns the segment that the next frame is put into, and its stream position. In a turn.
  [[nodiscard]] const detail::extent<Policies>& active() const {
    LOGDB_EXPECTS(core_->append_mutex.is_held());
    return core_->append.extents.back();
  }
  /// Puts the frame that commits a segment of many records, in a turn with room for
  /// `format::attach_bytes`.
  ticket attach_in_turn(const detail::segment_ptr<Policies>& own, std::uint64_t records) {
    return appender_->attach_in_turn(own, records);
  }
  /// Ends the log: what it accepted and its index no longer agree. In a turn.
  /// @errors  errc::failed, always
  [[noreturn]] void fail_in_turn(const char* what, const char* why) {
    LOGDB_EXPECTS(core_->append_mutex.is_held());
    core_->life.fail(what, why);
    core_->life.raise();
  }

  /// Returns when the durability policy lets an append return. Not in a turn.
  /// @errors  errc::failed
  void acknowledge(const ticket& given) {
    Policies::durability::acknowledge(*commits_, given.end.value());
  }

  // Many records, before or without a turn.

  /// Writes many records to a segment of their own that nobody knows yet.
  /// @errors  errc::no_space, errc::io, errc::closed
  [[nodiscard]] own_segment write_attached(const record_batch& batch) {
    detail::attachment<Policies> large{*core_};
    large.add(batch);
    own_segment finished{large.finish()};
    large.release();
    return finished;
  }
  /// Appends what write_attached() wrote; it is not acknowledged yet.
  ticket put_attached(const detail::segment_ptr<Policies>& own, std::uint64_t records) {
    return appender_->put_attached(own, records);
  }
  /// Begins a segment of its own for records that are then appended together.
  [[nodiscard]] detail::attachment<Policies> begin_attached() {
    return detail::attachment<Policies>{*core_};
  }

  /// Appends a record that is the same wherever it comes to stand. @errors as an append of the log
  lsn append(bytes_view record) { return journal_->append(record); }
  /// Appends such records as one batch; it is not acknowledged yet. @errors as an append of the log
  ticket put(const record_batch& batch) { return journal_->place(batch); }

  /// Begins a transaction of such records.
  [[nodiscard]] auto begin_records() {
    return std::make_shared<detail::transaction_state<Policies>>(*journal_);
  }

  // What an index keeps in the log of its own.

  /// Appends records of the index's own as one batch. @errors as an append of the log
  lsn append(const record_batch& batch) { return journal_->append(batch); }
  lsn append(detail::attachment<Policies>& own) { return journal_->append(own); }
  void set_cursor(const char* name, lsn at) { journal_->set_cursor({at, name}); }
  /// Waits until everything appended so far is on stable storage. @errors errc::failed
  void sync() { journal_->sync(); }

 private:
  detail::journal<Policies>* journal_ = nullptr;  // null: the log is only read, as the others
  core_type* core_ = nullptr;
  detail::committer<Policies>* commits_ = nullptr;
  detail::appender<Policies>* appender_ = nullptr;
};

}  // namespace logdb
