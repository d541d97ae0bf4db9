// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The log itself: the verbs that every log has, over the journal; the index's verbs come from its
/// face. With the policies of `basic_log<>`; include others by their own headers.

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include <logdb/compiled.hpp>
#include <logdb/durability/fsync.hpp>
#include <logdb/durability/none.hpp>
#include <logdb/index/sparse.hpp>
#include <logdb/journal/follower.hpp>
#include <logdb/journal/journal.hpp>
#include <logdb/journal/log_state.hpp>
#include <logdb/journal/no_journal.hpp>
#include <logdb/journal/read/cursor.hpp>
#include <logdb/journal/read/identity.hpp>
#include <logdb/journal/read/snapshot.hpp>
#include <logdb/journal/read/tail.hpp>
#include <logdb/journal/transaction.hpp>
#include <logdb/locking/flock.hpp>
#include <logdb/locking/none.hpp>
#include <logdb/log_parts.hpp>
#include <logdb/policies.hpp>
#include <logdb/policy/index.hpp>
#include <logdb/storage/directory.hpp>

namespace logdb {

/// A log; named through `basic_log<...>` or a preset.
///
/// A log in memory whose index keeps everything has no records: nothing is numbered, framed or
/// checksummed, since there is nothing to read it back from. Verbs of records then do not compile.
///
/// @threads  every member from any thread, whatever the policies; only moving and destroying need
///           to be alone
template <class Policies>
class log_engine : public Policies::index::template face<log_engine<Policies>>,
                   private detail::log_parts<Policies, log_engine<Policies>>::refused {
  using parts = detail::log_parts<Policies, log_engine>;
  using refused = typename parts::refused;
  static constexpr bool has_records = parts::has_records;
  static constexpr bool has_index = parts::has_index;
  static constexpr bool has_transactions = parts::has_transactions;
  static constexpr bool may_truncate = parts::may_truncate;

 public:
  using policies = Policies;
  using index_policy = typename Policies::index;
  using options = basic_options<Policies>;
  using record_range = logdb::record_range<Policies>;
  using snapshot_type = typename parts::snapshot;
  using tail_range = record_tail<log_engine>;
  using cursor_type = log_cursor<log_engine>;
  using transaction_type = typename parts::transaction;

  /// This log with some policies replaced.
  template <class... Arguments>
  using with = detail::resolve_t<Policies, Arguments...>;

  /// Opens the log at a path, or creates it; recovers what a crash left.
  ///
  /// @param path    a directory, or one file (Storage<SingleFile>); of a log in memory only a label
  /// @errors        errc::locked, errc::corrupt, errc::not_a_log, errc::format_mismatch,
  ///                errc::permission_denied, errc::no_space, errc::not_found (read_only), errc::io,
  ///                errc::invalid_argument; nothing was changed
  /// @cost          O(one segment), whatever the log's size; and what the index reads
  explicit log_engine(const std::filesystem::path& path, const options& chosen = {});
  /// Makes an empty log in memory.
  log_engine() requires(!Policies::storage::persistent) : log_engine{std::filesystem::path{}} {}
  log_engine(log_engine&& other) noexcept;
  log_engine& operator=(log_engine&& other) noexcept;
  /// Closes the log; errors are swallowed: call close() to see them.
  ~log_engine();

  /// Returns the records as they stand now.
  [[nodiscard]] record_range records() const requires has_records { return seen().records(); }
  /// Returns those from one on. @errors errc::truncated
  [[nodiscard]] record_range records(lsn from) const requires has_records {
    return seen().records(from);
  }
  /// Returns those in [from, to); empty when inverted. @errors errc::truncated
  [[nodiscard]] record_range records(lsn from, lsn to) const requires has_records {
    return seen().records(from, to);
  }

  /// Returns the records from one on and waits for more, until a stop is requested or the log
  /// closed.
  [[nodiscard]] tail_range tail(lsn from = lsn{1}, std::stop_token stop = {}) requires has_records {
    require_usable();
    return {*this, std::max(from, lsn{1}), std::move(stop)};
  }
  /// Does so with the records that a query finds, where the index has queries.
  template <class Query>
  [[nodiscard]] auto tail(const Query& query, lsn from = lsn{1}, std::stop_token stop = {}) requires
      requires(log_engine& self) {
    self.tail_matches(query, from, stop);
  }
  { return this->tail_matches(query, from, std::move(stop)); }

  /// Returns a consumer's place of that name, 1 .. 255 bytes; it is made by its first
  /// acknowledgement. Of a time log, names that begin with `logdb.` are the log's own.
  /// @errors  errc::invalid_argument
  [[nodiscard]] cursor_type cursor(std::string name) requires has_records {
    require_usable();
    if (name.empty() || name.size() > format::cursor_name_bytes_max) {
      throw error{errc::invalid_argument,
                  "a cursor's name has 1 to 255 bytes, not " + std::to_string(name.size())};
    }
    constexpr auto own = index_traits<index_policy>::own_cursors();
    if (!own.empty() && name.starts_with(own)) {
      throw error{errc::invalid_argument,
                  "cursors named " + std::string{own} + "* are the log's own"};
    }
    return {*this, std::move(name)};
  }

  /// Returns a pinned view of the log as it stands now.
  [[nodiscard]] snapshot_type snapshot() const {
    if constexpr (has_index) {
      require_usable();
      return index_->snapshot();
    } else {
      return seen();
    }
  }

  /// Begins a transaction. @errors errc::read_only, errc::closed
  [[nodiscard]] transaction_type begin() requires has_transactions {
    if constexpr (has_index) {
      (void)open_writer();
      return index_->template begin<transaction_type>();
    } else {
      return transaction_type{std::make_shared<detail::transaction_state<Policies>>(open_writer())};
    }
  }

  /// Waits until everything appended so far is on stable storage. @errors errc::failed
  void sync() requires has_records { open_writer().sync(); }
  /// Waits until a record is. @errors errc::failed; errc::invalid_argument above last_lsn()
  void wait_durable(lsn at) requires has_records { open_writer().wait_durable(at); }

  /// Returns the oldest record kept; last_lsn() + 1 when there is none.
  [[nodiscard]] lsn first_lsn() const requires has_records {
    require_usable();
    return writer_ ? writer_->first_lsn() : reader_->scope().first;
  }
  /// Returns the newest record appended; first_lsn() - 1 when there is none.
  [[nodiscard]] lsn last_lsn() const requires has_records {
    require_usable();
    return writer_ ? writer_->last_lsn() : reader_->scope().last;
  }
  /// Returns the newest record that a power cut cannot take.
  [[nodiscard]] lsn durable_lsn() const requires has_records { return open_writer().durable_lsn(); }
  /// Returns what a power cut now would cost at most.
  [[nodiscard]] logdb::loss_window loss_window() const requires has_records {
    return open_writer().window();
  }

  /// Gives up sealed segments that lie wholly below a record; returns the first record kept then.
  /// Beyond the last record, everything: the active segment is sealed first.
  /// @errors  errc::io, errc::no_space: nothing was given up; or it was, as first_lsn() tells, but
  ///          a power cut may bring it back: call again
  lsn truncate_front(lsn first_kept) requires may_truncate {
    return open_writer().truncate_front(first_kept);
  }

  /// Returns which log this is, and which record its history has come to: the newest that is still
  /// there, since compaction may have dropped those behind it.
  /// @errors  errc::corrupt, errc::io
  /// @cost    reads one record; if the last ones are gone, from the last segment that has any
  [[nodiscard]] log_identity identity() const requires has_records {
    const auto now = scope();
    return detail::identity_of(store(), now);
  }
  /// Tells whether this is the log that an identity was taken of, and its history goes on from that
  /// record; false: it was replaced by an older copy, and other records stand there now or none.
  /// @errors  errc::truncated, errc::not_found: the record was given up, or compacted away
  /// @cost    reads one record
  [[nodiscard]] bool continues(const log_identity& known) const requires has_records {
    const auto now = seen();
    return detail::continues(known, store(), now);
  }

  /// Returns what the open found and did.
  [[nodiscard]] const recovery_report& recovery() const requires has_records {
    require_usable();
    return half([](auto& of) -> const recovery_report& { return of.report(); });
  }
  /// Returns the figures of the log; of one without records, those of its index.
  [[nodiscard]] auto stats() const {
    require_usable();
    if constexpr (has_records) {
      return half([](auto& of) -> log_stats { return of.stats(); });
    } else {
      return index_->stats();
    }
  }
  /// Reads everything and checks every checksum. @cost reads the whole log
  [[nodiscard]] verification verify() const requires has_records {
    require_usable();
    return half([](auto& of) { return of.verify(); });
  }

  /// Brings everything to stable storage and ends the log; every later use throws errc::closed, but
  /// records, values, rows, and ranges and snapshots of records and rows that were taken before can
  /// still be read. What looks up keys, a key snapshot's get() and ranges of keys, throws.
  /// Closing again does nothing.
  /// @errors  errc::failed, errc::io, errc::no_space; the log is closed nevertheless, and what was
  ///          accepted is kept for the next open
  void close();

  // What a log does not have says why, in one line of the compiler's.
  using refused::begin;
  using refused::continues;
  using refused::cursor;
  using refused::durable_lsn;
  using refused::first_lsn;
  using refused::identity;
  using refused::last_lsn;
  using refused::loss_window;
  using refused::records;
  using refused::recovery;
  using refused::sync;
  using refused::tail;
  using refused::truncate_front;
  using refused::verify;
  using refused::view;
  using refused::wait_durable;

  class view_type;
  [[nodiscard]] view_type view(log_key) const { return view_type{*this}; }

 private:
  using writer_type = typename parts::writer;

  /// Tells whether there is a log here: it was not moved from.
  [[nodiscard]] bool is_open() const { return writer_ != nullptr || reader_ != nullptr; }

  /// Calls a function with the half of the log that there is: what writes it, or what only reads.
  template <class F>
  decltype(auto) half(F f) const {
    if constexpr (has_records) {
      if (writer_ == nullptr) return f(*reader_);
    }
    return f(*writer_);
  }

  void require_here() const {
    if (!is_open()) [[unlikely]]
      detail::throw_moved_from();
  }
  void require_usable() const {
    require_here();
    half([](auto& of) { of.require_usable(); });
  }

  /// The append path sees by itself that a log was closed.
  [[nodiscard]] writer_type& writer() const {
    if (writer_ != nullptr) [[likely]]
      return *writer_;
    require_usable();
    detail::throw_read_only();
  }

  [[nodiscard]] writer_type& open_writer() const {
    require_usable();
    return writer();
  }

  [[nodiscard]] const detail::identity& store() const requires has_records {
    return writer_ ? writer_->core().segments.store() : reader_->store();
  }
  [[nodiscard]] detail::read_scope<Policies> scope() const requires has_records {
    require_usable();
    return half([](auto& of) { return of.scope(); });
  }
  [[nodiscard]] log_snapshot<Policies> seen() const requires has_records {
    return log_snapshot<Policies>{scope()};
  }

  std::unique_ptr<writer_type> writer_;
  typename parts::reader reader_{};  // one of the two is null
  [[no_unique_address]] typename parts::index index_;
};

/// The narrow view that an index policy's verbs have of a log.
template <class Policies>
class log_engine<Policies>::view_type {
 public:
  explicit view_type(const log_engine& log) : log_{log} {}
  lsn append(bytes_view record) requires has_records { return log_.writer().append(record); }
  lsn append(const detail::batch_builder& batch) requires has_records {
    return log_.writer().append(batch);
  }
  /// Returns what may be seen now, or could when the log was closed.
  [[nodiscard]] detail::read_scope<Policies> scope() const requires has_records {
    log_.require_here();
    return log_.writer_ ? log_.writer_->last_scope() : log_.reader_->scope();
  }
  /// Throws in a child of the process that opened the log. @errors errc::closed
  void require_own() const requires has_records {
    log_.require_here();
    log_.half([](auto& of) { of.require_own(); });
  }
  [[nodiscard]] bool wait_beyond(lsn seen, const std::stop_token& stop) requires has_records {
    log_.require_here();
    return log_.half([&](auto& of) { return of.wait_beyond(seen, stop); });
  }
  [[nodiscard]] lsn cursor(std::string_view name) const requires has_records {
    log_.require_usable();
    return log_.half([name](auto& of) { return of.cursor(name); });
  }
  /// Returns the options of the log.
  [[nodiscard]] const basic_options<Policies>& options() const requires has_records {
    log_.require_here();
    return log_.writer_ ? log_.writer_->core().options : log_.reader_->options();
  }
  /// Returns the part of the index that lives as long as the log, if it has one.
  [[nodiscard]] auto& index() const requires has_index {
    log_.require_usable();
    if constexpr (has_index) {
      return *log_.index_;
    } else {  // clang++ 14 instantiates it whatever it requires
      return log_.index_;
    }
  }
  void set_cursor(const std::string& name, lsn at) requires has_records {
    log_.writer().set_cursor({at, name});
  }

 private:
  const log_engine& log_;
};

template <class Policies>
LOGDB_INLINE log_engine<Policies>::log_engine(const std::filesystem::path& path,
                                              const options& chosen) {
  detail::require_valid(chosen);
  index_traits<index_policy>::require(chosen);
  if constexpr (has_records) {
    auto volume =
        std::make_shared<typename Policies::storage>(path, detail::mode_of(chosen), chosen.storage);
    if (detail::mode_of(chosen) == open_mode::read_only) {
      reader_ = std::make_unique<detail::follower<Policies>>(std::move(volume), chosen);
    } else {
      writer_ = std::make_unique<writer_type>(std::move(volume), chosen);
    }
  } else {
    writer_ = std::make_unique<writer_type>(path, chosen);
  }
  if constexpr (has_index) {
    index_ = std::make_unique<typename parts::index::element_type>(
        half([](auto& of) -> decltype(auto) { return of.view(); }));
  }
}

template <class Policies>
LOGDB_INLINE log_engine<Policies>::log_engine(log_engine&& other) noexcept
    : writer_{std::move(other.writer_)},
      reader_{std::move(other.reader_)},
      index_{std::move(other.index_)} {}

template <class Policies>
LOGDB_INLINE log_engine<Policies>& log_engine<Policies>::operator=(log_engine&& other) noexcept {
  if (this == &other) return *this;
  index_ = {};  // before the journal that it uses
  writer_ = std::move(other.writer_);
  reader_ = std::move(other.reader_);
  index_ = std::move(other.index_);
  return *this;
}

template <class Policies>
// g++ 12 instantiates no `= default` here. NOLINTNEXTLINE(modernize-use-equals-default)
LOGDB_INLINE log_engine<Policies>::~log_engine() {}

template <class Policies>
LOGDB_INLINE void log_engine<Policies>::close() {
  if constexpr (has_index) {
    if (index_) index_->close();
  }
  if (is_open()) half([](auto& of) { of.close(); });
}

}  // namespace logdb
