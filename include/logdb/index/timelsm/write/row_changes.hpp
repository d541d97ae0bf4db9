// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What a transaction of rows and deletions comes to.

#include <cstddef>
#include <vector>

#include <logdb/index/timelsm/columns/codec.hpp>
#include <logdb/journal/write/batch_builder.hpp>

namespace logdb::timelsm {

/// The deletions of some records, then the rows that these leave of their own: carried out in this
/// order they do what the records do in theirs.
template <class V>
struct row_changes {
  std::vector<bounds> hidden;
  std::vector<time_type> times;
  std::vector<V> values;

  /// @param records  rows and deletions as they stand in the log; the values stay in them
  /// @cost           O(rows) for each deletion behind them
  explicit row_changes(const detail::batch_view& records) {
    std::size_t at = 0;
    for (const std::size_t length : records.lengths()) {
      add(record_decoder<V>{records.bytes().subspan(at, length)}.run());
      at += length;
    }
  }

  [[nodiscard]] column_pair<V> rows() const { return {times, values}; }

 private:
  void add(const decoded_record<V>& more) {
    if (more.kind == record_kind::deletion) {
      hidden.push_back(more.deleted);
      return drop(more.deleted);
    }
    times.insert(times.end(), more.times.begin(), more.times.end());
    values.insert(values.end(), more.values.begin(), more.values.end());
  }

  void drop(const bounds& hides) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < times.size(); ++i) {
      if (hides.has(times[i])) continue;
      times[kept] = times[i];
      values[kept] = values[i];
      ++kept;
    }
    times.resize(kept);
    values.resize(kept);
  }
};

}  // namespace logdb::timelsm
