// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Stable merging and sorting of columns.

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include <logdb/index/timelsm/slice.hpp>

namespace logdb::timelsm {

/// Is where rows are put.
template <class V>
struct output {
  time_type* times = nullptr;
  V* values = nullptr;
  std::size_t left = 0;

  void take(columns<V>& from, std::size_t n) {
    if (n == 0) return;
    std::memcpy(times, from.times, n * sizeof(time_type));
    std::memcpy(static_cast<void*>(values), from.values, n * sizeof(V));
    from = from.drop(n);
    skip(n);
  }
  void skip(std::size_t n) { times += n, values += n, left -= n; }
};

/// Returns the second if so, else the first: by arithmetic, so that no compiler makes it a branch,
/// whose direction would be a coin's.
inline std::uint64_t choose(std::uint64_t first, std::uint64_t second, bool so) {
  return first ^ ((first ^ second) & (std::uint64_t{0} - static_cast<std::uint64_t>(so)));
}

/// Merges row after row without a branch on which side is next.
template <class V>
class branchless_merge {
 public:
  branchless_merge(const columns<V>& older, const columns<V>& younger, const output<V>& out)
      : a_{older.times},
        b_{younger.times},
        a_values_{older.values},
        b_values_{younger.values},
        times_{out.times},
        values_{out.values} {}

  /// Requires that both sides have a row.
  void step() {
    const time_type x = *a_;
    const time_type y = *b_;
    const bool second = y < x;
    *times_++ = static_cast<time_type>(
        choose(static_cast<std::uint64_t>(x), static_cast<std::uint64_t>(y), second));
    const auto from = choose(reinterpret_cast<std::uintptr_t>(a_values_),
                             reinterpret_cast<std::uintptr_t>(b_values_), second);
    std::memcpy(static_cast<void*>(values_++), reinterpret_cast<const void*>(from), sizeof(V));
    b_ += second;
    b_values_ += second;
    a_ += !second;
    a_values_ += !second;
  }

  /// Takes off the columns what was merged.
  void finish(columns<V>& older, columns<V>& younger, output<V>& out) const {
    older = older.drop(static_cast<std::size_t>(a_ - older.times));
    younger = younger.drop(static_cast<std::size_t>(b_ - younger.times));
    out.skip(static_cast<std::size_t>(times_ - out.times));
  }

 private:
  const time_type* a_;
  const time_type* b_;
  const V* a_values_;
  const V* b_values_;
  time_type* times_;
  V* values_;
};

/// Is a merge under way: of equal times the older go first.
template <class V>
struct merging {
  static constexpr std::size_t step = 16;

  columns<V> older{};
  columns<V> younger{};
  output<V> out{};

  [[nodiscard]] bool has_step() const {
    return std::min({older.size, younger.size, out.left}) >= step;
  }

  /// Copies rows of the one side if they all come before the other's; requires has_step().
  bool copy_apart() {
    if (older.times[step - 1] <= younger.times[0]) return out.take(older, step), true;
    if (younger.times[step - 1] < older.times[0]) return out.take(younger, step), true;
    return false;
  }

  /// Merges `n` rows; requires that many on each side.
  void merge(std::size_t n) {
    branchless_merge<V> one{older, younger, out};
    for (std::size_t i = 0; i < n; ++i) one.step();
    one.finish(older, younger, out);
  }

  /// Merges into as much room as there is.
  void run() {
    while (has_step()) {
      if (!copy_apart()) merge(step);
    }
    while (older.size != 0 && younger.size != 0 && out.left != 0) merge(1);
    if (younger.size == 0) out.take(older, std::min(older.size, out.left));
    if (older.size == 0) out.take(younger, std::min(younger.size, out.left));
  }

  /// Parts it in two that are as good as equal and need not know of one another.
  /// @source  merge path: Odeh et al., IPDPSW 2012
  [[nodiscard]] merging split() {
    const std::size_t half = (older.size + younger.size) / 2;
    std::size_t least = half > younger.size ? half - younger.size : 0;
    std::size_t most = std::min(half, older.size);
    while (least < most) {
      const std::size_t from_older = (least + most) / 2;
      if (older.times[from_older] <= younger.times[half - from_older - 1]) {
        least = from_older + 1;
      } else {
        most = from_older;
      }
    }
    merging rest{older.drop(least), younger.drop(half - least), out};
    rest.out.skip(half);
    older = older.take(least);
    younger = younger.take(half - least);
    out.left = half;
    return rest;
  }
};

/// Merges two sorted columns into as much room as there is; of equal times the older go first.
///
/// Stretches of one side are copied whole. Many rows are merged as two halves in turn: each step
/// waits for the one before it, but not for the other half's. What was merged is taken off.
/// @cost  1 to 2 ns a row where the sides alternate, the bandwidth of memory where they do not
template <class V>
void merge_two(columns<V>& older, columns<V>& younger, output<V>& out) {
  constexpr std::size_t many = 512;
  constexpr std::size_t step = merging<V>::step;
  merging<V> first{older, younger, out};
  const std::size_t rows = older.size + younger.size;
  if (std::min(older.size, younger.size) < many || out.left < rows) {
    first.run();
    older = first.older, younger = first.younger, out = first.out;
    return;
  }
  merging<V> second = first.split();
  while (first.has_step() && second.has_step()) {
    // Both, so that neither is always the one that waits.
    const bool apart = first.copy_apart();
    if (second.copy_apart() || apart) continue;
    branchless_merge<V> one{first.older, first.younger, first.out};
    branchless_merge<V> other{second.older, second.younger, second.out};
    for (std::size_t i = 0; i < step; ++i) one.step(), other.step();
    one.finish(first.older, first.younger, first.out);
    other.finish(second.older, second.younger, second.out);
  }
  first.run();
  second.run();
  older = older.drop(older.size);
  younger = younger.drop(younger.size);
  out.skip(rows);
}

/// Merges columns, each older than the next, into blocks of at most so many rows.
template <class V>
class merger {
 public:
  merger(const heap_ptr& from, std::size_t rows_max) : heap_{from}, rows_max_{rows_max} {}

  /// Returns slices of one sorted sequence that own their rows.
  /// @cost  O(rows * log inputs)
  std::vector<slice<V>> run(std::vector<columns<V>> inputs, std::uint64_t applied) {
    std::erase_if(inputs, [](const auto& rows) { return rows.size == 0; });
    while (inputs.size() > many) merge_pairs(inputs);
    while (inputs.size() > 2) merge_smallest(inputs);
    inputs.resize(2);
    return divide(inputs[0], inputs[1], applied);
  }

 private:
  /// Merges the two neighbours that have the fewest rows together.
  void merge_smallest(std::vector<columns<V>>& inputs) {
    std::size_t least = 0;
    const auto rows = [&inputs](std::size_t i) { return inputs[i].size + inputs[i + 1].size; };
    for (std::size_t i = 1; i + 1 < inputs.size(); ++i) {
      if (rows(i) < rows(least)) least = i;
    }
    inputs[least] = merged(inputs[least], inputs[least + 1]);
    inputs.erase(inputs.begin() + static_cast<std::ptrdiff_t>(least) + 1);
  }

  /// Halves the number of inputs: looking for the smallest pair among many would take longer.
  void merge_pairs(std::vector<columns<V>>& inputs) {
    const std::size_t before = inputs.size();
    for (std::size_t i = 0; i < before; i += 2) {
      inputs[i / 2] = i + 1 == before ? inputs[i] : merged(inputs[i], inputs[i + 1]);
    }
    inputs.resize((before + 1) / 2);
  }

  columns<V> merged(columns<V> older, columns<V> younger) {
    const std::size_t both = older.size + younger.size;
    scratch_.push_back(std::make_shared<block<V>>(heap_, both));
    block<V>& room = *scratch_.back();
    output<V> out{room.times(), room.values(), both};
    merge_two(older, younger, out);
    return {room.times(), room.values(), both};
  }

  std::vector<slice<V>> divide(columns<V> older, columns<V> younger, std::uint64_t applied) {
    std::vector<slice<V>> made;
    std::size_t rows = older.size + younger.size;
    for (std::size_t parts = (rows + rows_max_ - 1) / rows_max_; parts != 0; --parts) {
      const std::size_t share = (rows + parts - 1) / parts;
      const auto owner = std::make_shared<block<V>>(heap_, share);
      output<V> out{owner->times(), owner->values(), share};
      merge_two(older, younger, out);
      owner->keep_all(0, share);
      owner->make_fences(share);
      made.push_back(make_slice(owner, 0, share, applied));
      made.back().find_fences();
      rows -= share;
    }
    return made;
  }

  static constexpr std::size_t many = 16;

  heap_ptr heap_;
  std::size_t rows_max_;
  std::vector<block_ptr<V>> scratch_;
};

/// Sorts up to 256 rows by time, stably.
///
/// @source  eights by counting, then merges from the bottom up: no branch depends on the times
template <class V>
class small_sort {
 public:
  static constexpr std::size_t rows_max = 256;

  /// Leaves the sorted rows where the result says.
  columns<V> run(const time_type* times, const V* values, std::size_t n) {
    for (std::size_t i = 0; i < n; i += eight) {
      rank(times + i, values + i, std::min(eight, n - i), i);
    }
    bool second = false;
    for (std::size_t width = eight; width < n; width *= 2, second = !second) {
      merge_pairs(sides_[second], sides_[!second], width, n);
    }
    return {sides_[second].times.data(), sides_[second].values.data(), n};
  }

 private:
  static constexpr std::size_t eight = 8;

  struct side {
    std::array<time_type, rows_max> times;
    std::array<V, rows_max> values;
  };

  void rank(const time_type* times, const V* values, std::size_t n, std::size_t at) {
    for (std::size_t i = 0; i < n; ++i) {
      std::size_t before = 0;
      for (std::size_t j = 0; j < i; ++j) before += times[j] <= times[i] ? 1 : 0;
      for (std::size_t j = i + 1; j < n; ++j) before += times[j] < times[i] ? 1 : 0;
      sides_[0].times[at + before] = times[i];
      sides_[0].values[at + before] = values[i];
    }
  }

  static void merge_pairs(side& from, side& to, std::size_t width, std::size_t n) {
    for (std::size_t at = 0; at < n; at += 2 * width) {
      const std::size_t middle = std::min(at + width, n);
      const std::size_t end = std::min(at + 2 * width, n);
      columns<V> older{&from.times[at], &from.values[at], middle - at};
      columns<V> younger{from.times.data() + middle, from.values.data() + middle, end - middle};
      output<V> out{&to.times[at], &to.values[at], end - at};
      merge_two(older, younger, out);
    }
  }

  std::array<side, 2> sides_;
};

}  // namespace logdb::timelsm
