// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Stable merging and sorting of columns.

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include <logdb/index/timelsm/block.hpp>

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

/// Merges `n` rows without a branch on which side is next; requires that many on each side.
template <class V>
void merge_some(columns<V>& older, columns<V>& younger, output<V>& out, std::size_t n) {
  const time_type* a = older.times;
  const time_type* b = younger.times;
  const auto to_values = [](const columns<V>& from, const time_type* at) {
    return reinterpret_cast<std::uintptr_t>(from.values + (at - from.times));
  };
  for (std::size_t i = 0; i < n; ++i) {
    const time_type x = *a;
    const time_type y = *b;
    const bool second = y < x;
    const auto from = choose(to_values(older, a), to_values(younger, b), second);
    out.times[i] = static_cast<time_type>(
        choose(static_cast<std::uint64_t>(x), static_cast<std::uint64_t>(y), second));
    std::memcpy(static_cast<void*>(out.values + i), reinterpret_cast<const void*>(from), sizeof(V));
    b += second;
    a += !second;
  }
  older = older.drop(static_cast<std::size_t>(a - older.times));
  younger = younger.drop(static_cast<std::size_t>(b - younger.times));
  out.skip(n);
}

/// Merges two sorted columns into as much room as there is; of equal times the older go first.
///
/// Stretches of one side are copied whole. What was merged is taken off the columns.
/// @cost  about 2 ns a row where the sides alternate, the bandwidth of memory where they do not
template <class V>
void merge_two(columns<V>& older, columns<V>& younger, output<V>& out) {
  constexpr std::size_t step = 16;
  while (std::min({older.size, younger.size, out.left}) >= step) {
    if (older.times[step - 1] <= younger.times[0]) {
      out.take(older, step);
    } else if (younger.times[step - 1] < older.times[0]) {
      out.take(younger, step);
    } else {
      merge_some(older, younger, out, step);
    }
  }
  while (older.size != 0 && younger.size != 0 && out.left != 0) merge_some(older, younger, out, 1);
  if (younger.size == 0) out.take(older, std::min(older.size, out.left));
  if (older.size == 0) out.take(younger, std::min(younger.size, out.left));
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
