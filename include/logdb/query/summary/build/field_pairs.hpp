// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The pairs of a path and a value, or a word of one, that each block of a segment has.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/format/hash.hpp>
#include <logdb/query/evaluate/strings.hpp>
#include <logdb/query/json.hpp>
#include <logdb/query/json_number.hpp>
#include <logdb/query/summary/bytes/filter.hpp>
#include <logdb/query/summary/bytes/pairs.hpp>
#include <logdb/query/summary/bytes/values.hpp>

namespace logdb::query::detail {

inline constexpr std::size_t block_pairs_max = 1u << 16;

/// What the values at one path are found by, block after block.
class field_pairs {
 public:
  field_pairs(std::string_view path, logdb::detail::hash_seed store) : pair_{path, store} {}

  /// Adds the values of an event of the block that is being read.
  void add(std::string_view values, std::size_t block) {
    for_each_value(values, [this, block](json_kind kind, std::string_view text) {
      if (kind == json_kind::string) add_string(text, block);
      if (kind == json_kind::number) {
        if (const auto integer = integer_text::of(parse_number(text))) note(integer->text(), block);
      }
    });
  }

  /// Ends a block.
  void close(std::size_t block) {
    if (open_.empty()) return;
    settle_open();
    pairs_.insert(pairs_.end(), open_.begin(), open_.end());
    ends_.emplace_back(block, pairs_.size());
    open_.clear();
  }

  [[nodiscard]] std::uint64_t size() const { return pairs_.size(); }
  [[nodiscard]] std::uint64_t memory_bytes() const {
    return (open_.capacity() + pairs_.capacity()) * sizeof(std::uint64_t);
  }
  /// Calls `tell(block_pairs)` for each block that has pairs.
  template <class Tell>
  void for_each_block(Tell&& tell) const {
    std::size_t begin = 0;
    for (const auto& [block, end] : ends_) {
      tell(block_pairs{block, std::span{pairs_}.subspan(begin, end - begin)});
      begin = end;
    }
  }
  /// The blocks that have too many pairs.
  [[nodiscard]] const std::vector<std::size_t>& full_blocks() const { return full_; }

 private:
  void add_string(std::string_view text, std::size_t block) {
    lower_.assign(text);
    for (char& byte : lower_) byte = to_lower(byte);
    note(lower_, block);
    for_each_word(lower_, [this, block](std::string_view word) {
      if (word.size() < lower_.size()) note(word, block);
    });
  }

  void note(std::string_view text, std::size_t block) {
    if (!full_.empty() && full_.back() == block) return;
    open_.push_back(pair_.of(text));
    if (open_.size() <= 2 * block_pairs_max) return;
    settle_open();
    if (open_.size() <= block_pairs_max) return;
    full_.push_back(block);
    open_.clear();
  }

  void settle_open() {
    std::sort(open_.begin(), open_.end());
    open_.erase(std::unique(open_.begin(), open_.end()), open_.end());
  }

  pair_hash pair_;
  std::string lower_{};
  std::vector<std::uint64_t> open_{};   // of the block that is being read
  std::vector<std::uint64_t> pairs_{};  // of the blocks before, ascending in each
  std::vector<std::pair<std::size_t, std::size_t>> ends_{};
  std::vector<std::size_t> full_{};
};

}  // namespace logdb::query::detail
