// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `block`, two columns in one piece of memory, and `slice`, a sorted part of one.

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <logdb/index/timelsm/memory.hpp>
#include <logdb/index/timelsm/rows.hpp>

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
    return bytes_value{bytes_view{at, value.size()}};
  }

 private:
  static constexpr std::size_t piece_bytes_min = 4096;
  static constexpr std::size_t piece_bytes_max = std::size_t{1} << 20;

  void grow(std::size_t needed) {
    const std::size_t twice = pieces_.empty() ? 0 : 2 * pieces_.back().second;
    const std::size_t bytes = std::max(needed, std::clamp(twice, piece_bytes_min, piece_bytes_max));
    pieces_.reserve(pieces_.size() + 1);  // so that nothing is lost when memory runs out
    pieces_.emplace_back(from_.allocate(bytes), bytes);
    next_ = static_cast<std::byte*>(pieces_.back().first);
    left_ = bytes;
  }

  heap& from_;
  std::vector<std::pair<void*, std::size_t>> pieces_;
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;
};

/// Stands where values own no bytes.
struct no_arena {
  explicit no_arena(heap&) {}
};

/// Is the number of rows between two samples of a block's times: 8 cache lines, 1/8 byte a row.
inline constexpr std::size_t fence_rows = 64;

/// Is room for a number of rows: a column of times and behind it a column of values.
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

  /// Keeps the bytes of rows [first, last) that were put with bytes of other blocks.
  void keep_all(std::size_t first, std::size_t last) {
    if constexpr (owns_bytes<V>) {
      for (; first != last; ++first) values()[first] = arena_.keep(values()[first]);
    }
  }

 private:
  [[nodiscard]] std::size_t bytes() const {
    return std::max<std::size_t>(values_at_ + capacity_ * sizeof(V), 64);
  }

  heap_ptr from_;
  std::size_t capacity_;
  std::size_t values_at_;  // where the second column begins
  std::byte* memory_;
  std::unique_ptr<time_type[]> fences_;
  std::size_t fenced_ = 0;
  [[no_unique_address]] std::conditional_t<owns_bytes<V>, arena, no_arena> arena_;
};

template <class V>
using block_ptr = std::shared_ptr<block<V>>;

/// Is a sorted, immutable stretch of a block: rows of equal time in the order of their insertion.
///
/// Every deletion up to `applied` has been carried out in it: the rows that it hid are gone. Each
/// later one hides every row of its range, since a row is never younger than its slice's `applied`.
template <class V>
struct slice {
  block_ptr<V> owner{};  // null: somebody else keeps the rows
  const time_type* times = nullptr;
  const V* values = nullptr;
  std::size_t size = 0;
  time_type first = 0;  // of the times; requires size != 0
  time_type last = 0;
  std::uint64_t applied = 0;
  const time_type* fences = nullptr;  // of rows ahead, ahead + fence_rows, …; null: none
  std::size_t ahead = 0;

  [[nodiscard]] const time_type* begin() const { return times; }
  [[nodiscard]] const time_type* end() const { return times + size; }
  [[nodiscard]] columns<V> rows() const { return {times, values, size}; }

  /// Returns its rows [from, to).
  [[nodiscard]] slice part(std::size_t from, std::size_t to) const {
    slice cut = *this;
    cut.times = times + from;
    cut.values = values + from;
    cut.size = to - from;
    cut.move_fences(from);
    if (cut.size != 0) cut.first = cut.times[0];
    if (cut.size != 0) cut.last = cut.times[cut.size - 1];
    return cut;
  }

  /// Returns the number of its rows below a time.
  [[nodiscard]] std::size_t below(time_type time) const {
    const auto [from, to] = narrow(time);
    return static_cast<std::size_t>(lower_bound_far(times + from, to - from, time) - times);
  }
  /// Does the same, and asks for the values that are about to be read.
  [[nodiscard]] std::size_t below_to_read(time_type time) const {
    const auto [from, to] = narrow(time);
    if (to - from <= fence_rows) prefetch(values + from, to - from);
    return static_cast<std::size_t>(lower_bound_far(times + from, to - from, time) - times);
  }
  /// Returns the number of its rows up to a time.
  [[nodiscard]] std::size_t up_to(time_type time) const {
    return time == time_last ? size : below(time + 1);
  }
  /// Does the same when it is known that there are so many at least.
  [[nodiscard]] std::size_t up_to(time_type time, std::size_t least) const {
    if (size - least <= fence_rows || times[least + fence_rows] <= time) return up_to(time);
    return static_cast<std::size_t>(upper_bound(times + least, times + least + fence_rows, time) -
                                    times);
  }
  /// Returns its rows in bounds.
  [[nodiscard]] slice within(const bounds& in) const {
    if (first >= in.first && last <= in.last) return *this;
    const std::size_t from = below(in.first);
    return part(from, std::max(from, up_to(in.last)));
  }

  /// Uses the fences of its owner, if that has any for these rows.
  void find_fences() {
    const std::span<const time_type> all = owner->fences();
    const auto row = static_cast<std::size_t>(times - owner->times());
    fences = (row + size - 1) / fence_rows < all.size() ? all.data() : nullptr;
    ahead = 0;
    if (fences != nullptr) move_fences(row);
  }

  /// Returns where the first row that is not below a time may be: [first, second].
  [[nodiscard]] std::pair<std::size_t, std::size_t> narrow(time_type time) const {
    if (fences == nullptr || size <= ahead) return {0, size};
    const std::size_t n = (size - ahead - 1) / fence_rows + 1;
    const auto i = static_cast<std::size_t>(lower_bound_far(fences, n, time) - fences);
    return {i == 0 ? 0 : ahead + (i - 1) * fence_rows, i == n ? size : ahead + i * fence_rows};
  }

  /// Skips the fences of the first rows.
  void move_fences(std::size_t rows) {
    if (fences == nullptr) return;
    if (rows <= ahead) return void(ahead -= rows);
    const std::size_t past = (rows - ahead + fence_rows - 1) / fence_rows;
    fences += past;
    ahead += past * fence_rows - rows;
  }
};

/// Views rows [from, to) of a block as a slice.
template <class V>
slice<V> make_slice(const block_ptr<V>& owner, std::size_t from, std::size_t to,
                    std::uint64_t applied) {
  slice<V> made{.owner = owner, .times = owner->times(), .values = owner->values()};
  made.applied = applied;
  made.size = to;
  return made.part(from, to);
}

}  // namespace logdb::timelsm
