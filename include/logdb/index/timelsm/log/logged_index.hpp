// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The index of a durable time log, for as long as the log is open: the rows that its records make,
/// and the checkpoints that stand for those records.

#include <atomic>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <logdb/index/timelsm/log/checkpoint_keeper.hpp>
#include <logdb/index/timelsm/log/logged_write.hpp>
#include <logdb/index/timelsm/log/replay.hpp>
#include <logdb/index/timelsm/write/row_changes.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/scoped_lock.hpp>
#include <logdb/stored_bytes.hpp>

namespace logdb::timelsm {

template <class Policies>
class row_transaction;

/// A time index whose every write is a record of the log first.
///
/// Each append, batch and deletion is one record; the index learns them in the order of their lsns,
/// so that the next open finds the same rows in the same order. A checkpoint, by itself or by
/// compact(), writes what is there and gives up the records before it.
///
/// @threads  any
template <class Policies>
class logged_index {
 public:
  using value_type = typename Policies::index::value_type;
  using system = typename Policies::storage::system;
  using index_type = time_index<value_type, system>;
  using transaction_state = row_transaction<Policies>;

  /// Makes the index of the log.
  /// @errors  errc::corrupt, errc::format_mismatch
  /// @cost    reads the last checkpoint and the records behind it
  explicit logged_index(index_view<Policies> log)
      : options_{log.options().index},
        index_{options_,
               {options_.memory_bytes_max, [this] { call_.ask(); }},
               log.follows() ? nullptr : &log.turns()},
        line_{std::move(log), index_},
        replay_{line_.log.options().recovery, marks_} {
    static_assert(
        !detail::is_address<value_type>,
        "logdb: a durable time log would store addresses: V is a pointer, or a range that "
        "may be a view; use a type that holds what V refers to, or bytes_value");
    replay_.open(line_.log, index_, [this, more = keeper_.is_automatic()]() mutable {
      if (more && index_.is_laden()) more = relieve_replay();
      return true;
    });
    line_.written.store(replay_.bytes(), std::memory_order_relaxed);
    keeper_.start();
  }
  logged_index(const logged_index&) = delete;
  logged_index& operator=(const logged_index&) = delete;
  ~logged_index() { close(); }

  /// Appends a row. @return  the lsn of its record
  /// @errors  as the log's append, errc::busy; nothing was appended, unless it is errc::failed
  /// @cost    two locked instructions without contention: the append lock
  lsn append(time_type time, const value_type& value) {
    return write(encode_row(time, value, marks_.flags()).bytes(),
                 [&](auto& mine) { index_.append(time, value, mine); });
  }
  /// Appends rows that are seen whole or not at all.
  template <class Rows>
  lsn append_batch(const Rows& rows) {
    if (rows.size() == 0) return write_nothing();
    batch_encoder<value_type, Rows> encoder{rows};
    return write(encoder.run(record_kind::rows, marks_.flags()).bytes(),
                 [&](auto& mine) { index_.append_batch(rows, mine); });
  }
  /// Deletes what was inserted before, in closed bounds.
  lsn erase(const bounds& in) {
    if (in.empty()) return write_nothing();
    return write(encode_deletion(in).bytes(), [&](auto& mine) { index_.erase(in, mine); });
  }
  [[nodiscard]] time_type now() const { return index_.now(); }
  /// Returns the flags of the records of rows.
  [[nodiscard]] std::uint8_t flags() const { return marks_.flags(); }
  /// Throws when nothing can be read. @errors errc::closed
  void require_readable() const { line_.log.require_readable(); }
  /// Throws when no record of so many bytes could be written. @errors errc::record_too_large
  void require_fits(std::uint64_t bytes) const {
    line_.log.require_readable();
    line_.log.require_size(bytes);
  }

  /// Accepts a write of nothing. @return the lsn of the last record @errors errc::read_only
  lsn write_nothing() {
    line_.log.require_writer();
    return line_.log.last_lsn();
  }

  using many_writes = logged_write<Policies, index_type, many_records>;

  /// Puts records that belong together into the log, and carries out what they say.
  /// @param records  stay until the write is acknowledged
  /// @errors         errc::busy, and as the log's append
  [[nodiscard]] std::unique_ptr<many_writes> put(const record_batch& records) {
    wait_for_room();
    auto all = std::make_unique<many_writes>(line_, many_records{records});
    const row_changes<value_type> what{records.view()};
    index_.apply(what.hidden, what.rows(), *all);
    return all;
  }
  /// Waits as the durability says. @return  the lsn of the last record @errors errc::failed
  template <class Write>
  lsn acknowledge(Write& put) {
    const lsn at = put.acknowledge();
    keeper_.see_written();
    return at;
  }
  /// Begins a transaction.
  template <class Transaction>
  [[nodiscard]] Transaction begin() {
    return Transaction{std::make_shared<typename Transaction::state_type>(*this)};
  }

  /// Returns what readers see.
  [[nodiscard]] time_snapshot<value_type> snapshot() {
    if (!line_.log.follows()) return line_.shown.now();
    guard lock{replay_mutex_};  // nobody sees a part of what is brought in
    replay_.go_on(line_.log, index_);
    return index_.snapshot();
  }
  [[nodiscard]] timelsm_stats stats() { return known().stats(); }
  [[nodiscard]] std::vector<std::string> validate() { return known().validate(); }

  void flush() { known().flush(); }

  /// Stores what is not stored yet, and gives up the records that it stands for.
  /// @errors  errc::no_space, errc::io, errc::failed, errc::corrupt: nothing was given up;
  ///          errc::read_only
  /// @cost    O(rows that are new), and 20 bytes for each 4,096 others
  void checkpoint() { keeper_.checkpoint(); }

  /// Merges everything into one level, removes what was erased, and stores it.
  /// @errors  errc::read_only, and as checkpoint()
  void compact() {
    line_.log.require_writer();
    index_.compact([this] { checkpoint(); });
    checkpoint();
  }

  /// Does one step of maintenance, or writes a checkpoint where one is due and nobody else does.
  bool maintain() {
    if (index_.maintain()) return true;
    if (!keeper_.is_left_to_do()) return false;
    checkpoint();
    return true;
  }

  /// Ends both threads and refuses later writes; to be called before the log is closed, which then
  /// has all that was accepted. Leaves little for the next open to replay. Again: does nothing.
  void close() {
    const bool again = closed_.exchange(true, std::memory_order_acq_rel);
    if (index_.is_forked()) {
      keeper_.forget();
    } else if (!again) {
      keeper_.close();
    }
    index_.close();
  }

 private:
  using mutex = platform::basic_mutex<system>;
  using guard = platform::scoped_lock<mutex>;

  /// Appends a record, and applies it to the index.
  /// @param apply  is given the write that it is to hand to the index
  template <class Apply>
  lsn write(bytes_view record, Apply apply) {
    wait_for_room();
    logged_write<Policies, index_type> mine{line_, {record}};
    apply(mine);
    return acknowledge(mine);
  }
  /// Returns the index; of a log that is only read, with what the writer appended since.
  [[nodiscard]] index_type& known() {
    if (line_.log.follows()) {
      guard lock{replay_mutex_};
      replay_.go_on(line_.log, index_);
    }
    return index_;
  }

  /// Keeps an open within its memory: what it has replayed may be more than may stay there. Returns
  /// whether that went well; where not, it opens nevertheless.
  bool relieve_replay() {
    try {
      keeper_.store_up_to(replay_.bytes(), [this] { return replay_.next() - 1; });
      return true;
    } catch (const std::exception& failure) {
      tell(options_.log, failure.what());
      return false;
    }
  }

  void wait_for_room() {
    while (index_.is_full()) {
      if (options_.pressure == pressure_mode::report) {
        throw error{errc::busy, "checkpoints of the time log lag behind"};
      }
      index_.wait_for_room([this] { keeper_.ask(); });
    }
  }

  timelsm_options<value_type> options_;
  row_marks<value_type> marks_{options_.unit};
  checkpoint_call<system> call_;  // before the index, whose thread calls
  index_type index_;
  write_line<Policies, index_type> line_;
  mutex replay_mutex_;  // of replay_ once it is open
  replayer<Policies> replay_;
  checkpoint_keeper<Policies, index_type> keeper_{call_, line_, index_, marks_, options_};
  platform::atomic<bool> closed_ = false;  // an exchange: nothing else is told by it
};

}  // namespace logdb::timelsm
