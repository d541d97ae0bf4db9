// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The index of a durable time log that many processes write: each makes the same rows of the one
/// log for itself. docs/design.md, "Many processes, one time log"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <logdb/index/timelsm/share/row_storer.hpp>

namespace logdb::timelsm {

template <class Policies>
class row_transaction;

/// Satisfied where many processes may write the log.
template <class Policies>
concept has_many_writers = Policies::locking::shared_writers;

/// A time index that learns from its log alone, also what this process writes: a write is an append
/// of a record, and whoever reads applies first what was appended before, by whichever process.
///
/// @threads  any
template <class Policies>
class shared_index {
 public:
  using value_type = typename Policies::index::value_type;
  using system = typename Policies::storage::system;
  using index_type = time_index<value_type, system>;
  using transaction_state = row_transaction<Policies>;

  /// Makes the index of the log.
  /// @errors  errc::corrupt, errc::format_mismatch
  /// @cost    reads the last checkpoint and the records behind it
  explicit shared_index(index_view<Policies> log)
      : options_{log.options().index},
        log_{std::move(log)},
        index_{options_, {options_.memory_bytes_max, [this] { storer_.ask(); }}} {
    try {
      rows_.open();
      storer_.start();
      catch_up();
    } catch (...) {
      index_.close();  // its thread asks the storer, which goes first
      throw;
    }
  }
  shared_index(const shared_index&) = delete;
  shared_index& operator=(const shared_index&) = delete;
  ~shared_index() { close(); }

  /// Appends a row. @return  the lsn of its record
  /// @errors  as the log's append, errc::busy; nothing was appended, unless it is errc::failed
  lsn append(time_type time, const value_type& value) {
    return write(encode_row(time, value, marks_.flags()).bytes());
  }
  /// Appends rows that are seen whole or not at all.
  template <class Rows>
  lsn append_batch(const Rows& rows) {
    if (rows.size() == 0) return write_nothing();
    batch_encoder<value_type, Rows> encoder{rows};
    return write(encoder.run(record_kind::rows, marks_.flags()).bytes());
  }
  /// Deletes what was inserted before, in closed bounds.
  lsn erase(const bounds& in) {
    return in.empty() ? write_nothing() : write(encode_deletion(in).bytes());
  }
  [[nodiscard]] time_type now() const { return index_.now(); }
  /// Returns the flags of the records of rows.
  [[nodiscard]] std::uint8_t flags() const { return marks_.flags(); }
  /// Throws when nothing can be read. @errors errc::closed
  void require_readable() const { log_.require_readable(); }
  /// Throws when no record of so many bytes could be written. @errors errc::record_too_large
  void require_fits(std::uint64_t bytes) const {
    log_.require_readable();
    log_.require_size(bytes);
  }

  /// Accepts a write of nothing. @return the lsn of the last record @errors errc::read_only
  lsn write_nothing() {
    log_.require_writer();
    return log_.last_lsn();
  }

  /// Records that belong together, and where they were put.
  struct many_writes {
    const record_batch& records;
    ticket given{};
  };

  /// Puts such records into the log.
  /// @param records  stay until the write is acknowledged
  /// @errors         errc::busy, errc::read_only, and as the log's append
  [[nodiscard]] std::unique_ptr<many_writes> put(const record_batch& records) {
    keep_up();
    auto all = std::make_unique<many_writes>(many_writes{records});
    all->given = log_.put(records);
    return all;
  }
  /// Waits as the durability says. @return  the lsn of the last record @errors errc::failed
  lsn acknowledge(many_writes& all) {
    log_.acknowledge(all.given);
    storer_.see(all.records.bytes().size());
    return all.given.last;
  }
  /// Begins a transaction.
  template <class Transaction>
  [[nodiscard]] Transaction begin() {
    return Transaction{std::make_shared<typename Transaction::state_type>(*this)};
  }

  /// Returns what readers see. @errors errc::corrupt, errc::io, errc::format_mismatch
  /// @cost  reads what was appended since
  [[nodiscard]] time_snapshot<value_type> snapshot() {
    std::optional<time_snapshot<value_type>> seen;
    caught_up([&] { seen.emplace(index_.snapshot()); });
    return *std::move(seen);
  }
  [[nodiscard]] timelsm_stats stats() { return known().stats(); }
  [[nodiscard]] std::vector<std::string> validate() { return known().validate(); }
  void flush() { known().flush(); }

  /// Stores what is not stored yet, and gives up the records that it stands for.
  /// @errors  errc::no_space, errc::io, errc::failed, errc::corrupt: nothing was given up
  /// @blocks  while another process stores
  void checkpoint() {
    storer_.in_turn([this] { storer_.store(); });
  }

  /// Merges everything into one level, removes what was erased, and stores it.
  void compact() {
    storer_.in_turn([this] {
      index_.compact([this] { storer_.store(); });
      storer_.store();
    });
  }

  /// Does one step of maintenance, or writes a checkpoint where one is due and nobody else does.
  bool maintain() {
    if (index_.maintain()) return true;
    if (storer_.is_automatic() || log_.follows()) return false;
    catch_up();
    if (!storer_.is_due()) return false;
    checkpoint();
    return true;
  }

  /// Ends both threads; to be called before the log is closed. Again: does nothing.
  void close() {
    if (index_.is_forked()) {
      storer_.forget();
    } else {
      const guard lock{close_mutex_};
      if (!std::exchange(closed_, true)) storer_.close();
    }
    index_.close();
  }

 private:
  using mutex = platform::basic_mutex<system>;
  using guard = platform::scoped_lock<mutex>;

  lsn write(bytes_view record) {
    keep_up();
    const lsn at = log_.append(record);
    storer_.see(record.size());
    return at;
  }

  /// Applies what others wrote, so that this process is never far behind what it writes on: and
  /// before it writes at all, so that it learns what their rows are like.
  void keep_up() {
    log_.require_writer();
    if (rows_.is_near()) [[likely]]
      return;
    if (options_.pressure == pressure_mode::report && storer_.is_full()) {
      throw error{errc::busy, "checkpoints of the time log lag behind"};
    }
    catch_up();
  }

  /// Applies what was appended before this call, and calls before more is applied.
  template <class Look>
  void caught_up(Look look) {
    while (!rows_.learn([this] { return !storer_.is_full(); }, look)) storer_.wait_for_memory();
  }
  void catch_up() {
    caught_up([] {});
  }
  [[nodiscard]] index_type& known() {
    catch_up();
    return index_;
  }

  timelsm_options<value_type> options_;
  row_marks<value_type> marks_{options_.unit};
  index_view<Policies> log_;
  index_type index_;
  row_learner<Policies, index_type> rows_{log_, index_, marks_};
  row_storer<Policies, index_type> storer_{log_, index_, marks_, rows_, options_};
  mutex close_mutex_;
  bool closed_ = false;  // guarded by close_mutex_
};

}  // namespace logdb::timelsm
