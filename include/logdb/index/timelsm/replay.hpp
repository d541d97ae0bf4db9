// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Makes a time index of the records of its log, and checkpoints, so that few are needed.

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include <logdb/index/timelsm/codec.hpp>
#include <logdb/index/timelsm/index.hpp>

namespace logdb::timelsm {

/// Names the cursor that stands at the record which begins the last checkpoint.
inline constexpr const char* checkpoint_cursor = "logdb.checkpoint";

/// Says what a checkpoint stands for: everything up to an lsn, in as many records behind this one.
///
/// On disk: kind 4 | 0 (7) | lsn (8) | records (8)
struct checkpoint_mark {
  static constexpr std::uint64_t kind = 4;

  lsn upto{};
  std::uint64_t records = 0;

  [[nodiscard]] record_buffer encode() const {
    record_buffer out{3 * sizeof(std::uint64_t)};
    out.put(kind);
    out.put(upto.value());
    out.put(records);
    return out;
  }

  /// Reads one; none when the record is something else.
  static std::optional<checkpoint_mark> decode(bytes_view record) {
    std::array<std::uint64_t, 3> words{};
    if (record.size() != sizeof words) return std::nullopt;
    std::memcpy(words.data(), record.data(), sizeof words);
    if (words[0] != kind) return std::nullopt;
    return checkpoint_mark{lsn{words[1]}, words[2]};
  }
};

/// Applies records to an index.
///
/// @threads  one at a time
template <class V>
class replayer {
 public:
  /// Makes an empty index what the log says it is.
  ///
  /// @errors  errc::corrupt, errc::format_mismatch
  template <class Log, class Index>
  void open(Log& log, Index& index) {
    begin(log, index);
    go_on(log, index);
  }

  /// Applies what was appended since. Where a writer of another process has given up records that
  /// were not seen yet, begins anew at its checkpoint.
  template <class Log, class Index>
  void go_on(Log& log, Index& index) {
    for (;;) {
      try {
        return follow(log, index);
      } catch (const error& gone) {
        if (gone.condition() != errc::truncated) throw;
        index.erase({});
        begin(log, index);
      }
    }
  }

  [[nodiscard]] lsn next() const { return next_; }
  /// Returns the bytes of the records behind the last checkpoint that were applied.
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  template <class Log, class Index>
  void begin(Log& log, Index& index) {
    const lsn checkpoint = log.view().cursor(checkpoint_cursor);
    next_ = log.first_lsn();
    if (checkpoint && checkpoint >= next_ && checkpoint <= log.last_lsn()) {
      load(log, checkpoint, index);
    }
  }

  template <class Log, class Index>
  void follow(Log& log, Index& index) {
    const lsn last = log.last_lsn();
    if (next_ > last) return;
    for (const auto& record : log.records(next_, last + 1)) {
      next_ = record.lsn() + 1;
      if (record.lsn() < passed_) continue;
      if (const auto mark = checkpoint_mark::decode(record.bytes())) {
        passed_ = next_ + mark->records;  // it repeats what is here already
        continue;
      }
      apply(record.bytes(), index);
      bytes_ += record.size();
    }
    next_ = last + 1;  // salvage may have skipped some
  }

  template <class Log, class Index>
  void load(Log& log, lsn checkpoint, Index& index) {
    std::optional<checkpoint_mark> mark;
    for (const auto& record : log.records(checkpoint, checkpoint + 1)) {
      mark = checkpoint_mark::decode(record.bytes());
    }
    if (!mark) throw error{errc::corrupt, "a checkpoint is missing", {.at = checkpoint}};
    const lsn begin = checkpoint + 1;
    for (const auto& record : log.records(begin, begin + mark->records)) {
      apply(record.bytes(), index);
    }
    next_ = std::max(next_, mark->upto + 1);
  }

  template <class Index>
  static void apply(bytes_view record, Index& index) {
    const auto what = record_decoder<V>{record}.run();
    if (what.kind == record_kind::deletion) return index.erase(what.deleted);
    index.append_batch(column_pair<V>{what.times, what.values});
  }

  lsn next_{1};
  std::uint64_t bytes_ = 0;
  lsn passed_{};  // records below repeat what is in the index
};

/// Calls f with the rows of a snapshot in parts that are a record each.
template <class V, class F>
void each_part(const time_snapshot<V>& seen, F f) {
  constexpr std::size_t rows_max = 4096;
  for (const auto& span : seen.spans()) {
    for (std::size_t at = 0; at < span.size(); at += rows_max) {
      const std::size_t rows = std::min(rows_max, span.size() - at);
      f(column_pair<V>{span.times.subspan(at, rows), span.values.subspan(at, rows)});
    }
  }
}

/// Commits a transaction whose records the index has already; returns the lsn of the last.
template <class Transaction, class Turns>
lsn commit(Transaction& whole, Turns& order) {
  const std::uint64_t records = whole.size();
  try {
    const lsn last = whole.commit();
    order.skip(last + 1 - records, last);
    return last;
  } catch (const error& failure) {
    // It may have lsns that nobody will apply.
    if (failure.condition() == errc::failed) order.give_up();
    throw;
  }
}

/// Writes what an index holds as one transaction, and gives up the records that it stands for.
///
/// Appends go on meanwhile: they come behind the moment that the checkpoint stands for, also those
/// whose records stand before it.
/// @return  the bytes of its rows
/// @errors  errc::no_space, errc::io, errc::failed: nothing was given up
template <class Log, class Turns, class Index>
std::uint64_t write_checkpoint(Log& log, Turns& order, Index& index) {
  lsn upto;
  const auto seen = order.between([&](lsn last) {
    upto = last;
    return index.snapshot();
  });
  std::uint64_t records = 0;
  each_part(seen, [&records](const auto&) { ++records; });
  auto whole = log.begin();
  whole.append(checkpoint_mark{upto, records}.encode().bytes());
  std::uint64_t bytes = 0;
  each_part(seen, [&](const auto& rows) {
    const auto record = encode_batch(rows);
    whole.append(record.bytes());
    bytes += record.bytes().size();
  });
  const lsn first = commit(whole, order) - records;
  log.view().set_cursor(checkpoint_cursor, first);
  log.sync();
  log.truncate_front(upto + 1);
  return bytes;
}

}  // namespace logdb::timelsm
