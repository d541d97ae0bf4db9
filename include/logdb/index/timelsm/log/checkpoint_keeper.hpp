// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// When the rows of a time log that one process writes are stored.

#include <algorithm>
#include <atomic>
#include <exception>

#include <logdb/index/timelsm/log/checkpoint.hpp>
#include <logdb/index/timelsm/log/logged_write.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/platform/process/fork_counter.hpp>
#include <logdb/platform/scoped_lock.hpp>

namespace logdb::timelsm {

/// What wakes the keeper of checkpoints.
template <class System>
struct checkpoint_call {
  // Memory asks for a checkpoint. Sequentially consistent: one that ends it sees what there is to
  // store, or is asked again.
  platform::atomic<bool> asked = false;
  platform::basic_event<System> grown{};  // one may be due, was asked for, or it is to stop

  void ask() {
    if (!asked.exchange(true, std::memory_order_seq_cst)) grown.signal();
  }
};

/// Writes checkpoints: when the records behind the last one have become many, when memory is full,
/// and when it is asked to. To be closed before it goes, in a child of a fork to forget its thread.
///
/// @threads  any
template <class Policies, class Index>
class checkpoint_keeper {
 public:
  using value_type = typename Policies::index::value_type;
  using system = typename Policies::storage::system;
  using line_type = write_line<Policies, Index>;
  using call_type = checkpoint_call<system>;

  checkpoint_keeper(call_type& call, line_type& line, Index& index,
                    const row_marks<value_type>& marks, const timelsm_options<value_type>& chosen)
      : call_{call}, line_{line}, index_{index}, marks_{marks}, options_{chosen} {}
  checkpoint_keeper(const checkpoint_keeper&) = delete;
  checkpoint_keeper& operator=(const checkpoint_keeper&) = delete;

  /// Tells whether checkpoints are written in the background.
  [[nodiscard]] bool is_automatic() const {
    return options_.maintenance == maintenance_mode::background && !line_.log.follows() &&
           options_.checkpoint_bytes != 0;
  }
  /// Begins the work in the background, where that is wanted.
  void start() {
    if (!is_automatic()) return;
    thread_ = typename system::thread{[this] { keep_small(); }};
    index_.set_stores(true);
  }

  /// Asks for a checkpoint, since memory wants one.
  void ask() { call_.ask(); }
  /// Wakes the thread, if there is enough to store.
  void see_written() {
    if (written() >= due_.load(std::memory_order_relaxed)) [[unlikely]]
      call_.grown.signal();
  }
  /// Tells whether a checkpoint is due that no thread writes.
  [[nodiscard]] bool is_left_to_do() const {
    return !thread_.joinable() && !line_.log.follows() && is_due();
  }

  /// Stores what is not stored yet, and gives up the records that it stands for.
  /// @errors  errc::no_space, errc::io, errc::failed, errc::corrupt: nothing was given up;
  ///          errc::read_only
  /// @cost    O(rows that are new), and 20 bytes for each 4,096 others
  void checkpoint() {
    line_.log.require_writer();
    const guard lock{mutex_};
    call_.asked.store(false, std::memory_order_seq_cst);
    store_up_to(written(), [this] { return line_.log.last_lsn(); });
  }
  /// Stores what the index has of the records up to one.
  /// @param bytes  of these records
  template <class Last>
  void store_up_to(std::uint64_t bytes, Last last) {
    checkpoint_writer<Policies, Index> work{line_.log, index_, marks_};
    work.mark(last);
    const std::uint64_t directory = work.store();
    stored_.store(bytes, std::memory_order_relaxed);
    set_due(directories_behind * directory);
  }

  /// Ends both threads, and leaves little for the next open to replay: nothing at all where that
  /// would drop rows again that were told of. Once.
  void close() {
    stop();
    index_.refuse_writes();
    index_.set_stores(false);
    index_.stop_maintaining();
    const std::uint64_t little = options_.checkpoint_bytes / 16;
    const bool told = !line_.log.follows() && options_.on_drop && index_.stats().rows_dropped != 0;
    if (told || (is_automatic() && unstored() > little)) try_checkpoint();
  }
  /// Lets go of a thread that the parent of this process has.
  void forget() { platform::forget_thread(thread_); }

 private:
  using mutex = platform::basic_mutex<system>;
  using guard = platform::scoped_lock<mutex>;

  /// So many times the bytes of a directory may be written before the next: it is written whole.
  static constexpr std::uint64_t directories_behind = 8;

  [[nodiscard]] bool is_due() const {
    return options_.checkpoint_bytes != 0 && (call_.asked.load(std::memory_order_relaxed) ||
                                              written() >= due_.load(std::memory_order_relaxed));
  }
  /// Says behind how many bytes of records the next checkpoint is due.
  void set_due(std::uint64_t bytes) {
    const std::uint64_t behind = std::max(bytes, options_.checkpoint_bytes);
    due_.store(stored_.load(std::memory_order_relaxed) + behind, std::memory_order_relaxed);
  }
  /// Returns the bytes of all records that the index has; it only grows.
  [[nodiscard]] std::uint64_t written() const {
    return line_.written.load(std::memory_order_relaxed);
  }
  /// Returns the bytes of records behind the last checkpoint.
  [[nodiscard]] std::uint64_t unstored() const {
    return written() - stored_.load(std::memory_order_relaxed);
  }

  /// Writes a checkpoint whenever the records behind the last one have become many.
  void keep_small() {
    while (!stopping_.load(std::memory_order_acquire)) {
      const auto ticket = call_.grown.ticket();
      if (!is_due()) {
        if (!stopping_.load(std::memory_order_acquire)) call_.grown.wait(ticket);
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
      if (!stopping_.load(std::memory_order_acquire)) index_.set_stores(true);
    } catch (const std::exception& failure) {
      index_.set_stores(false);
      set_due(2 * unstored());
      tell(options_.log, failure.what());
    }
  }

  void stop() {
    stopping_.store(true, std::memory_order_release);
    call_.grown.signal();
    const guard lock{stop_mutex_};
    if (thread_.joinable()) thread_.join();
  }

  call_type& call_;
  line_type& line_;
  Index& index_;
  const row_marks<value_type>& marks_;
  const timelsm_options<value_type>& options_;
  mutex mutex_;                                 // one checkpoint at a time
  platform::atomic<std::uint64_t> stored_ = 0;  // bytes of written() before the last checkpoint
  platform::atomic<std::uint64_t> due_ = options_.checkpoint_bytes;  // of them at the next
  platform::atomic<bool> stopping_ = false;  // followed by a signal of call_.grown
  mutex stop_mutex_;
  typename system::thread thread_;  // guarded by stop_mutex_ once it runs
};

}  // namespace logdb::timelsm
