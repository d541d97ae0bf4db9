// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Gathers records for one batch frame.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <span>
#include <vector>

#include <logdb/format/frames/batch.hpp>
#include <logdb/platform/expects.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

/// Records in a row, back to back, with their lengths; somebody else holds them.
class batch_view {
 public:
  batch_view() = default;
  batch_view(bytes_view bytes, std::span<const std::size_t> lengths)
      : bytes_{bytes}, lengths_{lengths} {}

  [[nodiscard]] std::size_t count() const { return lengths_.size(); }
  [[nodiscard]] bool empty() const { return lengths_.empty(); }
  [[nodiscard]] bytes_view bytes() const { return bytes_; }
  [[nodiscard]] std::span<const std::size_t> lengths() const { return lengths_; }

  [[nodiscard]] std::uint64_t longest() const {
    return lengths_.empty() ? 0 : *std::max_element(lengths_.begin(), lengths_.end());
  }
  /// Returns what the records take in memory, and about so much on disk.
  [[nodiscard]] std::uint64_t footprint() const {
    return bytes_.size() + lengths_.size() * sizeof(std::uint32_t);
  }

  /// Takes the first `count` records off.
  [[nodiscard]] batch_view split_front(std::size_t count) {
    const auto lengths = lengths_.first(count);
    const std::size_t bytes = std::accumulate(lengths.begin(), lengths.end(), std::size_t{0});
    const batch_view front{bytes_.first(bytes), lengths};
    *this = {bytes_.subspan(bytes), lengths_.subspan(count)};
    return front;
  }

  [[nodiscard]] format::frame_kind kind() const { return format::batch_kind(longest()); }

  /// Returns the table of lengths that stands before the bytes.
  [[nodiscard]] std::vector<std::byte> table() const {
    return kind() == format::frame_kind::batch ? table_of<std::uint16_t>()
                                               : table_of<std::uint32_t>();
  }

 private:
  template <class Length>
  [[nodiscard]] std::vector<std::byte> table_of() const {
    std::vector<std::byte> table(lengths_.size() * sizeof(Length));
    for (std::size_t i = 0; i < lengths_.size(); ++i) {
      const auto length = static_cast<Length>(lengths_[i]);
      std::memcpy(table.data() + i * sizeof(Length), &length, sizeof length);
    }
    return table;
  }

  bytes_view bytes_;
  std::span<const std::size_t> lengths_;
};

/// Holds records back to back with their lengths, until they are framed or dropped.
class batch_builder {
 public:
  /// Adds a record; if memory runs out, nothing of it.
  void add(bytes_view record) {
    lengths_.push_back(record.size());
    add_bytes(record, lengths_.size() - 1);
  }
  /// Adds all records of a batch, or none.
  void add(const batch_view& batch) {
    const std::size_t before = lengths_.size();
    lengths_.insert(lengths_.end(), batch.lengths().begin(), batch.lengths().end());
    add_bytes(batch.bytes(), before);
  }

  [[nodiscard]] batch_view view() const { return {bytes_, lengths_}; }
  [[nodiscard]] std::size_t count() const { return lengths_.size(); }
  [[nodiscard]] bool empty() const { return lengths_.empty(); }
  [[nodiscard]] bytes_view bytes() const { return bytes_; }
  /// Mutable bytes, for callers that complete records once their offsets are known.
  [[nodiscard]] std::span<std::byte> writable() { return bytes_; }
  [[nodiscard]] std::span<const std::size_t> lengths() const { return lengths_; }
  [[nodiscard]] std::uint64_t longest() const { return view().longest(); }
  [[nodiscard]] std::uint64_t footprint() const { return view().footprint(); }
  [[nodiscard]] format::frame_kind kind() const { return view().kind(); }
  [[nodiscard]] std::vector<std::byte> table() const { return view().table(); }

  /// Forgets the records from the given one on; requires `count <= count()`.
  void truncate(std::size_t count) noexcept {
    LOGDB_EXPECTS(count <= lengths_.size());
    const auto dropped = std::accumulate(lengths_.begin() + static_cast<std::ptrdiff_t>(count),
                                         lengths_.end(), std::size_t{0});
    bytes_.resize(bytes_.size() - dropped);
    lengths_.resize(count);
  }

 private:
  /// Adds the bytes of the records from one on, whose lengths stand already.
  void add_bytes(bytes_view bytes, std::size_t first) {
    try {
      bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    } catch (...) {
      lengths_.resize(first);
      throw;
    }
  }

  std::vector<std::byte> bytes_;
  std::vector<std::size_t> lengths_;
};

}  // namespace logdb::detail

namespace logdb {

/// Records that reach the log together: `add(bytes)` each, and append the batch.
using record_batch = detail::batch_builder;

}  // namespace logdb
