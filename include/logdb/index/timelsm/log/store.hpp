// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The inside of a durable time log: a log of records, the index that they make, and who writes
/// checkpoints.

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <utility>

#include <logdb/index/timelsm/log/checkpoint.hpp>
#include <logdb/index/timelsm/log/logged_write.hpp>
#include <logdb/index/timelsm/log/replay.hpp>
#include <logdb/platform/process/fork_counter.hpp>
#include <logdb/policy/storage.hpp>

namespace logdb::timelsm {

/// Holds a log and the index beside it.
///
/// @threads  any
template <class V, class System, class Log>
class store {
 public:
  using index_type = time_index<V, System>;

  /// Opens the log and makes its index.
  /// @param where  a path, or whatever else the log takes before its options
  template <class Path>
  store(const Path& where, const typename Log::options& of_log, timelsm_options<V> chosen)
      : read_only_{of_log.mode == open_mode::read_only},
        options_{examined(std::move(chosen))},
        log_{where, of_log},
        index_{options_,
               {options_.memory_bytes_max, [this] { ask_for_checkpoint(); }},
               read_only_ ? nullptr : &log_.view().for_index().append_mutex()},
        replay_{of_log.recovery} {
    replay_.open(log_, index_, [this, more = is_automatic()]() mutable {
      if (more && index_.is_laden()) more = relieve_replay();
    });
    line_.written.store(replay_.bytes(), std::memory_order_relaxed);
    if (is_automatic()) {
      thread_ = typename System::thread{[this] { keep_small(); }};
      index_.set_stores(true);
    }
  }
  store(const store&) = delete;
  store& operator=(const store&) = delete;
  ~store() {
    try {
      close();
    } catch (const std::exception&) {
      // close() is where errors are seen.
    }
  }

  [[nodiscard]] Log& log() { return log_; }

  /// Returns the index; to read only, with what the writer appended since.
  [[nodiscard]] index_type& index() {
    if (read_only_) {
      guard lock{replay_mutex_};
      replay_.go_on(log_, index_);
    }
    return index_;
  }
  /// Returns what readers see.
  [[nodiscard]] auto snapshot() {
    (void)index();  // brings in what is new
    return line_.shown.now();
  }

  /// Appends a record, and applies it to the index.
  ///
  /// @param apply  is given the index and the log that it is to tell of the write
  /// @errors  as the log's append, errc::busy; nothing was appended, unless it is errc::failed
  /// @cost    two locked instructions without contention: the append lock
  template <class Apply>
  lsn append(bytes_view record, Apply apply) {
    wait_for_room();
    logged_write mine{line_, record};
    apply(index_, mine);
    const lsn at = mine.acknowledge();
    if (written() >= due_.load(std::memory_order_relaxed)) [[unlikely]]
      grown_.signal();
    return at;
  }

  /// Accepts a write of nothing. @return the lsn of the last record @errors errc::read_only
  lsn write_nothing() {
    line_.log.require_writer();
    return log_.last_lsn();
  }

  /// Stores what there is, and gives up the records that said so.
  void checkpoint() {
    guard lock{replay_mutex_};
    asked_.store(false);
    store_up_to(written(), [this] { return log_.last_lsn(); });
  }

  /// Merges everything into one level, removes what was erased, and stores it.
  void compact() {
    index_.compact([this] { checkpoint(); });
    checkpoint();
  }

  /// Does one step of maintenance, or writes a checkpoint where one is due and nobody else does.
  bool maintain() {
    if (index_.maintain()) return true;
    if (thread_.joinable() || read_only_ || !is_due()) return false;
    checkpoint();
    return true;
  }

  /// Ends the log; what it has accepted reaches the index before that is closed. Again: nothing.
  void close() {
    if (is_forked()) return leave_to_parent();
    if (!closed_.exchange(true)) end_storing();
    struct then_index {
      store& self;
      ~then_index() { self.index_.close(); }
    };
    const then_index last{*this};
    log_.close();
  }
  [[nodiscard]] bool is_closed() const { return closed_.load(std::memory_order_relaxed); }
  /// Tells whether this is a child of the process that opened the log: it may only close its copy.
  [[nodiscard]] bool is_forked() const { return index_.is_forked(); }

 private:
  using mutex = platform::basic_mutex<System>;
  using guard = std::unique_lock<mutex>;
  using writer_type = checkpoint_writer<V, Log, index_type>;

  /// So many times the bytes of a directory may be written before the next: it is written whole.
  static constexpr std::uint64_t directories_behind = 8;

  /// Refuses what is out of its range before anything is opened.
  static timelsm_options<V> examined(timelsm_options<V> chosen) {
    if (const char* const fault = chosen.fault()) throw error{errc::invalid_argument, fault};
    return chosen;
  }

  /// Tells whether checkpoints are written in the background.
  [[nodiscard]] bool is_automatic() const {
    return options_.maintenance == maintenance_mode::background && !read_only_ &&
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
    const std::uint64_t directory = writer_type{log_, index_}.run(last);
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
    if (!asked_.exchange(true)) grown_.signal();
  }

  /// Ends both threads, and leaves little for the next open to replay: nothing at all where that
  /// would drop rows again that were told of.
  void end_storing() {
    stop();
    index_.refuse_writes();
    index_.set_stores(false);
    index_.stop_maintaining();
    const std::uint64_t little = options_.checkpoint_bytes / 16;
    const bool told = !read_only_ && options_.on_drop && index_.stats().rows_dropped != 0;
    if (told || (is_automatic() && unstored() > little)) try_checkpoint();
  }

  /// Ends a child's copy of the log.
  void leave_to_parent() {
    closed_.store(true);
    platform::forget_thread(thread_);
    index_.close();
    log_.close();
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
    while (!stopping_.load()) {
      const auto ticket = grown_.ticket();
      if (!is_due()) {
        if (!stopping_.load()) grown_.wait(ticket);
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
      if (!is_closed()) index_.set_stores(true);
    } catch (const std::exception& failure) {
      index_.set_stores(false);
      set_due(2 * unstored());
      tell(options_.log, failure.what());
    }
  }

  void stop() {
    stopping_.store(true);
    grown_.signal();
    guard lock{stop_mutex_};
    if (thread_.joinable()) thread_.join();
  }

  bool read_only_;
  timelsm_options<V> options_;
  std::atomic<bool> asked_ = false;      // memory asks for a checkpoint
  platform::basic_event<System> grown_;  // due_ is reached, asked_, or it is to stop
  Log log_;
  index_type index_;
  write_line<typename Log::policies, index_type> line_{log_.view().for_index(), index_};
  mutex replay_mutex_;  // of replay_ once it is open; one checkpoint at a time
  replayer<V> replay_;
  std::atomic<std::uint64_t> stored_ = 0;  // bytes of written() before the last checkpoint
  std::atomic<std::uint64_t> due_ = options_.checkpoint_bytes;  // of them at the next
  std::atomic<bool> closed_ = false;
  std::atomic<bool> stopping_ = false;
  mutex stop_mutex_;
  typename System::thread thread_;  // guarded by stop_mutex_ once it runs
};

}  // namespace logdb::timelsm
