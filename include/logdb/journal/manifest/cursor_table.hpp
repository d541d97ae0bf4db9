// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Where the named cursors of a log stand, and which of that a manifest may say.

#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/format/files/manifest.hpp>

namespace logdb::detail {

/// Keeps of each cursor the last place logged in each segment.
///
/// Not only the last of all: while that may still be lost, a manifest must say the one before.
/// @threads  one at a time
/// @cost     set() and find(): O(log cursors)
class cursor_table {
 public:
  using entry = format::manifest_cursor;

  cursor_table() = default;
  explicit cursor_table(const std::vector<entry>& known) {
    for (const auto& each : known) set(each);
  }

  /// Remembers a cursor; what was logged later in the stream wins.
  void set(const entry& cursor) {
    const auto [place, is_new] =
        places_.try_emplace({cursor.name, cursor.logged.segment}, point{cursor.at, cursor.logged});
    if (!is_new && place->second.logged < cursor.logged) place->second = {cursor.at, cursor.logged};
  }

  /// Returns where a cursor stands; 0 when it was never set.
  [[nodiscard]] lsn find(std::string_view name) const {
    const auto behind = places_.upper_bound(name);
    if (behind == places_.begin() || std::prev(behind)->first.first != name) return {};
    return std::prev(behind)->second.at;
  }

  /// Returns of each cursor the last place that lies in a segment for good, and forgets those
  /// before it. What lies in others is found again by a walk, if it lasts.
  ///
  /// @param is_lasting  tells whether a segment's bounds are on stable storage
  template <class IsLasting>
  [[nodiscard]] std::vector<entry> settle(IsLasting is_lasting) {
    std::vector<entry> lasting;
    auto last = places_.end();  // of the one that lasting ends with
    for (auto each = places_.begin(); each != places_.end(); ++each) {
      const auto& [name, segment] = each->first;
      if (!is_lasting(segment)) continue;
      if (!lasting.empty() && lasting.back().name == name) {
        lasting.pop_back();
        places_.erase(last);
      }
      lasting.push_back({name, each->second.at, each->second.logged});
      last = each;
    }
    return lasting;
  }

 private:
  using key = std::pair<std::string, segment_number>;

  struct point {
    lsn at;
    position logged;
  };

  /// Orders by name, then by segment; a name alone stands behind all of its own when it is looked
  /// for from above.
  struct is_before {
    using is_transparent = void;
    bool operator()(const key& a, const key& b) const { return a < b; }
    bool operator()(std::string_view name, const key& b) const { return name < b.first; }
    bool operator()(const key& a, std::string_view name) const { return a.first < name; }
  };

  std::map<key, point, is_before> places_;
};

}  // namespace logdb::detail
