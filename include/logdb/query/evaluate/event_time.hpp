// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The time of an event: that of its field, or else when it was appended.

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include <logdb/query/evaluate/leaf.hpp>
#include <logdb/query/evaluate/path_match.hpp>
#include <logdb/query/language/terms.hpp>
#include <logdb/types.hpp>

namespace logdb::query {

namespace detail {

/// The paths where an event's time may stand, the first one first.
class time_fields {
 public:
  /// @param field  a path; empty: `ts`, `time`, `timestamp`, `@timestamp`
  explicit time_fields(std::string_view field) {
    if (!field.empty()) {
      paths_.emplace_back(parse_path(field));
      return;
    }
    for (const char* name : {"ts", "time", "timestamp", "@timestamp"}) {
      paths_.emplace_back(parse_path(name));
    }
  }

  [[nodiscard]] const std::vector<path_match>& paths() const { return paths_; }

 private:
  std::vector<path_match> paths_{};
};

/// The time of one event, as its leaves tell it: of the first field that has one that is readable.
class time_finder {
 public:
  explicit time_finder(const time_fields& of) : fields_{of}, best_{of.paths().size()} {}

  void see(json_path names, leaf_value& value) {
    if (!value.is_string() && !value.is_number()) return;
    for (std::size_t i = 0; i < best_; ++i) {
      if (!fields_.paths()[i].is_at(names)) continue;
      if (const auto time = value.time()) {
        found_ = time;
        best_ = i;
      }
      return;
    }
  }

  [[nodiscard]] timestamp or_else(timestamp appended) const { return found_.value_or(appended); }

 private:
  const time_fields& fields_;
  std::size_t best_;
  std::optional<timestamp> found_{};
};

}  // namespace detail
}  // namespace logdb::query
