// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Makes an index what the last checkpoint of its log says it is.

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <logdb/index/timelsm/log/checkpoint.hpp>
#include <logdb/journal/read/snapshot.hpp>
#include <logdb/journal/view/index_view.hpp>
#include <logdb/options.hpp>

namespace logdb::timelsm {

/// Returns the records in [from, to). @errors errc::truncated
template <class Policies>
record_range<Policies> records_of(index_view<Policies>& log, lsn from, lsn to) {
  return log_snapshot<Policies>{log.scope()}.records(from, to);
}

inline record_kind kind_of(bytes_view record) {
  return record.empty() ? record_kind{} : static_cast<record_kind>(record[0]);
}

/// Where an index begins that was made of a checkpoint.
struct replay_start {
  lsn checkpoint{};               // 0: there is none
  lsn next{};                     // the first record that is not in it
  std::uint64_t carried_out = 0;  // the last deletion that its rows know of
  bool has_met_rows = false;      // and so compared what they say of all rows
};

/// Finds the checkpoint to begin with, and loads it.
///
/// @threads  one at a time
template <class Policies>
class checkpoint_loader {
 public:
  using log_view = index_view<Policies>;
  using V = typename Policies::index::value_type;
  using start_type = replay_start;

  checkpoint_loader(recovery_mode mode, const row_marks<V>& marks) : mode_{mode}, marks_{marks} {}

  /// Loads the last checkpoint. Another process may give it up meanwhile, for a newer one; or may
  /// have written a newer one, and not said yet that it has.
  /// @errors  errc::corrupt, errc::format_mismatch, errc::io
  /// @cost    reads its directory, and no block
  template <class Index>
  start_type load(log_view& log, Index& index) {
    for (;;) {
      const lsn found = log.cursor(checkpoint_cursor);
      const bool is_hidden = found > log.scope().last;
      try {
        return is_hidden ? load_newest(log, index, gaps::refused) : load(log, index, found);
      } catch (const error& failure) {
        if (log.cursor(checkpoint_cursor) != found) continue;
        if (is_hidden && found <= log.scope().last) continue;
        if (mode_ == recovery_mode::refuse) throw;
        return load_newest(log, index, gaps::passed_over);
      }
    }
  }

 private:
  /// What becomes of records behind a checkpoint that the log no longer has.
  enum class gaps : std::uint8_t { refused, passed_over };

  /// Loads the newest checkpoint that is whole; where none is, begins with the first record left.
  template <class Index>
  start_type load_newest(log_view& log, Index& index, gaps of) {
    std::vector<lsn> known;
    for (const auto& record : log_snapshot<Policies>{log.scope()}.records()) {
      if (checkpoint_mark::decode(record.bytes())) known.push_back(record.lsn());
    }
    for (; !known.empty(); known.pop_back()) {
      try {
        return load(log, index, known.back(), of);
      } catch (const error& damage) {
        if (damage.condition() != errc::corrupt) throw;
      }
    }
    return load(log, index, lsn{}, of);
  }

  template <class Index>
  start_type load(log_view& log, Index& index, lsn checkpoint, gaps of = gaps::refused) {
    const auto scope = log.scope();
    start_type made{.next = scope.first};
    if (checkpoint && checkpoint >= made.next && checkpoint <= scope.last) {
      made.checkpoint = checkpoint;
      load_directory(log, index, made, of);
    } else if (made.next == lsn{1} || of == gaps::passed_over) {
      index.load(empty_tree(), {}, 0);
    } else {
      throw error{errc::corrupt, "a checkpoint is missing", {.at = checkpoint}};
    }
    return made;
  }

  static std::shared_ptr<const tree<V>> empty_tree() {
    auto made = std::make_shared<tree<V>>();
    made->count();
    return made;
  }

  template <class Index>
  void load_directory(log_view& log, Index& index, start_type& to, gaps of) {
    const lsn checkpoint = to.checkpoint;
    std::optional<checkpoint_mark> mark;
    for (const auto& record : records_of<Policies>(log, checkpoint, checkpoint + 1)) {
      mark = checkpoint_mark::decode(record.bytes());
    }
    if (!mark) throw error{errc::corrupt, "a checkpoint is missing", {.at = checkpoint}};
    // Another process may have written a later one meanwhile, and given up what lies behind this.
    if (mark->upto + 1 < to.next && of == gaps::refused) {
      throw error{errc::corrupt, "records behind a checkpoint are missing", {.at = checkpoint}};
    }
    const auto coded = read_directory(log, checkpoint + 1, *mark);
    to.has_met_rows = !coded.empty();
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
    made.each_run([&to](const sorted_run<V>& run) {
      for (const auto& one : run) to.carried_out = std::max(to.carried_out, one.applied);
    });
    index.load(std::move(made.sealed), made.deleted, mark->deletions);
    index.counted().bytes_opened.fetch_add(coded.size(), std::memory_order_relaxed);
    to.next = std::max(to.next, mark->upto + 1);
  }

  std::vector<std::byte> read_directory(log_view& log, lsn first, const checkpoint_mark& mark) {
    std::vector<std::byte> coded;
    constexpr std::size_t head = sizeof(std::uint64_t);
    for (const auto& record : records_of<Policies>(log, first, first + mark.records)) {
      const bytes_view bytes = record.bytes();
      if (kind_of(bytes) != record_kind::directory || bytes.size() < head) continue;
      marks_.require(bytes, !log.follows());
      coded.insert(coded.end(), bytes.begin() + head, bytes.end());
    }
    if (coded.size() == mark.bytes) return coded;
    throw error{errc::corrupt, "the directory of a checkpoint is not whole", {.at = first}};
  }

  recovery_mode mode_;
  const row_marks<V>& marks_;
};

}  // namespace logdb::timelsm
