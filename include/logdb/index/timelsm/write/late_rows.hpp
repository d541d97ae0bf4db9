// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Sorts late rows into chunks and keeps the chunks of a memtable few.

#include <bit>
#include <span>
#include <utility>
#include <vector>

#include <logdb/index/timelsm/columns/small_sort.hpp>
#include <logdb/index/timelsm/maintain/gather.hpp>

namespace logdb::timelsm {

/// Makes chunks of late rows as they arrived.
template <class V>
class chunk_maker {
 public:
  /// @param rows_max  of chunks that are merged into one: what is larger is left to the sealing,
  ///                  which merges all of them anyway
  chunk_maker(heap_ptr from, const view<V>& now, drops<V>& gone, std::size_t rows_max)
      : chunk_maker{std::move(from), now, now.hidden({}), now.deletions(), gone, rows_max} {}
  /// Makes them of the late rows that a view has, of which more deletions may be carried out.
  chunk_maker(heap_ptr from, const view<V>& now, cover hidden, std::uint64_t applied,
              drops<V>& gone, std::size_t rows_max)
      : chunk_maker{std::move(from), std::move(hidden), applied, gone, rows_max} {
    if (now.seen.late != 0) late_of_ = &now;
  }
  /// Makes them of rows that are in no head.
  /// @param hidden   what deletions hide of the chunks that there are
  /// @param applied  the last of these deletions
  chunk_maker(heap_ptr from, cover hidden, std::uint64_t applied, drops<V>& gone,
              std::size_t rows_max)
      : heap_{std::move(from)},
        hidden_{std::move(hidden)},
        applied_{applied},
        gone_{gone},
        rows_max_{rows_max} {}

  /// Adds a chunk of the head's late rows that are visible, and of more rows behind them.
  void add(std::vector<slice<V>>& chunks, const columns<V>& more) {
    const columns<V> rows = late_of_ == nullptr ? more : collect(*late_of_, more);
    if (rows.size == 0) return;
    chunks.push_back(sorted(rows));
    while (chunks.size() >= fan_in && is_due(chunks)) merge_last(chunks, fan_in);
    if (chunks.size() > chunks_max) merge_last(chunks, chunks.size());
  }

 private:
  using sort_type = small_sort<V, 1024>;

  static constexpr std::size_t fan_in = 4;
  static constexpr std::size_t chunks_max = 32;

  block<V>& room(std::size_t rows) {
    if (room_ == nullptr) room_ = std::make_shared<block<V>>(heap_, rows);
    return *room_;
  }

  /// Copies what is visible, in the order of arrival.
  columns<V> collect(const view<V>& now, const columns<V>& more) {
    const head<V>& from = *now.at->growing;
    block<V>& to = room(now.seen.late + more.size);
    std::size_t n = 0;
    for (std::size_t i = 0; i < now.seen.late; ++i) {
      const columns<V> row{&from.late_times[i], &from.late_values[i], 1};
      if (hidden_.hides(*row.times, from.late_applied[i])) {
        gone_.add(row);
        gone_.pin(now.at);
        continue;
      }
      to.times()[n] = *row.times;
      to.values()[n++] = *row.values;
    }
    output<V>{to.times() + n, to.values() + n}.put(more);
    return {to.times(), to.values(), n + more.size};
  }

  /// Sorts rows, which may be in the room.
  slice<V> sorted(const columns<V>& rows) {
    constexpr std::size_t group = sort_type::rows_max;
    sort_type sort;
    std::vector<column_parts<V>> groups;
    if (rows.size <= group) groups.push_back({sort.run(rows.times, rows.values, rows.size)});
    for (std::size_t at = 0; rows.size > group && at < rows.size; at += group) {
      block<V>& to = room(rows.size);
      const columns<V> some = rows.drop(at).take(std::min(group, rows.size - at));
      output<V>{to.times() + at, to.values() + at}.put(
          sort.run(some.times, some.values, some.size));
      groups.push_back({{to.times() + at, to.values() + at, some.size}});
    }
    return std::move(
        merger<V>{heap_, {rows.size, amount::unlimited}}.run(groups, applied_).front());
  }

  /// Returns the power of four that a chunk's size is of.
  static int level(const slice<V>& one) {
    return static_cast<int>(std::bit_width(one.size / head<V>::late_max)) / 2;
  }
  /// Tells whether the last few chunks are of one size: then each row is merged a few times only.
  [[nodiscard]] bool is_due(const std::vector<slice<V>>& chunks) const {
    const std::span last{chunks.end() - static_cast<std::ptrdiff_t>(fan_in), chunks.end()};
    std::size_t rows = 0;
    for (const auto& one : last) rows += one.size;
    return level(last.front()) <= level(last.back()) && rows <= rows_max_;
  }

  void merge_last(std::vector<slice<V>>& chunks, std::size_t n) {
    gatherer<V> some{heap_, hidden_, gone_};
    const slice<V>* const begin = chunks.data() + chunks.size() - n;
    for (std::size_t i = 0; i < n; ++i) some.add({begin + i, begin + i + 1}, {});
    auto made = some.merge({std::max<std::size_t>(some.rows(), 1), amount::unlimited}, applied_);
    chunks.resize(chunks.size() - n);
    for (auto& one : made) chunks.push_back(std::move(one));
  }

  heap_ptr heap_;
  const view<V>* late_of_ = nullptr;  // null: there are no late rows in a head
  cover hidden_;
  std::uint64_t applied_;
  drops<V>& gone_;
  std::size_t rows_max_;
  block_ptr<V> room_;
};

/// Returns the active memtable with what its head has.
template <class V>
std::shared_ptr<memtable<V>> closed_table(const heap_ptr& memory, const view<V>& seen,
                                          drops<V>& gone) {
  auto closed = std::make_shared<memtable<V>>(*seen.at->active);
  const auto open = seen.at->growing->open_piece(seen.seen);
  if (open.size != 0) closed->pieces.push_back(open);
  chunk_maker<V>{memory, seen, gone, 0}.add(closed->chunks, {});
  return closed;
}

}  // namespace logdb::timelsm
