// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Writes to a time index that no log stands behind, and what a log has to say to each.

namespace logdb::timelsm {

/// A write that no log hears of.
///
/// What it says is said of each write: make_room() is called with the index's lock, when the index
/// has room, until it returns true, which says that the lock was held throughout; then put(change),
/// which calls the function that carries the write out.
struct unlogged {
  /// Whether the index may refuse the write when maintenance lags behind.
  static constexpr bool may_refuse = true;

  template <class Guard>
  [[nodiscard]] bool make_room(Guard&) const {
    return true;
  }
  template <class Change>
  void put(Change&& change) const {
    change();
  }
};

/// A write that the log has already: it is carried out however long that takes.
struct replayed : unlogged {
  static constexpr bool may_refuse = false;
};

}  // namespace logdb::timelsm
