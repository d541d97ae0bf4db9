// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The durable log of rows by time: a log of records, and beside it the time index that they make.

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include <logdb/index/timelsm/log/store.hpp>
#include <logdb/log.hpp>

namespace logdb {

namespace detail {

/// Is satisfied by the policies of a time log that keeps its rows in records.
template <class Policies>
concept time_log_policies = !without_journal<Policies> && requires {
  typename Policies::index::record_index;
  typename Policies::index::value_type;  // the record_index itself has none
};

/// Is the policies of the log of records within a time log.
template <class Policies>
using record_policies =
    policy_set<typename Policies::storage, typename Policies::durability,
               typename Policies::index::record_index, typename Policies::locking>;

}  // namespace detail

/// Is a durable log of rows by time: named through `basic_log<...>` or a preset.
///
/// Each append, batch and deletion is one record; the index learns them in the order of their lsns,
/// so that the next open finds the same rows in the same order. A checkpoint, by itself or by
/// compact(), writes what is there and gives up the records before it.
///
/// @threads  every member from any thread; only moving and destroying need to be alone
template <detail::time_log_policies Policies>
class log_engine<Policies> : public Policies::index::template face<log_engine<Policies>> {
 public:
  using policies = Policies;
  using index_policy = typename Policies::index;
  using options = basic_options<Policies>;
  using record_log = log_engine<detail::record_policies<Policies>>;
  using store_type = timelsm::store<typename index_policy::value_type,
                                    typename Policies::storage::system, record_log>;
  using record_range = typename record_log::record_range;
  using snapshot_type = time_snapshot<typename index_policy::value_type>;
  using tail_range = typename record_log::tail_range;
  using cursor_type = typename record_log::cursor_type;

  /// Is this log with some policies replaced.
  template <class... Arguments>
  using with = detail::resolve_t<Policies, Arguments...>;

  /// Opens the log at a path, or creates it; recovers what a crash left.
  ///
  /// @errors  as every log; errc::invalid_argument for retention: a time log is kept small by
  ///          erase() and compact()
  /// @cost    reads the last checkpoint and the records behind it
  explicit log_engine(const std::filesystem::path& path, const options& chosen = {})
      : path_{path},
        store_{std::make_unique<store_type>(path, for_records(chosen), chosen.index)} {}
  log_engine(log_engine&&) noexcept = default;
  log_engine& operator=(log_engine&&) noexcept = default;
  ~log_engine() = default;

  /// Returns the rows as they stand now, with every verb that reads.
  [[nodiscard]] snapshot_type snapshot() const { return view().snapshot(); }

  /// Merges everything into one level, removes what was erased, and writes a checkpoint: what the
  /// records before it said is then no longer needed, and they are given up.
  /// @errors  errc::no_space, errc::io, errc::failed: nothing was given up
  /// @cost    O(rows)
  void compact() { open().compact(); }
  /// Stores what is not stored yet, and gives up the records that it stands for.
  /// @errors  errc::no_space, errc::io, errc::failed, errc::corrupt: nothing was given up
  /// @cost    O(rows that are new), and 20 bytes for each 4,096 others
  void checkpoint() { open().checkpoint(); }
  /// Does one step of maintenance, or writes a checkpoint that is due and that no thread writes;
  /// returns whether there was one to do.
  bool maintain() { return open().maintain(); }

  /// Returns the records that rows and deletions are kept in: docs/format.md.
  [[nodiscard]] record_range records() const { return log().records(); }
  [[nodiscard]] record_range records(lsn from) const { return log().records(from); }
  [[nodiscard]] record_range records(lsn from, lsn to) const { return log().records(from, to); }
  [[nodiscard]] tail_range tail(lsn from = lsn{1}, std::stop_token stop = {}) {
    return log().tail(from, std::move(stop));
  }
  /// Returns a consumer's place; names that begin with `logdb.` are the log's own.
  /// @errors  errc::invalid_argument
  [[nodiscard]] cursor_type cursor(std::string name) {
    if (name.starts_with("logdb.")) {
      throw error{errc::invalid_argument, "cursors named logdb.* are the log's own"};
    }
    return log().cursor(std::move(name));
  }

  void sync() { log().sync(); }
  void wait_durable(lsn at) { log().wait_durable(at); }
  [[nodiscard]] lsn first_lsn() const { return log().first_lsn(); }
  [[nodiscard]] lsn last_lsn() const { return log().last_lsn(); }
  [[nodiscard]] lsn durable_lsn() const { return log().durable_lsn(); }
  [[nodiscard]] logdb::loss_window loss_window() const { return log().loss_window(); }
  [[nodiscard]] const recovery_report& recovery() const { return log().recovery(); }
  [[nodiscard]] log_stats stats() const { return log().stats(); }
  [[nodiscard]] verification verify() const { return log().verify(); }

  /// Brings everything to stable storage and ends the log; snapshots can still be read.
  /// @errors  as every log
  void close() {
    if (store_ != nullptr) store_->close();
  }

  template <class Never = void>
  void begin() const {
    static_assert(detail::never<Never>,
                  "logdb: a time log has no transactions; append a range of rows, which is atomic");
  }
  template <class Never = void>
  void truncate_front(lsn) const {
    static_assert(detail::never<Never>,
                  "logdb: a time log gives up rows, not records; use erase_before() and compact()");
  }

  /// Is what the face sees of the log.
  class view_type {
   public:
    using value_type = typename index_policy::value_type;

    explicit view_type(store_type& kept) : store_{kept} {}

    /// Returns the index; to read only, with what the writer appended since.
    [[nodiscard]] auto& index() const { return store_.index(); }
    [[nodiscard]] snapshot_type snapshot() const { return store_.snapshot(); }

    lsn append(std::int64_t time, const value_type& value) const {
      return store_.append(timelsm::encode_row(time, value).bytes(),
                           [&](auto& index, auto& log) { index.append(time, value, log); });
    }
    template <class Rows>
    lsn append_batch(const Rows& rows) const {
      if (rows.size() == 0) return store_.write_nothing();
      timelsm::batch_encoder<value_type, Rows> encoder{rows};
      return store_.append(encoder.run().bytes(),
                           [&](auto& index, auto& log) { index.append_batch(rows, log); });
    }
    lsn erase(const timelsm::bounds& in) const {
      if (in.empty()) return store_.write_nothing();
      return store_.append(timelsm::encode_deletion(in).bytes(),
                           [&](auto& index, auto& log) { index.erase(in, log); });
    }

   private:
    store_type& store_;
  };
  [[nodiscard]] view_type view() const { return view_type{open()}; }

 private:
  static auto for_records(const options& chosen) {
    if (!chosen.retention.keeps_all()) {
      throw error{errc::invalid_argument,
                  "a time log gives up rows, not records: use erase_before() and compact()"};
    }
    typename record_log::options own;
    own.mode = chosen.mode;
    own.recovery = chosen.recovery;
    own.segment_bytes = chosen.segment_bytes;
    own.record_bytes_max = chosen.record_bytes_max;
    own.storage = chosen.storage;
    own.durability = chosen.durability;
    own.locking = chosen.locking;
    return own;
  }

  [[nodiscard]] store_type& open() const {
    if (store_ == nullptr) throw error{errc::closed, "the log was moved from"};
    if (store_->is_closed()) [[unlikely]]
      throw error{errc::closed, "the log was closed", {.path = path_}};
    if (store_->is_forked()) [[unlikely]]
      throw detail::error_in_child(path_);
    return *store_;
  }
  [[nodiscard]] record_log& log() const { return open().log(); }

  std::filesystem::path path_;
  std::unique_ptr<store_type> store_;
};

}  // namespace logdb
