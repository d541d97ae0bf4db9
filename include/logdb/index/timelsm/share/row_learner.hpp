// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// How one of several processes that write a time log learns what all of them put there.

#include <atomic>
#include <utility>

#include <logdb/index/timelsm/log/replay.hpp>
#include <logdb/journal/view/index_view.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/platform/scoped_lock.hpp>

namespace logdb::timelsm {

/// Applies the records of all processes to one index, in the order of their lsns. What was appended
/// is known by a position in the stream, which is compared before each look: one load.
///
/// @threads  any; one applies, and whoever wants to look waits for that
template <class Policies, class Index>
class row_learner {
 public:
  using log_view = index_view<Policies>;
  using value_type = typename Policies::index::value_type;

  row_learner(log_view& log, Index& index, const row_marks<value_type>& marks)
      : log_{log}, index_{index}, replay_{log.options().recovery, marks} {}

  /// Makes an empty index what the last checkpoint says it is.
  /// @errors  errc::corrupt, errc::format_mismatch
  void open() {
    const guard lock{mutex_};
    replay_.restart(log_, index_);
  }

  /// Applies what was appended before this call, and calls before more is applied; returns whether
  /// it came to that.
  /// @param more  is called behind each record; false: the rest is to wait
  /// @errors      errc::corrupt, errc::io, errc::format_mismatch, errc::closed
  template <class More, class Look>
  bool learn(More more, Look look) {
    log_.require_own();  // before the lock: a thread of the parent may have held it
    const guard lock{mutex_};
    if (!learn_locked(more)) return false;
    look();
    return true;
  }

  /// Tells whether little was appended that is not applied, and it is known what rows are like.
  [[nodiscard]] bool is_near() const {
    const std::uint64_t behind =
        log_.reached(shown).value() - applied_to_.load(std::memory_order_relaxed);  // a figure
    return behind <= lag_bytes_max && has_met_rows_.load(std::memory_order_relaxed);
  }

  /// Begins anew at the last checkpoint, if another process has written one since; returns whether.
  bool stand_on_last() {
    const guard lock{mutex_};
    if (!replay_.is_behind(log_)) return false;
    is_current_ = false;
    replay_.restart(log_, index_);
    return true;
  }

  /// Marks for a checkpoint what is applied, and seals it. Nothing is begun anew meanwhile; but
  /// first, if another thread could not apply a record: the checkpoint would stand for that one.
  /// @errors  errc::corrupt, errc::io; nothing was marked
  template <class Checkpoint>
  void mark(Checkpoint& work) {
    const guard lock{mutex_};
    const auto always = [] { return true; };
    if (!replay_.is_begun()) (void)replay_.go_on(log_, index_, always);
    replay_.note_mark();
    work.mark([this] { return replay_.next() - 1; });
  }
  /// Says that what was marked is stored.
  void note_checkpoint(lsn at) {
    const guard lock{mutex_};
    replay_.note_checkpoint(at);
  }

  /// Returns the bytes of records behind the last checkpoint that were applied.
  [[nodiscard]] std::uint64_t unstored() {
    const guard lock{mutex_};
    return replay_.bytes();
  }

 private:
  using mutex = platform::basic_mutex<typename Policies::storage::system>;
  using guard = platform::scoped_lock<mutex>;

  static constexpr std::uint64_t lag_bytes_max = std::uint64_t{1} << 20;
  /// Up to where the log is shown.
  static constexpr watermark shown = Policies::durability::readable == watermark::durable
                                         ? watermark::durable
                                         : watermark::appended;

  template <class More>
  bool learn_locked(More& more) {
    if (log_.follows()) return replay_.go_on(log_, index_, more);
    const std::uint64_t end = log_.reached(shown).value();
    if (is_current_ && applied_to_.load(std::memory_order_relaxed) == end) return true;
    is_current_ = false;  // until it is again: also when this throws
    if (!replay_.go_on(log_, index_, more)) return false;
    has_met_rows_.store(replay_.has_met_rows(), std::memory_order_relaxed);
    applied_to_.store(end, std::memory_order_relaxed);  // guards nothing beyond the mutex
    return is_current_ = true;
  }

  log_view& log_;
  Index& index_;
  platform::atomic<std::uint64_t> applied_to_ = 0;  // stream position; changed under mutex_
  platform::atomic<bool> has_met_rows_ = false;
  mutex mutex_;  // of what follows; held over reading the log
  replayer<Policies> replay_;
  bool is_current_ = false;  // the index has all up to applied_to_
};

}  // namespace logdb::timelsm
