// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What a summary will say of one path, as it comes together. While the events of a segment have
/// few different values there, each event keeps the code of its own; once they are too many, each
/// block keeps the pairs for the filter instead.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <logdb/format/hash.hpp>
#include <logdb/query/evaluate/leaf.hpp>
#include <logdb/query/evaluate/strings.hpp>
#include <logdb/query/json.hpp>
#include <logdb/query/json_number.hpp>
#include <logdb/query/summary/bytes/filter.hpp>
#include <logdb/query/summary/bytes/pairs.hpp>
#include <logdb/query/summary/bytes/values.hpp>

namespace logdb::query::detail {

inline constexpr std::size_t coded_values_max = 255;
inline constexpr std::size_t coded_bytes_max = 256;  // of all values of an event at the path
inline constexpr std::size_t block_pairs_max = 1u << 16;

/// What a path has in one block.
struct block_facts {
  std::size_t block = 0;
  std::uint8_t kinds = 0;
  number_bounds numbers{};
};

/// Learns the values at one path, event after event.
class field_builder {
 public:
  /// @param values_max  different values that get codes, at most coded_values_max
  field_builder(std::string path, logdb::detail::hash_seed store, std::size_t values_max)
      : path_{std::move(path)},
        pair_{path_, store},
        values_max_{std::min(values_max, coded_values_max)} {}

  [[nodiscard]] const std::string& path() const { return path_; }

  /// Adds a value of the event that is being read.
  void see(json_kind kind, std::string_view text) { append_value(event_, kind, text); }
  [[nodiscard]] bool touched() const { return !event_.empty(); }
  /// Drops what was seen of the event.
  void forget() { event_.clear(); }

  /// Takes what was seen of the event as that of a record.
  /// @param starts  the number of the first record of each block, this record's the last one
  void finish(std::size_t record, std::span<const std::size_t> starts) {
    ++events_;
    note_facts(starts.size() - 1);
    if (!many_ && !give_code(record)) become_many(record, starts);
    if (many_) add_pairs(event_, starts.size() - 1);
    event_.clear();
  }

  /// Says that no record follows.
  void close() {
    if (!facts_.empty()) close_block();
  }

  [[nodiscard]] std::uint64_t memory_bytes() const {
    return sizeof *this + codes_.capacity() + facts_.capacity() * sizeof(block_facts) +
           (open_.capacity() + pairs_.capacity()) * sizeof(std::uint64_t);
  }
  [[nodiscard]] std::uint64_t events() const { return events_; }
  [[nodiscard]] const std::vector<block_facts>& facts() const { return facts_; }
  [[nodiscard]] bool many() const { return many_; }
  /// The different values, from code 1 on.
  [[nodiscard]] const std::vector<std::string>& values() const { return values_; }
  /// The code of each record; those behind the end have none.
  [[nodiscard]] const std::vector<std::uint8_t>& codes() const { return codes_; }

  [[nodiscard]] std::uint64_t pairs() const { return pairs_.size(); }
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
  void note_facts(std::size_t block) {
    if (facts_.empty() || facts_.back().block != block) {
      if (!facts_.empty()) close_block();
      facts_.push_back({.block = block});
    }
    block_facts& now = facts_.back();
    for_each_value(event_, [&now](json_kind kind, std::string_view text) {
      now.kinds |= kind_bit(kind);
      if (kind == json_kind::number) now.numbers.include(number_bounds::of(parse_number(text)));
    });
  }

  /// Gives the record a code; false: there are too many values, or this one is too long.
  bool give_code(std::size_t record) {
    if (event_.size() > coded_bytes_max) return false;
    std::size_t code = 0;
    if (last_code_ != 0 && values_[last_code_ - 1] == event_) {
      code = last_code_;
    } else if (const auto known = code_of_.find(event_); known != code_of_.end()) {
      code = known->second;
    } else if (values_.size() < values_max_) {
      values_.push_back(event_);
      code = values_.size();
      code_of_.emplace(event_, code);
    } else {
      return false;
    }
    last_code_ = code;
    codes_.resize(record + 1);
    codes_[record] = static_cast<std::uint8_t>(code);
    return true;
  }

  /// Turns the codes of the records before one into pairs.
  void become_many(std::size_t record, std::span<const std::size_t> starts) {
    many_ = true;
    std::vector<bool> present;
    for (std::size_t block = 0; block < starts.size(); ++block) {
      const std::size_t next = block + 1 < starts.size() ? starts[block + 1] : record;
      const std::size_t end = std::min(next, codes_.size());
      present.assign(values_.size() + 1, false);
      for (std::size_t i = starts[block]; i < end; ++i) present[codes_[i]] = true;
      for (std::size_t code = 1; code < present.size(); ++code) {
        if (present[code]) add_pairs(values_[code - 1], block);
      }
      if (block + 1 < starts.size()) close_pairs(block);
    }
    codes_ = {};
    values_ = {};
    code_of_ = {};
  }

  void add_pairs(std::string_view values, std::size_t block) {
    if (!full_.empty() && full_.back() == block) return;
    for_each_value(values, [this](json_kind kind, std::string_view text) {
      if (kind == json_kind::string) add_string(text);
      if (kind == json_kind::number) {
        if (const auto integer = integer_text::of(parse_number(text))) {
          open_.push_back(pair_.of(integer->text()));
        }
      }
    });
    if (open_.size() <= 2 * block_pairs_max) return;
    settle_open();
    if (open_.size() <= block_pairs_max) return;
    full_.push_back(block);
    open_.clear();
  }

  void add_string(std::string_view text) {
    lower_.assign(text);
    for (char& byte : lower_) byte = to_lower(byte);
    open_.push_back(pair_.of(lower_));
    for_each_word(lower_, [this](std::string_view word) {
      if (word.size() < lower_.size()) open_.push_back(pair_.of(word));
    });
  }

  void settle_open() {
    std::sort(open_.begin(), open_.end());
    open_.erase(std::unique(open_.begin(), open_.end()), open_.end());
  }

  void close_block() { close_pairs(facts_.back().block); }
  void close_pairs(std::size_t block) {
    if (open_.empty()) return;
    settle_open();
    pairs_.insert(pairs_.end(), open_.begin(), open_.end());
    ends_.emplace_back(block, pairs_.size());
    open_.clear();
  }

  std::string path_;
  pair_hash pair_;
  std::size_t values_max_;
  std::string event_{};  // the values of the event that is being read
  std::uint64_t events_ = 0;
  std::vector<block_facts> facts_{};  // of the blocks that have values, ascending

  std::vector<std::string> values_{};
  std::unordered_map<std::string, std::size_t> code_of_{};
  std::size_t last_code_ = 0;
  std::vector<std::uint8_t> codes_{};

  bool many_ = false;
  std::string lower_{};
  std::vector<std::uint64_t> open_{};   // of the block that is being read
  std::vector<std::uint64_t> pairs_{};  // of the blocks before, ascending in each
  std::vector<std::pair<std::size_t, std::size_t>> ends_{};
  std::vector<std::size_t> full_{};
};

}  // namespace logdb::query::detail
