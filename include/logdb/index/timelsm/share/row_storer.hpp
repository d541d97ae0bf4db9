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
#include <logdb/index/timelsm/log/checkpoint_keeper.hpp>
#include <logdb/index/timelsm/share/row_learner.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/process/fork_counter.hpp>

namespace logdb::timelsm {

/// What a reader whose memory is full may wait for: that somebody stores.
template <class System>
class memory_relief {
 public:
  /// Says whether somebody stores from now on.
  void expect(bool somebody) { expected_.store(somebody, std::memory_order_release); }
  [[nodiscard]] bool is_expected() const { return expected_.load(std::memory_order_acquire); }
  /// Has those that wait look again.
  void signal() { come_.signal(); }
  /// Waits while memory is full. If that takes too long it is exceeded.
  /// @param is_full  asked before
  /// @param wake     is told first that somebody waits
  template <class Full, class Wake>
  void wait(Full is_full, Wake wake) {
    const auto ticket = come_.ticket();
    if (!is_full()) return;
    wake();
    if (!come_.wait(ticket, patience)) expect(false);
  }

 private:
  static constexpr std::chrono::seconds patience{1};

  // Where that ends, a signal follows.
  platform::atomic<bool> expected_ = false;
  platform::basic_event<System> come_{};  // there may be more memory
};

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
    relief_.expect(true);
    thread_ = typename system::thread{[this] { work(); }};
  }
  /// Tells whether checkpoints are written in the background.
  [[nodiscard]] bool is_automatic() const {
    return options_.maintenance == maintenance_mode::background && !log_.follows() &&
           options_.checkpoint_bytes != 0;
  }

  /// Asks for a checkpoint, since memory wants one.
  void ask() { call_.ask(); }
  /// Wakes the thread, if there may be enough to store.
  /// @param bytes  of what was just appended
  void see(std::uint64_t bytes) {
    const std::uint64_t due = wake_at_.load(std::memory_order_relaxed);
    if (log_.reached(watermark::appended).value() >= due || !log_.fits(bytes)) [[unlikely]]
      call_.grown.signal();
  }
  /// Tells whether a checkpoint is due.
  [[nodiscard]] bool is_due() {
    if (options_.checkpoint_bytes == 0) return false;
    const std::uint64_t due = due_.load(std::memory_order_relaxed);
    const std::uint64_t left = due - std::min(due, rows_.unstored());
    wake_at_.store(log_.reached(watermark::appended).value() + left, std::memory_order_relaxed);
    return left == 0 || call_.asked.load(std::memory_order_seq_cst) || is_full();
  }

  /// Tells whether so much is in memory that no more should come before it is stored, and somebody
  /// stores it.
  [[nodiscard]] bool is_full() const { return index_.is_laden() && relief_.is_expected(); }
  /// Waits until memory may be less full. If that takes too long it is exceeded.
  void wait_for_memory() {
    relief_.wait([this] { return is_full(); },
                 [this] {
                   index_.counted().stalls.fetch_add(1, std::memory_order_relaxed);
                   ask();
                 });
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
    call_.asked.store(false, std::memory_order_seq_cst);
    checkpoint_writer<Policies, Index> work{log_, index_, marks_};
    rows_.mark(work);
    const std::uint64_t directory = work.store();
    rows_.note_checkpoint(work.at());
    due_.store(std::max(directories_behind * directory, options_.checkpoint_bytes),
               std::memory_order_relaxed);
    relief_.expect(is_automatic() && !stopping_.load(std::memory_order_acquire));
    relief_.signal();
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

  [[nodiscard]] auto is_open() const {
    return [this] { return !stopping_.load(std::memory_order_acquire); };
  }

  /// Does so; false: another process stores, and `waits` did not wait for it any longer.
  template <class Waits, class Work>
  bool take_turn(Waits waits, Work run) {
    const guard lock{storing_mutex_};
    const auto mine = log_.take_rewrite_turn(waits);
    if (!mine) return false;
    if (rows_.stand_on_last()) call_.asked.store(false, std::memory_order_seq_cst);
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
    std::uint64_t followed = 0;
    while (!stopping_.load(std::memory_order_acquire)) {
      const auto ticket = call_.grown.ticket();
      keep_small(followed);
      if (!stopping_.load(std::memory_order_acquire)) call_.grown.wait(ticket, look_time);
    }
  }

  /// What fails has given up nothing; it is tried again when there is twice as much, or memory asks
  /// for it again. Until then nobody waits for it: memory may then be exceeded.
  /// @param followed  the generation of the manifest that was followed last
  void keep_small(std::uint64_t& followed) {
    try {
      follow(followed);
      if (is_due()) (void)store_if(is_open(), [this] { return is_due(); });
    } catch (const std::exception& failure) {
      give_up();
      due_.store(std::max(2 * rows_.unstored(), options_.checkpoint_bytes),
                 std::memory_order_relaxed);
      tell(options_.log, failure.what());
    }
  }

  /// Applies what was appended, and lets go of what another process's checkpoint has replaced.
  void follow(std::uint64_t& followed) {
    const std::uint64_t generation = log_.generation();
    if (std::exchange(followed, generation) != generation) (void)rows_.stand_on_last();
    (void)rows_.learn([this] { return !is_full(); }, [] {});
  }

  void give_up() {
    relief_.expect(false);
    relief_.signal();
  }
  void stop() {
    stopping_.store(true, std::memory_order_release);
    call_.grown.signal();
    if (thread_.joinable()) thread_.join();
    give_up();
  }

  log_view& log_;
  Index& index_;
  const row_marks<value_type>& marks_;
  learner& rows_;
  const timelsm_options<value_type>& options_;
  checkpoint_call<system> call_;
  memory_relief<system> relief_;
  platform::atomic<bool> stopping_ = false;  // followed by a signal of call_.grown
  platform::atomic<std::uint64_t> due_ =
      options_.checkpoint_bytes;                                 // behind so many the next one is
  platform::atomic<std::uint64_t> wake_at_ = ~std::uint64_t{0};  // stream position: it may be due
  mutex storing_mutex_;                                          // one checkpoint at a time
  typename system::thread thread_;
};

}  // namespace logdb::timelsm
