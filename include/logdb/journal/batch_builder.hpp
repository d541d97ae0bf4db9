// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Gathers records for one batch frame.

#include <algorithm>
#include <cstdint>
#include <vector>

#include <logdb/format/batch.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

/// Holds records back to back with their lengths, until they are framed or dropped.
class batch_builder {
 public:
  void add(bytes_view record) {
    bytes_.insert(bytes_.end(), record.begin(), record.end());
    lengths_.push_back(record.size());
  }

  [[nodiscard]] std::size_t count() const { return lengths_.size(); }
  [[nodiscard]] bool empty() const { return lengths_.empty(); }
  [[nodiscard]] bytes_view bytes() const { return bytes_; }
  /// For who completes records once it is known where they will stand.
  [[nodiscard]] std::span<std::byte> writable() { return bytes_; }
  [[nodiscard]] std::span<const std::size_t> lengths() const { return lengths_; }

  [[nodiscard]] std::uint64_t longest() const {
    return lengths_.empty() ? 0 : *std::ranges::max_element(lengths_);
  }

  /// Returns what the records take in memory, and about so much on disk.
  [[nodiscard]] std::uint64_t footprint() const {
    return bytes_.size() + lengths_.size() * sizeof(std::uint32_t);
  }

  /// Calls `visit(bytes)` for each record in order.
  template <class Visit>
  void for_each(Visit&& visit) const {
    std::size_t at = 0;
    for (const std::size_t length : lengths_) {
      visit(bytes().subspan(at, length));
      at += length;
    }
  }

  /// Forgets the records from the given ones on.
  void truncate(std::size_t count) {
    std::size_t dropped = 0;
    for (std::size_t i = count; i < lengths_.size(); ++i) dropped += lengths_[i];
    bytes_.resize(bytes_.size() - dropped);
    lengths_.resize(count);
  }

  /// Takes the first `count` records out into a builder of their own.
  [[nodiscard]] batch_builder split_front(std::size_t count) {
    batch_builder front;
    front.lengths_.assign(lengths_.begin(), lengths_.begin() + static_cast<std::ptrdiff_t>(count));
    std::size_t taken = 0;
    for (const std::size_t length : front.lengths_) taken += length;
    front.bytes_.assign(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(taken));
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(taken));
    lengths_.erase(lengths_.begin(), lengths_.begin() + static_cast<std::ptrdiff_t>(count));
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

  std::vector<std::byte> bytes_;
  std::vector<std::size_t> lengths_;
};

}  // namespace logdb::detail
