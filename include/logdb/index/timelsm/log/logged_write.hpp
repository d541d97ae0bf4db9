// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Writes to a time index, with and without a log: what is put into the log, and what of it
/// readers see.

#include <atomic>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <logdb/format/frames/frame_writer.hpp>
#include <logdb/index/timelsm/index.hpp>
#include <logdb/journal/view/index_view.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/scoped_lock.hpp>

namespace logdb::timelsm {

/// Shows readers what is on stable storage, where durability promises that they see nothing else.
///
/// A row is in the index before its record is durable. While some write waits for that, readers see
/// the index as it was behind the last one that is; otherwise as it is.
///
/// @threads  any
template <class Index>
class durable_view {
 public:
  using snapshot_type = decltype(std::declval<const Index&>().snapshot());

  explicit durable_view(const Index& of) : index_{of} {}

  /// Says that a write is about to change the index. Requires the index's lock.
  void begin() {
    const guard lock{mutex_};
    if (pending_++ == 0) shown_ = index_.snapshot();
  }
  /// Says that it is durable, and all before it.
  /// @param at     its lsn
  /// @param after  the index behind it
  void end(lsn at, snapshot_type after) {
    const guard lock{mutex_};
    if (at > last_) shown_ = std::move(after), last_ = at;
    if (--pending_ == 0) shown_.reset();  // an old version is not kept for longer than needed
  }
  [[nodiscard]] snapshot_type now() const {
    const guard lock{mutex_};
    return shown_ ? *shown_ : index_.snapshot();
  }

 private:
  using mutex = typename Index::mutex;
  using guard = platform::scoped_lock<mutex>;

  const Index& index_;
  mutable mutex mutex_;
  // Guarded by mutex_:
  std::optional<snapshot_type> shown_;  // none: all that there is
  lsn last_{};                          // that shown_ has
  std::uint64_t pending_ = 0;           // writes that are not durable
};

/// Shows readers all that there is.
///
/// @threads  any
template <class Index>
class live_view {
 public:
  using snapshot_type = decltype(std::declval<const Index&>().snapshot());

  explicit live_view(const Index& of) : index_{of} {}
  [[nodiscard]] snapshot_type now() const { return index_.snapshot(); }

 private:
  const Index& index_;
};

/// What the writes of a durable log share.
template <class Policies, class Index>
struct write_line {
  static constexpr bool shows_durable = Policies::durability::readable == watermark::durable;
  using shown_type = std::conditional_t<shows_durable, durable_view<Index>, live_view<Index>>;

  write_line(index_view<Policies> to, const Index& beside) : log{std::move(to)}, index{beside} {}

  index_view<Policies> log;
  const Index& index;
  shown_type shown{index};
  platform::atomic<std::uint64_t> written = 0;  // bytes of records; changed under the append lock
};

/// One record, as a write puts it.
struct one_record {
  bytes_view record;

  [[nodiscard]] static constexpr format::frame_kind kind() { return format::frame_kind::record; }
  [[nodiscard]] static constexpr std::uint32_t count() { return 1; }
  [[nodiscard]] static constexpr bool is_framed() { return true; }
  [[nodiscard]] bytes_view head() const { return record; }
  [[nodiscard]] static bytes_view tail() { return {}; }
  [[nodiscard]] std::uint64_t bytes() const { return record.size(); }
  [[nodiscard]] std::uint64_t longest() const { return record.size(); }
  [[nodiscard]] detail::batch_builder whole() const {
    detail::batch_builder alone;
    alone.add(record);
    return alone;
  }
};

/// Records that reach the log together, as a write puts them.
class many_records {
 public:
  /// @param batch  stays, and as it is, until the write is acknowledged
  explicit many_records(const detail::batch_builder& batch) : batch_{batch}, head_{batch.table()} {}

  [[nodiscard]] format::frame_kind kind() const { return batch_.kind(); }
  /// Returns how many records there are, at most what one frame holds: is_framed().
  [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(batch_.count()); }
  [[nodiscard]] bool is_framed() const { return batch_.count() <= format::frame_count_max; }
  [[nodiscard]] bytes_view head() const { return head_; }
  [[nodiscard]] bytes_view tail() const { return batch_.bytes(); }
  [[nodiscard]] std::uint64_t bytes() const { return head_.size() + batch_.bytes().size(); }
  [[nodiscard]] std::uint64_t longest() const { return batch_.longest(); }
  [[nodiscard]] const detail::batch_builder& whole() const { return batch_; }

 private:
  const detail::batch_builder& batch_;
  std::vector<std::byte> head_;  // the lengths of the records
};

/// A write, to be put into the log while the lock of the index is held, which is the log's own: so
/// the index changes in the order of the lsns, and nobody waits for a turn.
///
/// The index makes room for the write first, and so does the log; then neither can refuse it. Its
/// caller waits for the disk behind the lock, so writes share syncs.
template <class Policies, class Index, class Payload = one_record>
class logged_write {
 public:
  using line_type = write_line<Policies, Index>;
  using log_view = index_view<Policies>;
  using guard = typename log_view::turn;

  static constexpr bool may_refuse = true;

  /// @param what  what to put; stays until the write is acknowledged
  /// @errors  errc::record_too_large, errc::read_only, errc::closed; of what does not fit into
  ///          staging, which is written now, errc::no_space, errc::io, errc::failed
  logged_write(line_type& line, Payload what)
      : line_{line},
        what_{std::move(what)},
        frame_{format::header_of(what_.kind(), what_.count(), what_.head(), what_.tail())} {
    line_.log.require_writer();
    line_.log.require_size(what_.longest());
    if (!what_.is_framed() || !line_.log.fits(what_.bytes())) [[unlikely]]
      large_ = line_.log.write_attached(what_.whole());
  }

  /// Returns whether the lock was held throughout.
  /// @errors  errc::no_space, errc::io, errc::failed, errc::closed; nothing was put
  [[nodiscard]] bool make_room(guard& lock) {
    return large_ ? line_.log.make_room(lock, format::attach_bytes, what_.count())
                  : line_.log.make_room(lock, what_.bytes(), what_.count());
  }
  /// Puts the record, and lets the index change. @errors errc::failed
  template <class Change>
  void put(Change&& change) {
    given_ = large_ ? line_.log.attach_in_turn(large_.segment(), what_.count())
                    : line_.log.append_in_turn(frame_, what_.head(), what_.tail()).given;
    // Relaxed, and no read-modify-write: it is changed under the lock, and read as a figure.
    const std::uint64_t before = line_.written.load(std::memory_order_relaxed);
    line_.written.store(before + what_.bytes(), std::memory_order_relaxed);
    try {
      if constexpr (line_type::shows_durable) line_.shown.begin();
      change();
      if constexpr (line_type::shows_durable) after_.emplace(line_.index.snapshot());
    } catch (const std::exception& failure) {
      // The log has it and the index has not: only the next open mends that.
      line_.log.fail_in_turn("the time index lost a record", failure.what());
    }
  }

  /// Waits as the durability says. @return  the lsn @errors errc::failed
  lsn acknowledge() {
    line_.log.acknowledge(given_);
    if constexpr (line_type::shows_durable) line_.shown.end(given_.last, std::move(*after_));
    return given_.last;
  }

 private:
  struct nothing {};

  line_type& line_;
  Payload what_;
  format::frame_header frame_;  // made in its place: a copy would wait for its four stores
  detail::uncommitted<Policies> large_{};
  ticket given_{};
  [[no_unique_address]] std::conditional_t<line_type::shows_durable,
                                           std::optional<decltype(line_.index.snapshot())>, nothing>
      after_{};  // the index behind the write
};

}  // namespace logdb::timelsm
