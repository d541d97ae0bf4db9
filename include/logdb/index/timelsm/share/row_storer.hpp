// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// When one of several processes that write a time log stores its rows, for all of them.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <utility>

#include <logdb/error.hpp>
#include <logdb/index/timelsm/log/checkpoint.hpp>
#include <logdb/index/timelsm/share/row_learner.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/process/fork_counter.hpp>

namespace logdb::timelsm {

/// Writes checkpoints, one process at a time: when the records behind the last one have become
/// many, when this process's memory is full, and when it is asked to.
///
/// Before it writes one, a process holds the right to rewrite the log, and stands on the last one:
/// so each names runs only that the one before it has kept.
///
/// Lock order: storing_mutex_, the right to rewrite, the learner's, those of the index.
/// @threads  any
template <class Policies, class Index>
class row_storer {
 public:
  using log_view = index_view<Policies>;
  using learner = row_learner<Policies, Index>;
  using value_type = typename Policies::index::value_type;
  using system = typename Policies::storage::system;

  row_storer(log_view& log, Index& index, const row_marks<value_type>& marks, learner& rows,
             const timelsm_options<value_type>& chosen)
      : log_{log}, index_{index}, marks_{marks}, rows_{rows}, options_{chosen} {}
  row_storer(const row_storer&) = delete;
  row_storer& operator=(const row_storer&) = delete;
  ~row_storer() { stop(); }

  /// Begins the work in the background, where that is wanted.
  void start() {
    if (!is_automatic()) return;
    relieves_.store(true, std::memory_order_release);
    thread_ = typename system::thread{[this] { work(); }};
  }
  /// Tells whether checkpoints are written in the background.
  [[nodiscard]] bool is_automatic() const {
    return options_.maintenance == maintenance_mode::background && !log_.follows() &&
           options_.checkpoint_bytes != 0;
  }

  /// Asks for a checkpoint, since memory wants one.
  void ask() {
    if (!asked_.exchange(true, std::memory_order_seq_cst)) grown_.signal();
  }
  /// Wakes the thread, if there may be enough to store.
  /// @param bytes  of what was just appended
  void see(std::uint64_t bytes) {
    const std::uint64_t due = wake_at_.load(std::memory_order_relaxed);
    if (log_.reached(watermark::appended).value() >= due || !log_.fits(bytes)) [[unlikely]]
      grown_.signal();
  }
  /// Tells whether a checkpoint is due.
  [[nodiscard]] bool is_due() {
    if (options_.checkpoint_bytes == 0) return false;
    const std::uint64_t due = due_.load(std::memory_order_relaxed);
    const std::uint64_t left = due - std::min(due, rows_.unstored());
    wake_at_.store(log_.reached(watermark::appended).value() + left, std::memory_order_relaxed);
    return left == 0 || asked_.load(std::memory_order_seq_cst) || is_full();
  }

  /// Tells whether so much is in memory that no more should come before it is stored, and somebody
  /// stores it.
  [[nodiscard]] bool is_full() const {
    return index_.is_laden() && relieves_.load(std::memory_order_acquire);
  }
  /// Waits until memory may be less full. If that takes too long it is exceeded.
  void wait_for_memory() {
    const auto ticket = relieved_.ticket();
    if (!is_full()) return;
    index_.counted().stalls.fetch_add(1, std::memory_order_relaxed);
    ask();
    if (!relieved_.wait(ticket, patience)) relieves_.store(false, std::memory_order_release);
  }

  /// Calls with the right to store, on the last checkpoint, with all that was appended.
  /// @errors  errc::read_only, errc::closed; those of the call
  /// @blocks  while another process stores
  template <class Work>
  void in_turn(Work run) {
    log_.require_open();
    if (!take_turn(is_open(), run)) throw error{errc::closed, "the log was closed"};
  }

  /// Writes a checkpoint of what is applied. Requires the right to store.
  /// @errors  errc::no_space, errc::io, errc::failed, errc::corrupt: nothing was given up
  void store() {
    asked_.store(false, std::memory_order_seq_cst);
    checkpoint_writer<Policies, Index> work{log_, index_, marks_};
    rows_.mark(work);
    const std::uint64_t directory = work.store();
    rows_.note_checkpoint(work.at());
    due_.store(std::max(directories_behind * directory, options_.checkpoint_bytes),
               std::memory_order_relaxed);
    relieves_.store(is_automatic() && !stopping_.load(std::memory_order_acquire),
                    std::memory_order_release);
    relieved_.signal();
  }

  /// Ends the thread, and leaves little for the next open to replay: nothing at all where that
  /// would drop rows again that were told of. One at a time.
  void close() {
    stop();
    if (log_.follows()) return;
    const auto is_wanted = [this] {
      const bool told = options_.on_drop && index_.stats().rows_dropped != 0;
      return told || (is_automatic() && rows_.unstored() > options_.checkpoint_bytes / 16);
    };
    try {
      (void)rows_.learn([] { return true; }, [] {});
      const auto once = [waits = true]() mutable { return std::exchange(waits, false); };
      if (is_wanted()) (void)store_if(once, is_wanted);
    } catch (const std::exception& failure) {
      tell(options_.log, failure.what());
    }
  }
  /// Lets go of a thread that the parent of this process has.
  void forget() { platform::forget_thread(thread_); }

 private:
  using mutex = platform::basic_mutex<system>;
  using guard = platform::scoped_lock<mutex>;

  /// So many times the bytes of a directory may be written before the next: it is written whole.
  static constexpr std::uint64_t directories_behind = 8;
  /// How long an idle process keeps what another one's checkpoint has replaced.
  static constexpr std::chrono::seconds look_time{1};
  /// How long a reader whose memory is full waits for a checkpoint.
  static constexpr std::chrono::seconds patience{1};

  [[nodiscard]] auto is_open() const {
    return [this] { return !stopping_.load(std::memory_order_acquire); };
  }

  /// Does so; false: another process stores, and `waits` did not wait for it any longer.
  template <class Waits, class Work>
  bool take_turn(Waits waits, Work run) {
    const guard lock{storing_mutex_};
    const auto mine = log_.take_rewrite_turn(waits);
    if (!mine) return false;
    if (rows_.stand_on_last()) asked_.store(false, std::memory_order_seq_cst);
    while (!rows_.learn([this] { return !is_full(); }, [] {})) store();
    run();
    return true;
  }
  template <class Waits, class Wanted>
  bool store_if(Waits waits, Wanted is_wanted) {
    return take_turn(waits, [&] {
      if (is_wanted()) store();
    });
  }

  /// Keeps this process near the others, and what lies behind the last checkpoint small.
  void work() {
    while (!stopping_.load(std::memory_order_acquire)) {
      const auto ticket = grown_.ticket();
      keep_small();
      if (!stopping_.load(std::memory_order_acquire)) grown_.wait(ticket, look_time);
    }
  }

  /// What fails has given up nothing; it is tried again when there is twice as much, or memory asks
  /// for it again. Until then nobody waits for it: memory may then be exceeded.
  void keep_small() {
    try {
      follow();
      if (is_due()) (void)store_if(is_open(), [this] { return is_due(); });
    } catch (const std::exception& failure) {
      give_up();
      due_.store(std::max(2 * rows_.unstored(), options_.checkpoint_bytes),
                 std::memory_order_relaxed);
      tell(options_.log, failure.what());
    }
  }

  /// Applies what was appended, and lets go of what another process's checkpoint has replaced.
  void follow() {
    const std::uint64_t generation = log_.generation();
    if (std::exchange(followed_, generation) != generation) (void)rows_.stand_on_last();
    (void)rows_.learn([this] { return !is_full(); }, [] {});
  }

  void give_up() {
    relieves_.store(false, std::memory_order_release);
    relieved_.signal();
  }
  void stop() {
    stopping_.store(true, std::memory_order_release);
    grown_.signal();
    if (thread_.joinable()) thread_.join();
    give_up();
  }

  log_view& log_;
  Index& index_;
  const row_marks<value_type>& marks_;
  learner& rows_;
  const timelsm_options<value_type>& options_;
  // Memory asks for a checkpoint. Sequentially consistent: one that ends it sees what there is to
  // store, or is asked again.
  platform::atomic<bool> asked_ = false;
  // Somebody stores, so who learns may wait for it. Where that ends, a signal of relieved_ follows.
  platform::atomic<bool> relieves_ = false;
  platform::atomic<bool> stopping_ = false;  // followed by a signal of grown_
  platform::atomic<std::uint64_t> due_ =
      options_.checkpoint_bytes;                                 // behind so many the next one is
  platform::atomic<std::uint64_t> wake_at_ = ~std::uint64_t{0};  // stream position: it may be due
  platform::basic_event<system> grown_;     // a checkpoint may be due, or it is to stop
  platform::basic_event<system> relieved_;  // there may be more memory
  mutex storing_mutex_;                     // one checkpoint at a time
  std::uint64_t followed_ = 0;              // generation of the manifest; the thread's alone
  typename system::thread thread_;
};

}  // namespace logdb::timelsm
