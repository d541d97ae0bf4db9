// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Writes to a time index, with and without a log: what is put into the log, and what of it
/// readers see.

#include <atomic>
#include <exception>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

#include <logdb/index/timelsm/index.hpp>
#include <logdb/journal/index_view.hpp>

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
  using guard = std::unique_lock<mutex>;

  const Index& index_;
  mutable mutex mutex_;
  // Guarded by mutex_:
  std::optional<snapshot_type> shown_;  // none: all that there is
  lsn last_{};                          // that shown_ has
  std::uint64_t pending_ = 0;           // writes that are not durable
};

/// Shows readers all that there is.
template <class Index>
class whole_view {
 public:
  using snapshot_type = decltype(std::declval<const Index&>().snapshot());

  explicit whole_view(const Index& of) : index_{of} {}
  [[nodiscard]] snapshot_type now() const { return index_.snapshot(); }

 private:
  const Index& index_;
};

/// Is what the writes of a durable log share.
template <class Policies, class Index>
struct write_line {
  static constexpr bool shows_durable = Policies::durability::readable == watermark::durable;
  using shown_type = std::conditional_t<shows_durable, durable_view<Index>, whole_view<Index>>;

  write_line(detail::index_view<Policies> to, const Index& beside)
      : log{std::move(to)}, index{beside} {}

  detail::index_view<Policies> log;
  const Index& index;
  shown_type shown{index};
  std::atomic<std::uint64_t> written = 0;  // bytes of records; changed under the append lock
};

/// Is one record, to be put into the log while the lock of the index is held, which is the log's
/// own: so the index changes in the order of the lsns, and nobody waits for a turn.
///
/// The index makes room for the write first, and so does the log; then neither can refuse it. Its
/// caller waits for the disk behind the lock, so writes share syncs.
template <class Policies, class Index>
class logged_write {
 public:
  using line_type = write_line<Policies, Index>;
  using log_view = detail::index_view<Policies>;
  using guard = typename log_view::append_guard;

  static constexpr bool may_refuse = true;

  /// @param record  what to put; stays until the write is acknowledged
  /// @errors  errc::record_too_large, errc::read_only, errc::closed; of a record that does not fit
  ///          into staging, which is written now, errc::no_space, errc::io, errc::failed
  logged_write(line_type& line, bytes_view record)
      : line_{line},
        record_{record},
        frame_{log_view::header_of(format::frame_kind::record, 1, record)} {
    line_.log.require_writer();
    line_.log.require_size(record.size());
    if (!line_.log.fits(record.size())) [[unlikely]]
      write_large();
  }

  /// Returns whether the lock was held throughout.
  /// @errors  errc::no_space, errc::io, errc::failed, errc::closed; nothing was put
  [[nodiscard]] bool make_room(guard& lock) {
    return large_ ? line_.log.make_room(lock, format::attach_bytes, 1)
                  : line_.log.make_room(lock, record_.size(), 1);
  }
  /// Puts the record, and lets the index change. @errors errc::failed
  template <class Change>
  void put(Change&& change) {
    given_ = large_ ? line_.log.attach_in_turn(large_.segment(), 1)
                    : line_.log.append_in_turn(frame_, record_, {}).given;
    // Relaxed, and no read-modify-write: it is changed under the lock, and read as a figure.
    const std::uint64_t before = line_.written.load(std::memory_order_relaxed);
    line_.written.store(before + record_.size(), std::memory_order_relaxed);
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

  void write_large() {
    detail::batch_builder alone;
    alone.add(record_);
    large_ = line_.log.write_attached(std::move(alone));
  }

  line_type& line_;
  bytes_view record_;
  format::frame_header frame_;  // made in its place: a copy would wait for its four stores
  detail::uncommitted<Policies> large_{};
  detail::ticket given_{};
  [[no_unique_address]] std::conditional_t<line_type::shows_durable,
                                           std::optional<decltype(line_.index.snapshot())>, nothing>
      after_{};  // the index behind the write
};

}  // namespace logdb::timelsm
