// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// How a process that shares a log with other writers learns what they appended: from the log.

#include <optional>
#include <type_traits>
#include <utility>

#include <logdb/journal/open/open_walk.hpp>
#include <logdb/journal/state.hpp>
#include <logdb/light.hpp>

namespace logdb::detail {

/// Walks what no manifest bounds yet, from where it was last time, and puts into the table what it
/// meets: bounds, index entries, cursors, attached transactions.
///
/// @threads  any
template <class Policies>
class shared_view {
 public:
  using core_type = journal_state<Policies>;
  using guard = typename core_type::guard;

  explicit shared_view(core_type& core) : core_{core} {}

  /// Learns of everything that was written when it was called, and returns the list of it, each
  /// segment of which stays readable, whatever other processes drop.
  /// @errors  errc::corrupt, errc::io
  /// @cost    O(bytes written since), and a mapping for each segment that is new here
  segment_list_ptr<Policies> catch_up() {
    guard lock{mutex_};
    for (;;) {
      core_.segments.refresh();
      // Before the list: what is missing in that one then has a later manifest.
      const std::uint64_t generation = core_.segments.generation();
      const auto list = core_.segments.list();
      try {
        walk(*list);
      } catch (const error& missing) {
        walked_.reset();
        if (missing.condition() != errc::corrupt || !has_changed(generation)) throw;
        continue;
      }
      auto met = core_.segments.list();
      if (held_.hold(met) || !has_changed(generation)) return met;
    }
  }

 private:
  /// Tells whether another process has published meanwhile: it may have dropped what is missing.
  [[nodiscard]] bool has_changed(std::uint64_t generation) {
    core_.segments.refresh();
    return core_.segments.generation() != generation;
  }

  void walk(const segment_list<Policies>& list) {
    find_place(list);
    auto walk = walked_
                    ? open_walk<stored_of<Policies>>{list, *std::exchange(walked_, std::nullopt)}
                    : open_walk<stored_of<Policies>>{list};
    // The first to find a segment bounded settles it, and then nobody walks it again.
    const auto stop = walk.walk_on([&] { adopt_met(core_.segments, list, walk.end()); });
    walked_ = std::move(walk.end());
    at_ = list.log[walked_->segment];
    adopt_met(core_.segments, list, *walked_);
    // What follows a seal is in the next list.
    if (stop == scan_stop::sealed) walked_.reset();
  }

  /// Finds the segment that the last walk ended in; without it the next one begins anew.
  void find_place(const segment_list<Policies>& list) {
    if (!walked_) return;
    const auto found = light::find(list.log, at_);
    if (found == list.log.end()) return walked_.reset();
    walked_->segment = static_cast<std::size_t>(found - list.log.begin());
  }

  core_type& core_;
  typename core_type::mutex mutex_;  // of all below; held over reading, never over a wait
  std::optional<log_end<stored_of<Policies>>> walked_;
  segment_ptr<Policies> at_;  // the segment that it ended in
  held_list<Policies> held_;
};

/// The list itself: a lone writer knows what was written, and keeps what is read.
template <class Policies>
class no_shared_view {
 public:
  explicit no_shared_view(journal_state<Policies>& core) : core_{core} {}
  segment_list_ptr<Policies> catch_up() { return core_.segments.list(); }

 private:
  journal_state<Policies>& core_;
};

template <class Policies>
using view_of = std::conditional_t<journal_state<Policies>::is_shared, shared_view<Policies>,
                                   no_shared_view<Policies>>;

}  // namespace logdb::detail
