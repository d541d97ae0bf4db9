// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What a time index consists of at one moment: `version`, immutable but for the counts of its
/// head, and `view`, a version with the counts that a reader began with.

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include <logdb/index/timelsm/columns/slice.hpp>
#include <logdb/index/timelsm/tombstones.hpp>
#include <logdb/platform/atomic.hpp>

namespace logdb::timelsm {

/// Slices that follow one another: one sorted sequence in pieces.
template <class V>
using sorted_run = std::vector<slice<V>>;

template <class V>
std::size_t rows_of(const sorted_run<V>& slices) {
  std::size_t rows = 0;
  for (const auto& one : slices) rows += one.size;
  return rows;
}

/// What was sealed. Of equal times, L1 has the oldest rows, then the runs of L0 in their order.
template <class V>
struct tree {
  sorted_run<V> l1;                  // partitions
  std::vector<sorted_run<V>> l0;     // none is empty, the oldest first
  std::vector<std::size_t> l1_rows;  // how many rows lie before each partition, and in all

  /// Counts the rows; to be called when l1 has changed.
  void count() {
    l1_rows.assign(1, 0);
    for (const auto& one : l1) l1_rows.push_back(l1_rows.back() + one.size);
  }
};

/// One memtable, but for what still grows: its in-order run in pieces, since a deletion that
/// reaches its end begins a new piece, and its late rows in sorted chunks, the oldest first.
template <class V>
struct memtable {
  sorted_run<V> pieces;
  std::vector<slice<V>> chunks;

  [[nodiscard]] std::size_t rows() const {
    std::size_t n = rows_of(pieces);
    for (const auto& one : chunks) n += one.size;
    return n;
  }
};

template <class V>
using memtable_ptr = std::shared_ptr<const memtable<V>>;

/// How much of a head is published, in one word, so that a batch is seen whole or not at all.
struct counts {
  std::uint64_t rows = 0;       // of the piece that grows
  std::uint64_t late = 0;       // late rows, not sorted yet
  std::uint64_t deletions = 0;  // not in the map yet

  static constexpr std::size_t rows_max = (std::size_t{1} << 40) - 1;

  [[nodiscard]] std::uint64_t pack() const { return rows | late << 40 | deletions << 52; }
  static counts unpack(std::uint64_t word) {
    return {word & rows_max, word >> 40 & 0xfff, word >> 52};
  }
};

/// Keeps the bytes of late rows, and the heap that they are from.
struct late_arena {
  explicit late_arena(heap_ptr owner) : from{std::move(owner)}, bytes{*from} {}

  heap_ptr from;
  arena bytes;
};

/// What grows: the open piece of the in-order run, the newest late rows, the newest deletions.
///
/// The writer fills what the counts do not cover yet, then publishes.
template <class V>
struct head {
  static constexpr std::size_t late_max = 256;
  static constexpr std::size_t deletions_max = 64;

  head() {}  // NOLINT: the arrays stay as they are, a head is made every few hundred writes
  head(const head&) = delete;
  head& operator=(const head&) = delete;

  block_ptr<V> owner{};                 // of the open piece; null before the first row
  std::size_t begin = 0;                // where in its owner the open piece begins
  std::uint64_t applied = 0;            // of the open piece: the last deletion before it began
  std::uint64_t deletions = 0;          // number of the last deletion in the map
  std::shared_ptr<late_arena> bytes{};  // of byte values among the late rows

  std::array<time_type, late_max> late_times;
  std::array<V, late_max> late_values;
  std::array<std::uint64_t, late_max> late_applied;  // the last deletion before each
  std::array<fragment, deletions_max> recent;

  platform::atomic<std::uint64_t> published = 0;

  [[nodiscard]] counts now() const {
    return counts::unpack(published.load(std::memory_order_acquire));  // pairs with publish()
  }
  void publish(const counts& filled) {
    published.store(filled.pack(), std::memory_order_release);  // pairs with now()
  }

  /// Returns a late row's value as it may be kept: with its bytes, if it has any.
  [[nodiscard]] V keep_late(const heap_ptr& memory, const V& value) {
    if constexpr (owns_bytes<V>) {
      if (bytes == nullptr) bytes = std::make_shared<late_arena>(memory);
      return bytes->bytes.keep(value);
    } else {
      return value;
    }
  }

  /// Returns one that goes on where this one is, with so many of its late rows and deletions.
  [[nodiscard]] std::shared_ptr<head> next(std::size_t late, std::size_t deleted) const {
    auto made = std::make_shared<head>();
    made->owner = owner;
    made->begin = begin;
    made->applied = applied;
    made->deletions = deletions;
    if (late != 0) made->bytes = bytes;
    std::copy_n(late_times.begin(), late, made->late_times.begin());
    std::copy_n(late_values.begin(), late, made->late_values.begin());
    std::copy_n(late_applied.begin(), late, made->late_applied.begin());
    std::copy_n(recent.begin(), deleted, made->recent.begin());
    return made;
  }

  /// Returns the open piece, so far as it was published.
  [[nodiscard]] slice<V> open_piece(const counts& seen) const {
    return seen.rows == 0 ? slice<V>{} : make_slice(owner, begin, begin + seen.rows, applied);
  }
};

template <class V>
class hidden_counts;

template <class V>
struct version {
  std::shared_ptr<const tree<V>> sealed;
  tombstones_ptr deleted;
  std::shared_ptr<hidden_counts<V>> counted;  // of these two
  std::vector<memtable_ptr<V>> frozen;        // the oldest first
  memtable_ptr<V> active;                     // but for its head
  std::shared_ptr<head<V>> growing;
  memtable_ptr<V> own{};  // of a transaction that reads: behind all others; null: nobody's
};

/// A snapshot: a version, and how much of its head had been published.
template <class V>
struct view {
  std::shared_ptr<const version<V>> at;
  counts seen{};

  /// Returns the number of the last deletion that the view sees.
  [[nodiscard]] std::uint64_t deletions() const { return at->growing->deletions + seen.deletions; }

  [[nodiscard]] cover hidden(const bounds& in) const {
    return {at->deleted, {at->growing->recent.data(), seen.deletions}, in};
  }
};

}  // namespace logdb::timelsm
