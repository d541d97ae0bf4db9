// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// How large the parts of a time index may become: in rows, and in bytes.

#include <algorithm>
#include <cstddef>
#include <limits>

#include <logdb/index/timelsm/columns/rows.hpp>
#include <logdb/index/timelsm/options.hpp>

namespace logdb::timelsm {

/// A number of rows, and what they take in memory.
struct amount {
  static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

  std::size_t rows = 0;
  std::size_t bytes = 0;  ///< of their columns, and of the bytes that byte values own

  amount& operator+=(const amount& more) {
    rows += more.rows;
    bytes += more.bytes;
    return *this;
  }
  [[nodiscard]] bool within(const amount& most) const {
    return rows <= most.rows && bytes <= most.bytes;
  }
  [[nodiscard]] amount times(std::size_t n) const {
    return {rows > unlimited / n ? unlimited : rows * n,
            bytes > unlimited / n ? unlimited : bytes * n};
  }
  [[nodiscard]] amount part(std::size_t n) const { return {rows / n, bytes / n}; }
};

/// Returns the bytes that a row takes in two columns.
template <class V>
inline constexpr std::size_t row_bytes = sizeof(time_type) + sizeof(V);

/// Returns the bytes that a row with this value takes.
template <class V>
[[nodiscard]] constexpr std::size_t bytes_of(const V& value) {
  if constexpr (owns_bytes<V>) return row_bytes<V> + value.size();
  return row_bytes<V>;
}

/// Returns how many of some values come to no more than so many bytes of rows; one at least.
template <class V>
[[nodiscard]] std::size_t fitting(const V* values, std::size_t count, std::size_t bytes_max) {
  if constexpr (owns_bytes<V>) {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t more = bytes_of(values[i]);
      if (i != 0 && more > bytes_max - std::min(bytes, bytes_max)) return i;
      bytes += more;
    }
    return count;
  } else {
    return std::min(count, std::max<std::size_t>(bytes_max / row_bytes<V>, 1));
  }
}

/// What one block in the log holds at most, unless a single row is larger: a reader of one row
/// reads all of it.
inline constexpr amount block_max{4096, std::size_t{1} << 20};

/// What memtables and partitions hold at most, unless a single row or batch is larger.
struct size_limits {
  amount memtable;
  amount partition;
  amount merged_runs;  // of L0, at once: with what merging takes, they are there three times
};

/// Makes them so small that what is held of them stays within the memory.
/// @param memory_bytes_max  0: unlimited
template <class V>
[[nodiscard]] size_limits limits_of(const timelsm_options<V>& chosen,
                                    std::size_t memory_bytes_max) {
  constexpr std::size_t nominal = owns_bytes<V> ? 256 : row_bytes<V>;  // bytes of a row
  constexpr std::size_t least =
      std::clamp<std::size_t>((std::size_t{16} << 10) / row_bytes<V>, 1, 256);
  const auto fit = [memory_bytes_max](std::size_t rows_max, std::size_t share) {
    amount most{rows_max, rows_max * nominal};
    if (memory_bytes_max == 0) return most;
    if (owns_bytes<V>) share *= 2;  // their memory grows by doubling
    most.bytes = std::min(most.bytes, std::max(memory_bytes_max / share, least * row_bytes<V>));
    most.rows = std::min(rows_max, most.bytes / row_bytes<V>);
    return most;
  };
  return {fit(chosen.memtable_rows, 8 * (chosen.frozen_max + 2)),
          fit(chosen.partition_rows, 48),  // a step merges four, and holds them three times
          {amount::unlimited, memory_bytes_max == 0 ? amount::unlimited : memory_bytes_max / 16}};
}

}  // namespace logdb::timelsm
