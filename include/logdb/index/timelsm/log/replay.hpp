// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Makes a time index of its log: of the last checkpoint, and of the records behind it.

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <logdb/index/timelsm/index.hpp>
#include <logdb/index/timelsm/log/checkpoint.hpp>
#include <logdb/journal/read/snapshot.hpp>
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
      : mode_{mode}, marks_{marks} {}

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

  /// Returns the records in [from, to). @errors errc::truncated
  static record_range<Policies> records(log_view& log, lsn from, lsn to) {
    return log_snapshot<Policies>{log.scope()}.records(from, to);
  }

  /// What becomes of records behind a checkpoint that the log no longer has.
  enum class gaps : std::uint8_t { refused, passed_over };

  /// Loads the last checkpoint. Another process may give it up meanwhile, for a newer one; or may
  /// have written a newer one, and not said yet that it has.
  template <class Index>
  void begin(log_view& log, Index& index) {
    for (is_begun_ = false; !is_begun_;) {
      const lsn found = log.cursor(checkpoint_cursor);
      const bool is_hidden = found > log.scope().last;
      try {
        is_hidden ? begin_unnamed(log, index, gaps::refused) : begin(log, index, found);
      } catch (const error& failure) {
        if (log.cursor(checkpoint_cursor) != found) continue;
        if (is_hidden && found <= log.scope().last) continue;
        if (mode_ == recovery_mode::refuse) throw;
        begin_unnamed(log, index, gaps::passed_over);
      }
      is_begun_ = true;
    }
  }

  /// Loads the newest checkpoint that is whole; where none is, begins with the first record left.
  template <class Index>
  void begin_unnamed(log_view& log, Index& index, gaps of) {
    std::vector<lsn> known;
    for (const auto& record : log_snapshot<Policies>{log.scope()}.records()) {
      if (checkpoint_mark::decode(record.bytes())) known.push_back(record.lsn());
    }
    for (; !known.empty(); known.pop_back()) {
      try {
        return begin(log, index, known.back(), of);
      } catch (const error& damage) {
        if (damage.condition() != errc::corrupt) throw;
      }
    }
    begin(log, index, lsn{}, of);
  }

  template <class Index>
  void begin(log_view& log, Index& index, lsn checkpoint, gaps of = gaps::refused) {
    checkpoint_ = lsn{};
    bytes_ = 0;
    is_marked_ = false;
    carried_out_ = 0;
    const auto scope = log.scope();
    next_ = scope.first;
    if (checkpoint && checkpoint >= next_ && checkpoint <= scope.last) {
      load(log, checkpoint, index, of);
    } else if (next_ == lsn{1} || of == gaps::passed_over) {
      index.load(empty_tree(), {}, 0);
    } else {
      throw error{errc::corrupt, "a checkpoint is missing", {.at = checkpoint}};
    }
  }

  static std::shared_ptr<const tree<V>> empty_tree() {
    auto made = std::make_shared<tree<V>>();
    made->count();
    return made;
  }

  template <class Index>
  void load(log_view& log, lsn checkpoint, Index& index, gaps of) {
    std::optional<checkpoint_mark> mark;
    for (const auto& record : records(log, checkpoint, checkpoint + 1)) {
      mark = checkpoint_mark::decode(record.bytes());
    }
    if (!mark) throw error{errc::corrupt, "a checkpoint is missing", {.at = checkpoint}};
    // Another process may have written a later one meanwhile, and given up what lies behind this.
    if (mark->upto + 1 < next_ && of == gaps::refused) {
      throw error{errc::corrupt, "records behind a checkpoint are missing", {.at = checkpoint}};
    }
    const auto coded = read_directory(log, checkpoint + 1, *mark);
    using file_type = log_run_file<Policies>;
    const auto list = log.scope().list;
    directory_decoder<V> decoder{coded, index.cache(), [&](segment_number number) {
                                   const auto own = list->find_attached(number);
                                   if (own != nullptr) return std::make_shared<file_type>(own);
                                   throw error{errc::corrupt,
                                               "a run that a checkpoint needs is missing",
                                               {.at = checkpoint}};
                                 }};
    auto made = decoder.run();
    made.each_run([this](const sorted_run<V>& run) {
      for (const auto& one : run) carried_out_ = std::max(carried_out_, one.applied);
    });
    index.load(std::move(made.sealed), made.deleted, mark->deletions);
    index.counted().bytes_opened.fetch_add(coded.size(), std::memory_order_relaxed);
    next_ = std::max(next_, mark->upto + 1);
    checkpoint_ = checkpoint;
  }

  std::vector<std::byte> read_directory(log_view& log, lsn first, const checkpoint_mark& mark) {
    std::vector<std::byte> coded;
    constexpr std::size_t head = sizeof(std::uint64_t);
    for (const auto& record : records(log, first, first + mark.records)) {
      const bytes_view bytes = record.bytes();
      if (kind_of(bytes) != record_kind::directory || bytes.size() < head) continue;
      marks_.require(bytes, !log.follows());
      has_met_rows_ = true;
      coded.insert(coded.end(), bytes.begin() + head, bytes.end());
    }
    if (coded.size() == mark.bytes) return coded;
    throw error{errc::corrupt, "the directory of a checkpoint is not whole", {.at = first}};
  }

  static record_kind kind_of(bytes_view record) {
    return record.empty() ? record_kind{} : static_cast<record_kind>(record[0]);
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
    for (const auto& record : records(log, next_, last + 1)) {
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

  recovery_mode mode_;
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
