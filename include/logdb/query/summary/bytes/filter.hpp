// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A bit-sliced Bloom filter: row r has bit r of the filters of all blocks of a segment, one beside
/// the other, so that a question reads as many rows as there are hash functions, and each for all
/// blocks at once. Source: bit-sliced signature files, Faloutsos and Christodoulakis, 1984.
///
/// ```
///  0 u32 rows   4 u32 bytes of a row   8 u32 common   12 u32 CRC of these and of what follows
/// 16 u64[common]: pairs that more than half of the blocks have, ascending; they are in no row
/// then chunks: as many rows as fit into 4096 bytes, at least one, and their u32 CRC
/// ```

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <logdb/format/bytes.hpp>
#include <logdb/format/crc32c.hpp>
#include <logdb/query/summary/bytes/block_set.hpp>
#include <logdb/query/summary/bytes/layout.hpp>
#include <logdb/types.hpp>

namespace logdb::query::detail {

inline constexpr std::uint64_t filter_bits_a_pair = 10;
inline constexpr unsigned filter_hashes = 7;
inline constexpr std::size_t filter_header_bytes = 16;
inline constexpr std::size_t filter_chunk_bytes = 4096;

/// The rows in which a pair has its bits, by double hashing.
inline std::array<std::uint32_t, filter_hashes> filter_rows(std::uint64_t pair,
                                                            std::uint32_t rows) {
  std::array<std::uint32_t, filter_hashes> chosen{};
  auto at = static_cast<std::uint32_t>(pair);
  const auto step = static_cast<std::uint32_t>(pair >> 32) | 1;
  for (std::uint32_t& row : chosen) {
    row = static_cast<std::uint32_t>(std::uint64_t{at} * rows >> 32);
    at += step;
  }
  return chosen;
}

inline std::size_t filter_rows_a_chunk(std::size_t row_bytes) {
  return std::max<std::size_t>(1, filter_chunk_bytes / std::max<std::size_t>(1, row_bytes));
}

/// The pairs of a block.
struct block_pairs {
  std::size_t block = 0;
  std::span<const std::uint64_t> pairs{};
};

/// Makes a filter of the pairs of blocks, each of them told once a block.
class filter_writer {
 public:
  filter_writer(std::size_t blocks, std::vector<std::uint64_t> common, std::uint64_t pairs)
      : row_bytes_{(blocks + 7) / 8}, common_{std::move(common)} {
    const std::uint64_t a_block = (pairs + blocks - 1) / std::max<std::uint64_t>(1, blocks);
    rows_ = static_cast<std::uint32_t>(
        std::clamp<std::uint64_t>(a_block * filter_bits_a_pair, 64, std::uint64_t{1} << 24));
    bits_.resize(rows_ * row_bytes_);
  }

  void add(const block_pairs& of) {
    for (const std::uint64_t pair : of.pairs) {
      if (std::binary_search(common_.begin(), common_.end(), pair)) continue;
      for (const std::uint32_t row : filter_rows(pair, rows_)) {
        bits_[row * row_bytes_ + of.block / 8] |= static_cast<std::byte>(1u << of.block % 8);
      }
    }
  }

  void write(byte_sink& out) const {
    byte_sink head;
    head.put(rows_).put(static_cast<std::uint32_t>(row_bytes_));
    head.put(static_cast<std::uint32_t>(common_.size()));
    byte_sink list;
    for (const std::uint64_t pair : common_) list.put(pair);
    head.put(format::crc32c(list.bytes(), format::crc32c(head.bytes())));
    out.put(head.bytes()).put(list.bytes());
    const std::size_t chunk = filter_rows_a_chunk(row_bytes_) * row_bytes_;
    for (std::size_t at = 0; at < bits_.size(); at += chunk) {
      const auto rows = bytes_view{bits_}.subspan(at, std::min(chunk, bits_.size() - at));
      out.put(rows).put(format::crc32c(rows));
    }
  }

 private:
  std::size_t row_bytes_;
  std::uint32_t rows_ = 0;
  std::vector<std::uint64_t> common_;
  std::vector<std::byte> bits_{};
};

/// A filter that was checked but for its rows, which are when they are read.
class filter_view {
 public:
  /// @cost  O(common pairs); no allocation
  static std::optional<filter_view> open(bytes_view bytes, std::size_t blocks) {
    format::detail::field_reader in{bytes};
    filter_view view;
    view.blocks_ = blocks;
    view.rows_ = in.take<std::uint32_t>();
    view.row_bytes_ = in.take<std::uint32_t>();
    const auto common = in.take<std::uint32_t>();
    const auto crc = in.take<std::uint32_t>();
    view.common_ = in.take(std::uint64_t{common} * 8);
    if (!in.ok() || view.rows_ == 0 || view.row_bytes_ != (blocks + 7) / 8) return {};
    const bytes_view before = bytes.first(filter_header_bytes - 4);
    if (crc != format::crc32c(view.common_, format::crc32c(before))) return {};
    const std::uint64_t chunk_rows = filter_rows_a_chunk(view.row_bytes_);
    const std::uint64_t chunks = (view.rows_ + chunk_rows - 1) / chunk_rows;
    view.chunks_ = in.take(std::uint64_t{view.rows_} * view.row_bytes_ + 4 * chunks);
    return in.done() ? std::optional{view} : std::nullopt;
  }

  /// Returns the blocks that may have a pair; none where a row is damaged.
  /// @param rows_read  added to
  [[nodiscard]] std::optional<block_set> may_have(std::uint64_t pair,
                                                  std::uint64_t& rows_read) const {
    if (is_common(pair)) return block_set{blocks_, true};
    std::vector<std::byte> all(row_bytes_, std::byte{0xff});
    for (const std::uint32_t number : filter_rows(pair, rows_)) {
      const auto row = read_row(number);
      if (!row) return std::nullopt;
      ++rows_read;
      for (std::size_t i = 0; i < all.size(); ++i) all[i] &= (*row)[i];
    }
    block_set found{blocks_, false};
    for (std::size_t block = 0; block < blocks_; ++block) {
      if ((all[block / 8] >> block % 8 & std::byte{1}) != std::byte{0}) found.add(block);
    }
    return found;
  }

 private:
  [[nodiscard]] bool is_common(std::uint64_t pair) const {
    std::size_t low = 0;
    std::size_t high = common_.size() / 8;
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      const auto there = format::load<std::uint64_t>(common_.data() + 8 * middle);
      if (there == pair) return true;
      (there < pair ? low : high) = there < pair ? middle + 1 : middle;
    }
    return false;
  }

  [[nodiscard]] std::optional<bytes_view> read_row(std::uint32_t number) const {
    const std::size_t chunk_rows = filter_rows_a_chunk(row_bytes_);
    const std::size_t chunk = number / chunk_rows;
    const std::size_t begin = chunk * (chunk_rows * row_bytes_ + 4);
    const std::size_t bytes = std::min(chunk_rows, rows_ - chunk * chunk_rows) * row_bytes_;
    const bytes_view rows = chunks_.subspan(begin, bytes);
    if (format::load<std::uint32_t>(rows.data() + bytes) != format::crc32c(rows)) return {};
    return rows.subspan(number % chunk_rows * row_bytes_, row_bytes_);
  }

  std::size_t blocks_ = 0;
  std::uint32_t rows_ = 0;
  std::uint32_t row_bytes_ = 0;
  bytes_view common_{};
  bytes_view chunks_{};
};

}  // namespace logdb::query::detail
