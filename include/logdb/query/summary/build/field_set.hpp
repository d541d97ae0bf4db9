// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The paths of a segment that is summarised, and which of them an event has.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <logdb/format/hash.hpp>
#include <logdb/query/json.hpp>
#include <logdb/query/json_text.hpp>
#include <logdb/query/summary/build/field_builder.hpp>
#include <logdb/query/summary/bytes/layout.hpp>

namespace logdb::query::detail {

/// How many paths are kept, and how long they may be.
struct field_limits {
  std::size_t fields_max;      ///< different paths
  std::size_t name_bytes_max;  ///< of a name, to its next dot
  std::size_t values_max;      ///< different values of a path that get codes
};

/// A builder for each path, found anew for each leaf.
class field_set {
 public:
  field_set(logdb::detail::hash_seed store, field_limits limits) : seed_{store}, limits_{limits} {}

  /// Returns the builder of the path of the event's next leaf; null: the path is too long, or there
  /// are too many.
  field_builder* next(json_path names) {
    const std::optional<std::size_t> number = make_key(names) ? field_of_key() : std::nullopt;
    ++leaves_;
    if (!number) return nullptr;
    field_builder& field = fields_[*number];
    if (!field.touched()) touched_.push_back(*number);
    return &field;
  }
  /// The leaves of the event that is being read.
  [[nodiscard]] std::size_t leaves() const { return leaves_; }

  /// Ends an event: it is a record, or nothing of it counts.
  /// @param starts  as of field_builder::finish()
  void finish(std::size_t record, std::span<const std::size_t> starts) {
    for (const std::size_t number : touched_) fields_[number].finish(record, starts);
    begin();
  }
  void forget() {
    for (const std::size_t number : touched_) fields_[number].forget();
    begin();
  }
  /// Says that no event follows.
  void close() {
    for (field_builder& each : fields_) each.close();
  }

  [[nodiscard]] const std::deque<field_builder>& all() const { return fields_; }
  /// @cost  O(paths)
  [[nodiscard]] std::uint64_t memory_bytes() const {
    std::uint64_t bytes = 0;
    for (const field_builder& each : fields_) bytes += each.memory_bytes();
    return bytes;
  }

 private:
  void begin() {
    touched_.clear();
    leaves_ = 0;
  }

  /// Puts the path of a leaf together; false: it is too long. That is so of a path, however its
  /// names are written, nested or flat: one that is summarised is with all that is there.
  bool make_key(json_path names) {
    key_.clear();
    for (const json_text& name : names) {
      if (&name != names.data()) key_ += '.';
      name.append_to(key_);
      if (key_.size() > summary_path_bytes_max) return false;
    }
    std::size_t begin = 0;
    while (key_.size() - begin > limits_.name_bytes_max) {
      const std::size_t end = key_.find('.', begin);
      if (end == std::string::npos || end - begin > limits_.name_bytes_max) return false;
      begin = end + 1;
    }
    return key_.size() <= summary_path_bytes_max;
  }

  /// Returns the number of the field at `key_`; none: there are too many. Most events have the
  /// fields of the one before, in its order.
  std::optional<std::size_t> field_of_key() {
    if (leaves_ < expected_.size() && fields_[expected_[leaves_]].path() == key_) {
      return expected_[leaves_];
    }
    auto known = number_of_.find(key_);
    if (known == number_of_.end()) {
      if (fields_.size() >= limits_.fields_max) return std::nullopt;
      known = number_of_.emplace(key_, fields_.size()).first;
      fields_.emplace_back(key_, seed_, limits_.values_max);
    }
    if (leaves_ >= expected_.size()) expected_.resize(leaves_ + 1);
    return expected_[leaves_] = known->second;
  }

  logdb::detail::hash_seed seed_;
  field_limits limits_;
  std::deque<field_builder> fields_{};
  std::unordered_map<std::string, std::size_t> number_of_{};
  std::vector<std::size_t> expected_{};  // of the n-th leaf of an event, the field
  std::vector<std::size_t> touched_{};   // those that the event being read has values of
  std::size_t leaves_ = 0;               // of that event
  std::string key_{};
};

}  // namespace logdb::query::detail
