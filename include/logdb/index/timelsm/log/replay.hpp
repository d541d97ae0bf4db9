// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Makes a time index of its log: of the last checkpoint, and of the records behind it.

#include <utility>

#include <logdb/index/timelsm/index.hpp>
#include <logdb/index/timelsm/log/checkpoint_loader.hpp>
#include <logdb/journal/view/index_view.hpp>

namespace logdb::timelsm {

/// Applies records to an index.
///
/// @threads  one at a time
template <class Policies>
class replayer {
 public:
  using log_view = index_view<Policies>;

  replayer(recovery_mode mode, const row_marks<typename Policies::index::value_type>& marks)
      : loader_{mode, marks}, marks_{marks} {}

  /// Makes an empty index what the log says it is. No pressure refuses a record that the log has:
  /// maintenance is waited for, or done here.
  ///
  /// @param more  is called behind each record; may store what is sealed, up to next() - 1, and
  ///              returns whether to go on
  /// @errors  errc::corrupt, errc::format_mismatch; those of more
  /// @cost    reads the directory of the last checkpoint, and the records behind it; no block
  template <class Index, class F>
  void open(log_view& log, Index& index, F more) {
    begin(log, index);
    static_cast<void>(go_on(log, index, more));
  }

  /// Applies what was appended since. Where a writer of another process has given up records that
  /// were not seen yet, or too much is in memory, begins anew at its checkpoint; so it does behind
  /// an error: the index may then lack a record.
  template <class Index>
  void go_on(log_view& log, Index& index) {
    const auto always = [] { return true; };
    static_cast<void>(go_on(log, index, always));
  }
  /// @return  whether all is applied that there was: `more` did not end it
  template <class Index, class F>
  bool go_on(log_view& log, Index& index, F& more) {
    const bool is_due = index.is_overgrown() && is_behind(log);
    if (is_due || !is_begun_) begin(log, index);
    for (;;) {
      try {
        return follow(log, index, more);
      } catch (const error& gone) {
        is_begun_ = false;
        if (gone.condition() != errc::truncated) throw;
      } catch (...) {
        is_begun_ = false;
        throw;
      }
      begin(log, index);
    }
  }

  /// Tells whether another process has written a checkpoint since the one that this began at.
  [[nodiscard]] bool is_behind(log_view& log) const {
    return log.cursor(checkpoint_cursor) > checkpoint_;
  }
  /// Begins anew at the last checkpoint: go_on() applies what lies behind it.
  template <class Index>
  void restart(log_view& log, Index& index) {
    begin(log, index);
  }
  /// Says that a checkpoint of what is applied is about to be written here.
  void note_mark() {
    is_marked_ = true;
    bytes_marked_ = bytes_;
  }
  /// Says that it was. If the index was begun anew meanwhile, it is not what it was at the mark:
  /// then it stands where it was begun.
  void note_checkpoint(lsn at) {
    if (!std::exchange(is_marked_, false)) return;
    checkpoint_ = at;
    bytes_ -= bytes_marked_;
  }

  [[nodiscard]] lsn next() const { return next_; }
  /// Tells whether the index has all records up to next(); false: go_on() begins anew.
  [[nodiscard]] bool is_begun() const { return is_begun_; }
  /// Returns the bytes of the records behind the last checkpoint that were applied.
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  /// Tells whether it has met rows, and so compared what they say of all rows.
  [[nodiscard]] bool has_met_rows() const { return has_met_rows_; }

 private:
  using V = typename Policies::index::value_type;

  template <class Index>
  void begin(log_view& log, Index& index) {
    is_begun_ = is_marked_ = false;
    const replay_start from = loader_.load(log, index);
    checkpoint_ = from.checkpoint;
    next_ = from.next;
    carried_out_ = from.carried_out;
    has_met_rows_ |= from.has_met_rows;
    bytes_ = 0;
    is_begun_ = true;
  }

  template <class Index, class F>
  bool follow(log_view& log, Index& index, F& more) {
    const lsn last = log.scope().last;
    while (next_ <= last) {
      if (!follow_to(log, index, last, more)) return false;
    }
    // Salvage may have passed over deletions that stored rows know of.
    if (carried_out_ != 0) index.pass_deletions(std::exchange(carried_out_, 0));
    return true;
  }

  /// Applies records up to the last, or to a run, which is passed over unread; false: it was ended.
  template <class Index, class F>
  bool follow_to(log_view& log, Index& index, lsn last, F& more) {
    for (const auto& record : records_of<Policies>(log, next_, last + 1)) {
      next_ = record.lsn() + 1;
      if (const auto run = run_mark::decode(record.bytes())) {
        if (run->records > last - record.lsn()) break;  // it cannot be: passed record by record
        next_ += run->records;
        return true;
      }
      apply(record.bytes(), index, !log.follows());
      if (!more()) return false;
    }
    next_ = last + 1;  // salvage may have skipped some
    return true;
  }

  template <class Index>
  void apply(bytes_view record, Index& index, bool stamps) {
    switch (kind_of(record)) {
      case record_kind::checkpoint:
      case record_kind::block:
      case record_kind::run:
      case record_kind::directory: return;  // they repeat what is here already
      case record_kind::deletion: break;
      default: marks_.require(record, stamps), has_met_rows_ = true;
    }
    const auto what = record_decoder<V>{record}.run();
    bytes_ += record.size();
    index.counted().bytes_opened.fetch_add(record.size(), std::memory_order_relaxed);
    replayed known;
    if (what.kind == record_kind::deletion) return index.erase(what.deleted, known);
    index.append_batch(column_pair<V>{what.times, what.values}, known);
    index.counted().rows_replayed.fetch_add(what.times.size(), std::memory_order_relaxed);
  }

  checkpoint_loader<Policies> loader_;
  const row_marks<V>& marks_;
  lsn next_{1};
  lsn checkpoint_{};       // the one that was loaded, or written; 0: none
  bool is_begun_ = false;  // and the index has all records up to next_
  bool has_met_rows_ = false;
  std::uint64_t carried_out_ = 0;  // the last deletion that its rows know of, until it is passed
  std::uint64_t bytes_ = 0;
  std::uint64_t bytes_marked_ = 0;  // what bytes_ was at the mark
  bool is_marked_ = false;          // and the index was not begun anew since
};

}  // namespace logdb::timelsm
