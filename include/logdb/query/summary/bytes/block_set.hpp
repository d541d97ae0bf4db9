// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Which blocks of a segment a query has to read.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace logdb::query {

/// Some of the blocks of a segment.
class block_set {
 public:
  block_set() = default;
  block_set(std::size_t blocks, bool all) : blocks_{blocks}, words_((blocks + 63) / 64) {
    for (std::size_t i = 0; all && i < blocks; ++i) add(i);
  }

  [[nodiscard]] std::size_t blocks() const { return blocks_; }
  [[nodiscard]] bool has(std::size_t block) const {
    return (words_[block / 64] >> block % 64 & 1) != 0;
  }
  void add(std::size_t block) { words_[block / 64] |= std::uint64_t{1} << block % 64; }

  [[nodiscard]] std::size_t count() const {
    std::size_t all = 0;
    for (const std::uint64_t word : words_) all += static_cast<std::size_t>(std::popcount(word));
    return all;
  }
  [[nodiscard]] bool empty() const { return count() == 0; }

  /// Keeps those that `other` has, too. Both are of one segment.
  block_set& operator&=(const block_set& other) {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] &= other.words_[i];
    return *this;
  }
  /// Adds those that `other` has. Both are of one segment.
  block_set& operator|=(const block_set& other) {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
    return *this;
  }

 private:
  std::size_t blocks_ = 0;
  std::vector<std::uint64_t> words_{};
};

}  // namespace logdb::query
