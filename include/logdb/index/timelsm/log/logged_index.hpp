// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The index of a durable time log, for as long as the log is open: the rows that its records make,
/// and the checkpoints that stand for those records.

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <logdb/index/timelsm/log/checkpoint.hpp>
#include <logdb/index/timelsm/log/logged_write.hpp>
#include <logdb/index/timelsm/log/replay.hpp>
#include <logdb/index/timelsm/log/row_changes.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/process/fork_counter.hpp>
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
               {options_.memory_bytes_max, [this] { ask_for_checkpoint(); }},
               log.follows() ? nullptr : &log.turns()},
        line_{std::move(log), index_},
        replay_{line_.log.options().recovery, marks_} {
    static_assert(
        !detail::is_address<value_type>,
        "logdb: a durable time log would store addresses: V is a pointer, or a range that "
        "may be a view; use a type that holds what V refers to, or bytes_value");
    replay_.open(line_.log, index_, [this, more = is_automatic()]() mutable {
      if (more && index_.is_laden()) more = relieve_replay();
      return true;
    });
    line_.written.store(replay_.bytes(), std::memory_order_relaxed);
    if (is_automatic()) {
      thread_ = typename system::thread{[this] { keep_small(); }};
      index_.set_stores(true);
    }
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
    if (written() >= due_.load(std::memory_order_relaxed)) [[unlikely]]
      grown_.signal();
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
  /// @errors  errc::no_space, errc::io, errc::failed, errc::corrupt: nothing was given up
  /// @cost    O(rows that are new), and 20 bytes for each 4,096 others
  void checkpoint() {
    guard lock{replay_mutex_};
    asked_.store(false, std::memory_order_seq_cst);
    store_up_to(written(), [this] { return line_.log.last_lsn(); });
  }

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
    if (thread_.joinable() || line_.log.follows() || !is_due()) return false;
    checkpoint();
    return true;
  }

  /// Ends both threads and refuses later writes; to be called before the log is closed, which then
  /// has all that was accepted. Leaves little for the next open to replay. Again: does nothing.
  void close() {
    const bool again = closed_.exchange(true, std::memory_order_acq_rel);
    if (index_.is_forked()) {
      platform::forget_thread(thread_);  // it is the parent's
    } else if (!again) {
      end_storing();
    }
    index_.close();
  }

 private:
  using mutex = platform::basic_mutex<system>;
  using guard = platform::scoped_lock<mutex>;
  using writer_type = checkpoint_writer<Policies, index_type>;

  /// So many times the bytes of a directory may be written before the next: it is written whole.
  static constexpr std::uint64_t directories_behind = 8;

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

  /// Tells whether checkpoints are written in the background.
  [[nodiscard]] bool is_automatic() const {
    return options_.maintenance == maintenance_mode::background && !line_.log.follows() &&
           options_.checkpoint_bytes != 0;
  }

  [[nodiscard]] bool is_due() const {
    return options_.checkpoint_bytes != 0 && (asked_.load(std::memory_order_relaxed) ||
                                              written() >= due_.load(std::memory_order_relaxed));
  }

  /// Stores what the index has of the records up to one.
  /// @param bytes  of these records
  template <class Last>
  void store_up_to(std::uint64_t bytes, Last last) {
    writer_type work{line_.log, index_, marks_};
    work.mark(last);
    const std::uint64_t directory = work.store();
    stored_.store(bytes, std::memory_order_relaxed);
    set_due(directories_behind * directory);
  }

  /// Keeps an open within its memory: what it has replayed may be more than may stay there. Returns
  /// whether that went well; where not, it opens nevertheless.
  bool relieve_replay() {
    try {
      store_up_to(replay_.bytes(), [this] { return replay_.next() - 1; });
      return true;
    } catch (const std::exception& failure) {
      tell(options_.log, failure.what());
      return false;
    }
  }

  void ask_for_checkpoint() {
    if (!asked_.exchange(true, std::memory_order_seq_cst)) grown_.signal();
  }

  /// Ends both threads, and leaves little for the next open to replay: nothing at all where that
  /// would drop rows again that were told of.
  void end_storing() {
    stop();
    index_.refuse_writes();
    index_.set_stores(false);
    index_.stop_maintaining();
    const std::uint64_t little = options_.checkpoint_bytes / 16;
    const bool told = !line_.log.follows() && options_.on_drop && index_.stats().rows_dropped != 0;
    if (told || (is_automatic() && unstored() > little)) try_checkpoint();
  }

  void wait_for_room() {
    while (index_.is_full()) {
      if (options_.pressure == pressure_mode::report) {
        throw error{errc::busy, "checkpoints of the time log lag behind"};
      }
      index_.wait_for_room([this] { ask_for_checkpoint(); });
    }
  }

  /// Returns the bytes of all records that the index has; it only grows.
  [[nodiscard]] std::uint64_t written() const {
    return line_.written.load(std::memory_order_relaxed);
  }
  /// Returns the bytes of records behind the last checkpoint.
  [[nodiscard]] std::uint64_t unstored() const {
    return written() - stored_.load(std::memory_order_relaxed);
  }

  /// Says behind how many bytes of records the next checkpoint is due.
  void set_due(std::uint64_t bytes) {
    const std::uint64_t behind = std::max(bytes, options_.checkpoint_bytes);
    due_.store(stored_.load(std::memory_order_relaxed) + behind, std::memory_order_relaxed);
  }

  /// Writes a checkpoint whenever the records behind the last one have become many.
  void keep_small() {
    while (!stopping_.load(std::memory_order_acquire)) {
      const auto ticket = grown_.ticket();
      if (!is_due()) {
        if (!stopping_.load(std::memory_order_acquire)) grown_.wait(ticket);
      } else {
        try_checkpoint();
      }
    }
  }

  /// What fails has given up nothing; it is tried again when there is twice as much, or memory asks
  /// for it again. Until then nobody waits for it: memory may then be exceeded.
  void try_checkpoint() {
    try {
      checkpoint();
      if (!closed_.load(std::memory_order_acquire)) index_.set_stores(true);
    } catch (const std::exception& failure) {
      index_.set_stores(false);
      set_due(2 * unstored());
      tell(options_.log, failure.what());
    }
  }

  void stop() {
    stopping_.store(true, std::memory_order_release);
    grown_.signal();
    guard lock{stop_mutex_};
    if (thread_.joinable()) thread_.join();
  }

  timelsm_options<value_type> options_;
  row_marks<value_type> marks_{options_.unit};
  // Memory asks for a checkpoint. Sequentially consistent: one that ends it sees what there is to
  // store, or is asked again.
  platform::atomic<bool> asked_ = false;
  platform::basic_event<system> grown_;  // due_ is reached, asked_, or it is to stop
  index_type index_;
  write_line<Policies, index_type> line_;
  mutex replay_mutex_;  // of replay_ once it is open; one checkpoint at a time
  replayer<Policies> replay_;
  platform::atomic<std::uint64_t> stored_ = 0;  // bytes of written() before the last checkpoint
  platform::atomic<std::uint64_t> due_ = options_.checkpoint_bytes;  // of them at the next
  platform::atomic<bool> closed_ = false;    // the exchange in close() pairs with try_checkpoint()
  platform::atomic<bool> stopping_ = false;  // followed by a signal of grown_
  mutex stop_mutex_;
  typename system::thread thread_;  // guarded by stop_mutex_ once it runs
};

}  // namespace logdb::timelsm
