// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Where the named cursors of a log stand, and which of that a manifest may say.

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/format/manifest.hpp>

namespace logdb::detail {

/// Keeps of each cursor the last place logged in each segment.
///
/// Not only the last of all: while that may still be lost, a manifest must say the one before.
/// @threads  one at a time
class cursor_table {
 public:
  using entry = format::manifest_cursor;

  cursor_table() = default;
  explicit cursor_table(std::vector<entry> known) : entries_{std::move(known)} { sort(); }

  /// Remembers a cursor; what was logged later in the stream wins.
  void set(const entry& cursor) {
    const auto place = std::ranges::lower_bound(entries_, cursor, is_before);
    if (place != entries_.end() && is_same(*place, cursor)) {
      if (place->logged < cursor.logged) *place = cursor;
    } else {
      entries_.insert(place, cursor);
    }
  }

  /// Returns where a cursor stands; 0 when it was never set.
  [[nodiscard]] lsn find(std::string_view name) const {
    const auto behind = std::ranges::upper_bound(entries_, name, {}, name_of);
    if (behind == entries_.begin() || std::prev(behind)->name != name) return {};
    return std::prev(behind)->at;
  }

  /// Returns of each cursor the last place that lies in a segment for good, and forgets those
  /// before it. What lies in others is found again by a walk, if it lasts.
  ///
  /// @param is_lasting  tells whether a segment's bounds are on stable storage
  template <class IsLasting>
  [[nodiscard]] std::vector<entry> settle(IsLasting is_lasting) {
    std::vector<entry> lasting;
    const auto take = [&](const entry& cursor) {
      if (!is_lasting(cursor.logged.segment)) return false;
      if (!lasting.empty() && lasting.back().name == cursor.name) lasting.pop_back();
      lasting.push_back(cursor);
      return true;
    };
    std::vector<entry> left;
    std::ranges::remove_copy_if(entries_, std::back_inserter(left), take);
    left.insert(left.end(), lasting.begin(), lasting.end());
    entries_ = std::move(left);
    sort();
    return lasting;
  }

 private:
  static std::string_view name_of(const entry& cursor) { return cursor.name; }
  static bool is_before(const entry& a, const entry& b) {
    return std::pair{name_of(a), a.logged.segment} < std::pair{name_of(b), b.logged.segment};
  }
  static bool is_same(const entry& a, const entry& b) {
    return a.name == b.name && a.logged.segment == b.logged.segment;
  }
  void sort() { std::ranges::sort(entries_, is_before); }

  std::vector<entry> entries_;  // by name, then by segment
};

}  // namespace logdb::detail
