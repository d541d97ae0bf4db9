// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The rows and deletions of a transaction as its reads find them: behind those of the log.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <memory_resource>
#include <span>
#include <utility>

#include <logdb/index/timelsm/write/late_rows.hpp>

namespace logdb::timelsm {

/// Rows in sorted chunks, and a map of deletions. A copy is O(1) and does not change with it.
///
/// Its deletions are younger than all of any log, so they are numbered above those.
template <class V>
class own_rows {
 public:
  /// Carries out deletions, then adds rows; if memory runs out, nothing of it.
  /// @param hidden  none of them empty
  /// @cost  amortised O(log rows) a row, and for each 64 deletions a page of the map for each 64
  ///        that there are
  void add(std::span<const bounds> hidden, const columns<V>& rows) {
    own_rows after = *this;
    after.hide(hidden);
    if (rows.size != 0) after.put(rows);
    *this = std::move(after);
  }

  /// Returns what a snapshot of the log shows when this is written over it.
  /// @cost  O(1), unless there are own deletions, and the log has got other ones since the last
  ///        time: then O(own deletions + deletions of the log / 64)
  [[nodiscard]] view<V> over(view<V> log) {
    if (rows_ == nullptr && deleted_ == nullptr) return log;
    auto both = std::make_shared<version<V>>(*log.at);
    both->own = rows_;
    if (deleted_ != nullptr) {
      both->deleted = deleted_over(log);
      both->counted = std::make_shared<hidden_counts<V>>(both->sealed, both->deleted);
      log.seen.deletions = 0;  // they are in the map
    }
    return {std::move(both), log.seen};
  }

 private:
  static constexpr std::uint64_t before_own = std::uint64_t{1} << 63;  // deletions; at least

  void hide(std::span<const bounds> hidden) {
    if (hidden.empty()) return;
    deleted_ = with(deleted_, hidden);
    if (both_ != nullptr) both_ = with(both_, hidden);
    last_ += hidden.size();
  }
  [[nodiscard]] tombstones_ptr with(const tombstones_ptr& older,
                                    std::span<const bounds> newer) const {
    const tombstones none;
    return std::make_shared<const tombstones>(
        (older == nullptr ? none : *older).with_each(newer, last_));
  }

  void put(const columns<V>& rows) {
    if (heap_ == nullptr) heap_ = std::make_shared<heap>(*std::pmr::new_delete_resource());
    auto table =
        rows_ == nullptr ? std::make_shared<memtable<V>>() : std::make_shared<memtable<V>>(*rows_);
    drops<V> gone;  // nobody is told: the log never had them
    constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();
    chunk_maker<V>{heap_, {deleted_, {}, {}}, last_, gone, unlimited}.add(table->chunks, rows);
    rows_ = std::move(table);
  }

  tombstones_ptr deleted_over(const view<V>& log) {
    if (log_ == log.at->deleted && log_last_ == log.deletions()) return both_;
    tombstones_ptr made = made_over(log);
    log_ = log.at->deleted;
    log_last_ = log.deletions();
    return both_ = std::move(made);
  }
  [[nodiscard]] tombstones_ptr made_over(const view<V>& log) const {
    const std::span<const fragment> recent{log.at->growing->recent.data(), log.seen.deletions};
    if (log.at->deleted->empty() && recent.empty()) return deleted_;
    fragments own;
    own.reserve(deleted_->size());
    deleted_->each([&own](const fragment& one) { own.push_back(one); });
    return std::make_shared<const tombstones>(log.at->deleted->with(disjoint(recent)).with(own));
  }

  heap_ptr heap_;           // null: no row yet
  memtable_ptr<V> rows_;    // null: none
  tombstones_ptr deleted_;  // null: nothing
  std::uint64_t last_ = before_own;

  // What the last read of deletions looked at, so that the next one need not do it again.
  tombstones_ptr log_;          // the map of the log; null: none was
  std::uint64_t log_last_ = 0;  // the last deletion that the log showed
  tombstones_ptr both_;         // deleted_ over that
};

}  // namespace logdb::timelsm
