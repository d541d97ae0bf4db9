// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The log itself: the verbs that every log has, over the journal; the index's verbs come from its
/// face. With the policies of `basic_log<>`; include others by their own headers.

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include <logdb/durability/fsync.hpp>
#include <logdb/index/sparse.hpp>
#include <logdb/journal/follower.hpp>
#include <logdb/journal/journal.hpp>
#include <logdb/journal/read/cursor.hpp>
#include <logdb/journal/read/snapshot.hpp>
#include <logdb/journal/read/tail.hpp>
#include <logdb/journal/transaction.hpp>
#include <logdb/locking/flock.hpp>
#include <logdb/memory_log.hpp>
#include <logdb/policies.hpp>
#include <logdb/storage/directory.hpp>

namespace logdb {

namespace detail {

/// Is the part of an index that lives as long as its log, for the indexes that have one.
template <class Policies>
struct no_log_index {};

template <class Policies>
concept has_log_index = requires {
  typename Policies::index::template log_index<Policies>;
};

/// Tells whether records may be given up by their age alone.
template <class Index>
inline constexpr bool may_truncate = true;
template <class Index>
requires requires { Index::may_truncate; }
inline constexpr bool may_truncate<Index> = Index::may_truncate;

template <class Policies, class Log>
struct log_parts {
  using snapshot = log_snapshot<Policies>;
  using transaction = logdb::transaction<Log>;
  using index = no_log_index<Policies>;
};
template <has_log_index Policies, class Log>
struct log_parts<Policies, Log> {
  using snapshot = typename Policies::index::template snapshot<Policies>;
  using transaction = typename Policies::index::template transaction<Log>;
  using index = std::unique_ptr<typename Policies::index::template log_index<Policies>>;
};

}  // namespace detail

/// Is a log; named through `basic_log<...>` or a preset.
///
/// @threads  every member from any thread, whatever the policies; only moving and destroying need
///           to be alone
template <class Policies>
class log_engine : public Policies::index::template face<log_engine<Policies>> {
 public:
  using policies = Policies;
  using index_policy = typename Policies::index;
  using options = basic_options<Policies>;
  using record_range = logdb::record_range<Policies>;
  using snapshot_type = typename detail::log_parts<Policies, log_engine>::snapshot;
  using tail_range = record_tail<log_engine>;
  using cursor_type = log_cursor<log_engine>;
  using transaction_type = typename detail::log_parts<Policies, log_engine>::transaction;

  /// Is this log with some policies replaced.
  template <class... Arguments>
  using with = detail::resolve_t<Policies, Arguments...>;

  /// Opens the log at a path, or creates it; recovers what a crash left.
  ///
  /// @param path    a directory, or one file (Storage<SingleFile>); of a log in memory only a label
  /// @errors        errc::locked, errc::corrupt, errc::not_a_log, errc::format_mismatch,
  ///                errc::permission_denied, errc::no_space, errc::not_found (read_only), errc::io,
  ///                errc::invalid_argument; nothing was changed
  /// @cost          O(one segment), whatever the log's size
  explicit log_engine(const std::filesystem::path& path, const options& chosen = {}) {
    detail::require_valid(chosen);
    if constexpr (requires { index_policy::require(chosen); }) index_policy::require(chosen);
    auto volume = std::make_shared<typename Policies::storage>(path, chosen.mode, chosen.storage);
    if (chosen.mode == open_mode::read_only) {
      reader_ = std::make_unique<detail::follower<Policies>>(std::move(volume), chosen);
    } else {
      writer_ = std::make_unique<detail::journal<Policies>>(std::move(volume), chosen);
    }
    open_index();
  }
  log_engine(log_engine&&) noexcept = default;
  log_engine& operator=(log_engine&& other) noexcept {
    if (this == &other) return *this;
    index_ = {};  // before the journal that it uses
    writer_ = std::move(other.writer_);
    reader_ = std::move(other.reader_);
    index_ = std::move(other.index_);
    return *this;
  }
  /// Closes the log; errors are swallowed: call close() to see them.
  ~log_engine() = default;

  /// Returns the records as they stand now.
  [[nodiscard]] record_range records() const { return snapshot().records(); }
  /// Returns those from one on. @errors errc::truncated
  [[nodiscard]] record_range records(lsn from) const { return snapshot().records(from); }
  /// Returns those in [from, to); empty when inverted. @errors errc::truncated
  [[nodiscard]] record_range records(lsn from, lsn to) const {
    return snapshot().records(from, to);
  }

  /// Returns the records from one on and waits for more, until a stop is requested or the log
  /// closed.
  [[nodiscard]] tail_range tail(lsn from = lsn{1}, std::stop_token stop = {}) {
    require_usable();
    return {*this, std::max(from, lsn{1}), std::move(stop)};
  }

  /// Returns a consumer's place of that name, 1 .. 255 bytes; it is made by its first
  /// acknowledgement.
  /// @errors  errc::invalid_argument
  [[nodiscard]] cursor_type cursor(std::string name) {
    require_usable();
    if (name.empty() || name.size() > format::cursor_name_bytes_max) {
      throw error{errc::invalid_argument,
                  "a cursor's name has 1 to 255 bytes, not " + std::to_string(name.size())};
    }
    return {*this, std::move(name)};
  }

  /// Returns a pinned view of the log as it stands now.
  [[nodiscard]] snapshot_type snapshot() const {
    if constexpr (detail::has_log_index<Policies>) {
      require_usable();
      return index_->snapshot();
    } else {
      return snapshot_type{scope()};
    }
  }

  /// Begins a transaction. @errors errc::read_only, errc::closed
  [[nodiscard]] transaction_type begin() {
    if constexpr (detail::has_log_index<Policies>) {
      (void)open_writer();
      return transaction_type{index_->store()};
    } else {
      return transaction_type{std::make_shared<detail::transaction_state<Policies>>(open_writer())};
    }
  }

  /// Waits until everything appended so far is on stable storage. @errors errc::failed
  void sync() { open_writer().sync(); }
  /// Waits until a record is. @errors errc::failed; errc::invalid_argument above last_lsn()
  void wait_durable(lsn at) { open_writer().wait_durable(at); }

  /// Returns the oldest record kept; last_lsn() + 1 when there is none.
  [[nodiscard]] lsn first_lsn() const {
    require_usable();
    return writer_ ? writer_->first_lsn() : reader_->scope().first;
  }
  /// Returns the newest record appended; first_lsn() - 1 when there is none.
  [[nodiscard]] lsn last_lsn() const {
    require_usable();
    return writer_ ? writer_->last_lsn() : reader_->scope().last;
  }
  /// Returns the newest record that a power cut cannot take.
  [[nodiscard]] lsn durable_lsn() const { return open_writer().durable_lsn(); }
  /// Returns what a power cut now would cost at most.
  [[nodiscard]] logdb::loss_window loss_window() const { return open_writer().window(); }

  /// Gives up sealed segments that lie wholly below a record; returns the first record kept then.
  /// Beyond the last record, everything: the active segment is sealed first.
  /// @errors  errc::io, errc::no_space: nothing was given up
  lsn truncate_front(lsn first_kept) {
    static_assert(detail::may_truncate<index_policy>,
                  "logdb: a log of keys gives up no record by its age: use erase() and compact()");
    return open_writer().truncate_front(first_kept);
  }

  /// Returns which log this is, and which record its history has come to.
  /// @errors  as reading the newest record
  /// @cost    reads one record
  [[nodiscard]] log_identity identity() const {
    const auto seen = scope();
    log_identity now{.store = store()};
    if (seen.last >= seen.first) note_record(now, seen, seen.last);
    return now;
  }
  /// Tells whether this is the log that an identity was taken of, and its history goes on from that
  /// record; false: it was replaced by an older copy, and other records stand there now or none.
  /// @errors  errc::truncated, errc::not_found: the record was given up, or compacted away
  /// @cost    reads one record
  [[nodiscard]] bool continues(const log_identity& known) const {
    const auto seen = scope();
    log_identity now{.store = known.store};
    if (store() != known.store) return false;
    if (known.at > seen.last) return false;
    if (known.at) note_record(now, seen, known.at);
    return now == known;
  }

  /// Returns what the open found and did.
  [[nodiscard]] const recovery_report& recovery() const {
    require_usable();
    return writer_ ? writer_->report() : reader_->report();
  }
  [[nodiscard]] log_stats stats() const {
    require_usable();
    return writer_ ? writer_->stats() : reader_->stats();
  }
  /// Reads everything and checks every checksum. @cost reads the whole log
  [[nodiscard]] verification verify() const {
    require_usable();
    return writer_ ? writer_->verify() : reader_->verify();
  }

  /// Brings everything to stable storage and ends the log; every later use throws errc::closed, but
  /// ranges, snapshots and records that were taken before can still be read.
  /// Closing again does nothing.
  /// @errors  errc::failed, errc::io, errc::no_space; the log is closed nevertheless, and what was
  ///          accepted is kept for the next open
  void close() {
    if constexpr (detail::has_log_index<Policies>) {
      if (index_) index_->close();
    }
    if (writer_) writer_->close();
    if (reader_) reader_->close();
  }

  /// Is the narrow view that an index policy's verbs have of a log.
  class view_type {
   public:
    explicit view_type(log_engine& log) : log_{log} {}
    lsn append(bytes_view record) { return log_.writer().append(record); }
    lsn append(const detail::batch_builder& batch) { return log_.writer().append(batch); }
    /// Returns what may be seen now, or could when the log was closed.
    [[nodiscard]] detail::read_scope<Policies> scope() const {
      return log_.writer_ ? log_.writer_->last_scope() : log_.reader_->scope();
    }
    /// Throws in a child of the process that opened the log. @errors errc::closed
    void require_own() const {
      log_.writer_ ? log_.writer_->require_own() : log_.reader_->require_own();
    }
    [[nodiscard]] bool wait_beyond(lsn seen, const std::stop_token& stop) {
      return log_.writer_ ? log_.writer_->wait_beyond(seen, stop)
                          : log_.reader_->wait_beyond(seen, stop);
    }
    [[nodiscard]] lsn cursor(std::string_view name) const {
      log_.require_usable();
      return log_.writer_ ? log_.writer_->cursor(name) : log_.reader_->cursor(name);
    }
    /// Returns the part of the index that lives as long as the log, if it has one.
    [[nodiscard]] auto& index() const requires detail::has_log_index<Policies> {
      log_.require_usable();
      return *log_.index_;
    }
    void set_cursor(const std::string& name, lsn at) { log_.writer().set_cursor({at, name}); }
    /// Returns what an index that lives as long as the log sees of it.
    [[nodiscard]] detail::index_view<Policies> for_index() const {
      return log_.writer_ ? log_.writer_->view() : log_.reader_->view();
    }

    /// Begins a segment of its own for records that are then appended together.
    [[nodiscard]] detail::attachment<Policies> begin_attached() {
      return detail::attachment<Policies>{log_.open_writer().core()};
    }
    lsn append(detail::attachment<Policies>& own) { return log_.open_writer().append(own); }
    /// Gives up sealed segments below a record, and what is attached to them but for `kept`, whose
    /// bytes are still read.
    void truncate_front(lsn first_kept, std::span<const segment_number> kept) {
      log_.open_writer().truncate_front(first_kept, kept);
    }

   private:
    log_engine& log_;
  };
  [[nodiscard]] view_type view() { return view_type{*this}; }

 private:
  void require_usable() const {
    if (writer_ == nullptr && reader_ == nullptr)
      throw error{errc::closed, "the log was moved from"};
    writer_ ? writer_->require_usable() : reader_->require_usable();
  }

  /// The append path sees by itself that a log was closed.
  [[nodiscard]] detail::journal<Policies>& writer() const {
    if (writer_ != nullptr) [[likely]]
      return *writer_;
    require_usable();
    throw error{errc::read_only, "the log was opened to read"};
  }

  [[nodiscard]] detail::journal<Policies>& open_writer() const {
    require_usable();
    return writer();
  }

  [[nodiscard]] const detail::identity& store() const {
    return writer_ ? writer_->core().segments.store() : reader_->store();
  }
  [[nodiscard]] detail::read_scope<Policies> scope() const {
    require_usable();
    return writer_ ? writer_->scope() : reader_->scope();
  }

  static void note_record(log_identity& of, const detail::read_scope<Policies>& seen, lsn at) {
    const record found = log_snapshot<Policies>{seen}.read(at);
    of.at = at;
    of.time = found.time();
    of.checksum = format::crc32c(found.bytes());
  }

  void open_index() {
    if constexpr (detail::has_log_index<Policies>) {
      using index = typename index_policy::template log_index<Policies>;
      index_ = std::make_unique<index>(view().for_index());
    }
  }

  std::unique_ptr<detail::journal<Policies>> writer_;  // one of the two
  std::unique_ptr<detail::follower<Policies>> reader_;
  [[no_unique_address]] typename detail::log_parts<Policies, log_engine>::index index_;
};

}  // namespace logdb
