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
  /// @param relieve  is called behind each record; may store what is sealed, up to next() - 1
  /// @errors  errc::corrupt, errc::format_mismatch; those of relieve
  /// @cost    reads the directory of the last checkpoint, and the records behind it; no block
  template <class Index, class F>
  void open(log_view& log, Index& index, F relieve) {
    begin(log, index);
    go_on(log, index, relieve);
  }

  /// Applies what was appended since. Where a writer of another process has given up records that
  /// were not seen yet, or too much is in memory, begins anew at its checkpoint.
  template <class Index>
  void go_on(log_view& log, Index& index) {
    const auto nothing = [] {};
    go_on(log, index, nothing);
  }

  [[nodiscard]] lsn next() const { return next_; }
  /// Returns the bytes of the records behind the last checkpoint that were applied.
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  using V = typename Policies::index::value_type;

  /// Returns the records in [from, to). @errors errc::truncated
  static record_range<Policies> records(log_view& log, lsn from, lsn to) {
    return log_snapshot<Policies>{log.scope()}.records(from, to);
  }

  template <class Index, class F>
  void go_on(log_view& log, Index& index, F& relieve) {
    if (index.is_overgrown() && log.cursor(checkpoint_cursor) > checkpoint_) begin(log, index);
    for (;;) {
      try {
        return follow(log, index, relieve);
      } catch (const error& gone) {
        if (gone.condition() != errc::truncated) throw;
        begin(log, index);
      }
    }
  }

  /// Loads the last checkpoint. Another process may give it up meanwhile, for a newer one.
  template <class Index>
  void begin(log_view& log, Index& index) {
    for (;;) {
      const lsn found = log.cursor(checkpoint_cursor);
      try {
        return begin(log, index, found);
      } catch (const error& failure) {
        if (log.cursor(checkpoint_cursor) != found) continue;
        if (mode_ == recovery_mode::refuse) throw;
        return begin_salvaged(log, index);
      }
    }
  }

  /// Loads the newest checkpoint that is whole; where none is, begins with the first record left.
  template <class Index>
  void begin_salvaged(log_view& log, Index& index) {
    std::vector<lsn> known;
    for (const auto& record : log_snapshot<Policies>{log.scope()}.records()) {
      if (checkpoint_mark::decode(record.bytes())) known.push_back(record.lsn());
    }
    for (; !known.empty(); known.pop_back()) {
      try {
        return begin(log, index, known.back());
      } catch (const error& damage) {
        if (damage.condition() != errc::corrupt) throw;
      }
    }
    index.load(empty_tree(), {}, 0);
  }

  template <class Index>
  void begin(log_view& log, Index& index, lsn checkpoint) {
    checkpoint_ = lsn{};
    bytes_ = 0;
    carried_out_ = 0;
    const auto scope = log.scope();
    next_ = scope.first;
    if (checkpoint && checkpoint >= next_ && checkpoint <= scope.last) {
      load(log, checkpoint, index);
    } else if (next_ == lsn{1}) {
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
  void load(log_view& log, lsn checkpoint, Index& index) {
    std::optional<checkpoint_mark> mark;
    for (const auto& record : records(log, checkpoint, checkpoint + 1)) {
      mark = checkpoint_mark::decode(record.bytes());
    }
    if (!mark) throw error{errc::corrupt, "a checkpoint is missing", {.at = checkpoint}};
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
      coded.insert(coded.end(), bytes.begin() + head, bytes.end());
    }
    if (coded.size() == mark.bytes) return coded;
    throw error{errc::corrupt, "the directory of a checkpoint is not whole", {.at = first}};
  }

  static record_kind kind_of(bytes_view record) {
    return record.empty() ? record_kind{} : static_cast<record_kind>(record[0]);
  }

  template <class Index, class F>
  void follow(log_view& log, Index& index, F& relieve) {
    const lsn last = log.scope().last;
    while (next_ <= last) follow_to(log, index, last, relieve);
    // Salvage may have passed over deletions that stored rows know of.
    if (carried_out_ != 0) index.pass_deletions(std::exchange(carried_out_, 0));
  }

  /// Applies records up to the last, or to a run, which is passed over unread.
  template <class Index, class F>
  void follow_to(log_view& log, Index& index, lsn last, F& relieve) {
    for (const auto& record : records(log, next_, last + 1)) {
      next_ = record.lsn() + 1;
      if (const auto run = run_mark::decode(record.bytes())) {
        if (run->records > last - record.lsn()) break;  // it cannot be: passed record by record
        next_ += run->records;
        return;
      }
      apply(record.bytes(), index, !log.follows());
      relieve();
    }
    next_ = last + 1;  // salvage may have skipped some
  }

  template <class Index>
  void apply(bytes_view record, Index& index, bool stamps) {
    switch (kind_of(record)) {
      case record_kind::checkpoint:
      case record_kind::block:
      case record_kind::run:
      case record_kind::directory: return;  // they repeat what is here already
      case record_kind::deletion: break;
      default: marks_.require(record, stamps);
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
  lsn checkpoint_{};               // the one that was loaded; 0: none
  std::uint64_t carried_out_ = 0;  // the last deletion that its rows know of, until it is passed
  std::uint64_t bytes_ = 0;
};

}  // namespace logdb::timelsm
