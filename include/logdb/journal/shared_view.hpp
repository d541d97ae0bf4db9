// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// How a process that shares a log with other writers learns what they appended: from the log.

#include <optional>
#include <type_traits>
#include <utility>

#include <logdb/journal/core.hpp>
#include <logdb/journal/open_walk.hpp>

namespace logdb::detail {

/// Walks what no manifest bounds yet, from where it was last time, and puts into the table what it
/// meets: bounds, index entries, cursors, attached transactions.
///
/// @threads  any
template <class Policies>
class shared_view {
 public:
  using core_type = journal_core<Policies>;
  using guard = typename core_type::guard;

  explicit shared_view(core_type& core) : core_{core} {}

  /// Learns of everything that was written when it was called, and returns the segments. For an
  /// index that has positions in them all are mapped: others may compact and unlink them, and what
  /// is mapped stays.
  /// @errors  errc::corrupt, errc::io
  /// @cost    O(bytes written since)
  segment_list_ptr<Policies> catch_up() {
    guard lock{mutex_};
    for (;;) {
      core_.segments.refresh();
      const auto list = core_.segments.list();
      const std::uint64_t generation = core_.segments.generation();
      try {
        walk(*list);
        return map_all();
      } catch (const error& missing) {
        // Another process dropped meanwhile what was to be looked at.
        core_.segments.refresh();
        walked_.reset();
        const bool stays = core_.segments.generation() == generation;
        if (missing.condition() != errc::corrupt || stays) throw;
      }
    }
  }

 private:
  void walk(const segment_list<Policies>& list) {
    find_place(list);
    auto walk = walked_ ? open_walk<Policies>{list, *std::exchange(walked_, std::nullopt)}
                        : open_walk<Policies>{list};
    const auto stop = walk.walk_on();
    walked_ = std::move(walk.end());
    at_ = list.log[walked_->segment];
    adopt_met(core_.segments, *walked_);
    walked_->cursors.clear();
    walked_->attached.clear();
    // What follows a seal is in the next list.
    if (stop == scan_stop::sealed) walked_.reset();
  }

  [[nodiscard]] segment_list_ptr<Policies> map_all() {
    auto list = core_.segments.list();
    if constexpr (reads_staging<typename Policies::index>) {
      if (list == mapped_) return list;
      for (const auto* part : {&list->log, &list->attached}) {
        for (const auto& each : *part) (void)each->bytes();
      }
      mapped_ = list;
    }
    return list;
  }

  /// Finds the segment that the last walk ended in; without it the next one begins anew.
  void find_place(const segment_list<Policies>& list) {
    if (!walked_) return;
    const auto found = std::ranges::find(list.log, at_);
    if (found == list.log.end()) return walked_.reset();
    walked_->segment = static_cast<std::size_t>(found - list.log.begin());
  }

  core_type& core_;
  typename core_type::mutex mutex_;  // of all below; held over reading, never over a wait
  std::optional<log_end<Policies>> walked_;
  segment_ptr<Policies> at_;           // the segment that it ended in
  segment_list_ptr<Policies> mapped_;  // every segment of it is mapped
};

/// Is nothing: who writes alone knows what was written.
template <class Policies>
class no_shared_view {
 public:
  explicit no_shared_view(journal_core<Policies>& core) : core_{core} {}
  segment_list_ptr<Policies> catch_up() { return core_.segments.list(); }

 private:
  journal_core<Policies>& core_;
};

template <class Policies>
using view_of = std::conditional_t<journal_core<Policies>::is_shared, shared_view<Policies>,
                                   no_shared_view<Policies>>;

}  // namespace logdb::detail
