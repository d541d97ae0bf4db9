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
#include <utility>
#include <vector>

#include <logdb/format/hash.hpp>
#include <logdb/query/evaluate/leaf.hpp>
#include <logdb/query/json_number.hpp>
#include <logdb/query/summary/build/field_codes.hpp>
#include <logdb/query/summary/build/field_pairs.hpp>
#include <logdb/query/summary/bytes/values.hpp>

namespace logdb::query::detail {

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
      : path_{std::move(path)}, codes_{values_max}, pairs_{path_, store} {}

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
    if (!many_ && !codes_.give(event_, record)) become_many(record, starts);
    if (many_) pairs_.add(event_, starts.size() - 1);
    event_.clear();
  }

  /// Says that no record follows.
  void close() {
    if (!facts_.empty()) pairs_.close(facts_.back().block);
  }

  [[nodiscard]] std::uint64_t memory_bytes() const {
    return sizeof *this + codes_.memory_bytes() + facts_.capacity() * sizeof(block_facts) +
           pairs_.memory_bytes();
  }
  [[nodiscard]] std::uint64_t events() const { return events_; }
  [[nodiscard]] const std::vector<block_facts>& facts() const { return facts_; }
  /// Tells whether there are too many values for codes; then there are pairs.
  [[nodiscard]] bool many() const { return many_; }
  [[nodiscard]] const field_codes& codes() const { return codes_; }
  [[nodiscard]] const field_pairs& pairs() const { return pairs_; }

 private:
  void note_facts(std::size_t block) {
    if (facts_.empty() || facts_.back().block != block) {
      close();
      facts_.push_back({.block = block});
    }
    block_facts& now = facts_.back();
    for_each_value(event_, [&now](json_kind kind, std::string_view text) {
      now.kinds |= kind_bit(kind);
      if (kind == json_kind::number) now.numbers.include(number_bounds::of(parse_number(text)));
    });
  }

  /// Turns the codes of the records before one into pairs.
  void become_many(std::size_t record, std::span<const std::size_t> starts) {
    many_ = true;
    const auto& codes = codes_.codes();
    const auto& values = codes_.values();
    std::vector<bool> present;
    for (std::size_t block = 0; block < starts.size(); ++block) {
      const std::size_t next = block + 1 < starts.size() ? starts[block + 1] : record;
      const std::size_t end = std::min(next, codes.size());
      present.assign(values.size() + 1, false);
      for (std::size_t i = starts[block]; i < end; ++i) present[codes[i]] = true;
      for (std::size_t code = 1; code < present.size(); ++code) {
        if (present[code]) pairs_.add(values[code - 1], block);
      }
      if (block + 1 < starts.size()) pairs_.close(block);
    }
    codes_.clear();
  }

  std::string path_;
  std::string event_{};  // the values of the event that is being read
  std::uint64_t events_ = 0;
  std::vector<block_facts> facts_{};  // of the blocks that have values, ascending
  bool many_ = false;
  field_codes codes_;  // of the records; empty when there are many
  field_pairs pairs_;
};

}  // namespace logdb::query::detail
