// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Writes to a time index that no log stands behind, and what a log has to say to each.

namespace logdb::timelsm {

/// Is a write that no log hears of.
///
/// What it says is said of each write: make_room() is called with the index's lock, when the index
/// has room, until it returns true, which says that the lock was held throughout; then put(change),
/// which calls the function that carries the write out.
struct unlogged {
  template <class Guard>
  [[nodiscard]] bool make_room(Guard&) const {
    return true;
  }
  template <class Change>
  void put(Change&& change) const {
    change();
  }
};

}  // namespace logdb::timelsm
