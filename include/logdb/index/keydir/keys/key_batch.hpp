// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Gathers what a batch or a transaction does to keys, and lets it be looked up before it is
/// committed.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/error.hpp>
#include <logdb/format/frames/key_value.hpp>
#include <logdb/journal/write/batch_builder.hpp>

namespace logdb::detail {

/// Throws unless a key may be one. @errors errc::invalid_argument
inline void require_key(bytes_view key) {
  if (key.size() <= format::key_bytes_max) return;
  throw error{errc::invalid_argument,
              "a key of " + std::to_string(key.size()) + " bytes; at most 65535"};
}

/// Throws unless a key may have a value: both with 16 bytes are at most a record.
/// @errors  errc::record_too_large
inline void require_value(bytes_view key, bytes_view value, std::uint64_t bytes_max) {
  const std::uint64_t bytes = format::key_record_fixed_bytes + key.size() + value.size();
  if (bytes <= bytes_max) return;
  throw error{errc::record_too_large, "a key of " + std::to_string(key.size()) +
                                          " bytes and a value of " + std::to_string(value.size()) +
                                          " take " + std::to_string(bytes) +
                                          "; record_bytes_max is " + std::to_string(bytes_max)};
}

/// Writes that reach the log together, in order.
/// @threads  one at a time
class key_batch {
 public:
  static constexpr std::size_t nowhere = ~std::size_t{0};

  /// One write; its record stands in the builder.
  struct write {
    std::size_t offset = 0;        // of its record among all
    std::size_t before = nowhere;  // the write of the same key before it
  };

  /// Adds a write; if memory runs out, nothing of it.
  void add(format::key_verb verb, bytes_view key, bytes_view value,
           std::optional<timestamp> expires) {
    format::key_record_head head{.value_bytes = static_cast<std::uint32_t>(value.size()),
                                 .key_bytes = static_cast<std::uint16_t>(key.size()),
                                 .verb = verb,
                                 .expires = expires,
                                 .batched = true};
    std::vector<std::byte> record(head.record_bytes());
    format::encode_key_head(record.data(), head);
    const auto at = record.begin() + static_cast<std::ptrdiff_t>(head.head_bytes());
    std::copy(value.begin(), value.end(), std::copy(key.begin(), key.end(), at));
    add(std::string{as_text(key)}, record);
  }

  /// Takes back the writes from the given number on.
  void truncate(std::size_t count) noexcept {
    for (std::size_t n = writes_.size(); n-- > count;) {
      const auto known = newest_.find(as_text(record(n).key));
      if (writes_[n].before == nowhere) {
        newest_.erase(known);
      } else {
        known->second = writes_[n].before;
      }
    }
    writes_.resize(count);
    builder_.truncate(count);
  }

  [[nodiscard]] bool empty() const { return writes_.empty(); }
  [[nodiscard]] std::size_t size() const { return writes_.size(); }
  [[nodiscard]] const std::vector<write>& writes() const { return writes_; }
  [[nodiscard]] batch_builder& builder() { return builder_; }
  [[nodiscard]] const batch_builder& builder() const { return builder_; }
  /// Returns the number of the last write of each key; by key.
  [[nodiscard]] const std::map<std::string, std::size_t, std::less<>>& newest() const {
    return newest_;
  }

  /// Returns the last write of a key; nowhere: there is none.
  [[nodiscard]] std::size_t find(bytes_view key) const {
    const auto known = newest_.find(as_text(key));
    return known == newest_.end() ? nowhere : known->second;
  }

  [[nodiscard]] format::key_record record(std::size_t number) const {
    return *format::decode_key_record(builder_.bytes().subspan(writes_[number].offset));
  }

 private:
  void add(std::string key, bytes_view record) {
    const std::size_t number = writes_.size();
    const auto [known, is_new] = newest_.try_emplace(std::move(key), nowhere);
    try {
      writes_.push_back({builder_.bytes().size(), known->second});
      builder_.add(record);
    } catch (...) {
      writes_.resize(number);
      if (is_new) newest_.erase(known);
      throw;
    }
    known->second = number;
  }

  batch_builder builder_;
  std::vector<write> writes_;
  std::map<std::string, std::size_t, std::less<>> newest_;
};

}  // namespace logdb::detail
