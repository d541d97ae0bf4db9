// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `block`, two columns in one piece of memory.

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <logdb/index/timelsm/columns/limits.hpp>
#include <logdb/index/timelsm/columns/rows.hpp>
#include <logdb/index/timelsm/memory.hpp>

namespace logdb::timelsm {

/// Keeps the bytes of byte values, one behind the other; gives them all back together.
class arena {
 public:
  explicit arena(heap& from) : from_{from} {}
  arena(const arena&) = delete;
  arena& operator=(const arena&) = delete;
  ~arena() {
    for (const auto& [memory, bytes] : pieces_) from_.free(memory, bytes);
  }

  [[nodiscard]] bytes_value keep(const bytes_value& value) {
    if (value.size() > left_) grow(value.size());
    std::byte* const at = next_;
    if (value.size() != 0) std::memcpy(at, value.bytes().data(), value.size());
    next_ += value.size();
    left_ -= value.size();
    kept_ += {1, value.size()};
    return bytes_value{bytes_view{at, value.size()}};
  }

  /// Makes room for so many bytes, and no more than that.
  void reserve(std::size_t bytes) {
    if (bytes > left_) take(bytes);
  }
  /// Returns how many values are kept, and their bytes.
  [[nodiscard]] const amount& kept() const { return kept_; }

 private:
  static constexpr std::size_t piece_bytes_min = 4096;
  static constexpr std::size_t piece_bytes_max = std::size_t{1} << 20;

  void grow(std::size_t needed) {
    const std::size_t twice = pieces_.empty() ? 0 : 2 * pieces_.back().second;
    take(std::max(needed, std::clamp(twice, piece_bytes_min, piece_bytes_max)));
  }
  void take(std::size_t bytes) {
    pieces_.reserve(pieces_.size() + 1);  // so that nothing is lost when memory runs out
    pieces_.emplace_back(from_.allocate(bytes), bytes);
    next_ = static_cast<std::byte*>(pieces_.back().first);
    left_ = bytes;
  }

  heap& from_;
  std::vector<std::pair<void*, std::size_t>> pieces_;
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;
  amount kept_;
};

/// Stands where values own no bytes.
struct no_arena {
  explicit no_arena(heap&) {}
};

/// The number of rows between two samples of a block's times: 8 cache lines, 1/8 byte a row.
inline constexpr std::size_t fence_rows = 64;

/// Room for a number of rows: a column of times and behind it a column of values.
///
/// One thread at a time writes rows that no reader has been shown; those that were shown never
/// change.
template <class V>
class block {
 public:
  block(heap_ptr from, std::size_t rows)
      : from_{std::move(from)},
        capacity_{rows},
        values_at_{(rows * sizeof(time_type) + 63) / 64 * 64},
        memory_{static_cast<std::byte*>(from_->allocate(bytes()))},
        arena_{*from_} {}
  block(const block&) = delete;
  block& operator=(const block&) = delete;
  ~block() { from_->free(memory_, bytes()); }

  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] std::size_t bytes() const {
    return std::max<std::size_t>(values_at_ + capacity_ * sizeof(V), 64);
  }
  [[nodiscard]] time_type* times() { return reinterpret_cast<time_type*>(memory_); }
  [[nodiscard]] V* values() { return reinterpret_cast<V*>(memory_ + values_at_); }

  /// Returns a value as it may be put into the column: with its bytes, if it has any, kept here.
  [[nodiscard]] V keep(const V& value) {
    if constexpr (owns_bytes<V>) {
      return arena_.keep(value);
    } else {
      return value;
    }
  }

  /// Returns how much so many of its rows are: of byte values, with as many bytes as they have on
  /// average. Not while it is written to.
  [[nodiscard]] amount amount_of(std::size_t rows) const {
    amount all{rows, rows * row_bytes<V>};
    if constexpr (owns_bytes<V>) {
      const amount& kept = leant_.rows != 0 ? leant_ : arena_.kept();
      if (kept.rows != 0) all.bytes += kept.bytes / kept.rows * rows + kept.bytes % kept.rows;
    }
    return all;
  }

  /// Samples the times of the first rows, which do not change any more, so that a search in them
  /// misses the cache once. Once: later calls do nothing.
  void make_fences(std::size_t rows) {
    if (fences_ != nullptr || rows < 2 * fence_rows) return;
    fenced_ = (rows - 1) / fence_rows + 1;
    fences_ = std::make_unique<time_type[]>(fenced_);
    for (std::size_t i = 0; i < fenced_; ++i) fences_[i] = times()[i * fence_rows];
  }
  /// Returns every fence_rows-th time.
  [[nodiscard]] std::span<const time_type> fences() const { return {fences_.get(), fenced_}; }

  /// Keeps alive what byte values point into: so many bytes, of all rows.
  void lean_on(std::shared_ptr<const void> owner, std::size_t bytes) {
    leans_on_ = std::move(owner);
    leant_ = {capacity_, bytes};
  }

  /// Keeps the bytes of rows [first, last) that were put with bytes of other blocks.
  void keep_all(std::size_t first, std::size_t last) {
    if constexpr (owns_bytes<V>) {
      std::size_t bytes = 0;
      for (std::size_t i = first; i != last; ++i) bytes += values()[i].size();
      arena_.reserve(bytes);
      for (; first != last; ++first) values()[first] = arena_.keep(values()[first]);
    }
  }

 private:
  heap_ptr from_;
  std::size_t capacity_;
  std::size_t values_at_;  // where the second column begins
  std::byte* memory_;
  std::unique_ptr<time_type[]> fences_;
  std::size_t fenced_ = 0;
  std::shared_ptr<const void> leans_on_;
  amount leant_;
  [[no_unique_address]] std::conditional_t<owns_bytes<V>, arena, no_arena> arena_;
};

template <class V>
using block_ptr = std::shared_ptr<block<V>>;

}  // namespace logdb::timelsm
