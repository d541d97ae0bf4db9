// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What the writing and the maintaining half of a time index share.

#include <algorithm>
#include <atomic>
#include <functional>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/error.hpp>
#include <logdb/index/timelsm/columns/limits.hpp>
#include <logdb/index/timelsm/options.hpp>
#include <logdb/index/timelsm/read/hidden_counts.hpp>
#include <logdb/index/timelsm/told.hpp>
#include <logdb/index/timelsm/unstored.hpp>
#include <logdb/index/timelsm/version.hpp>
#include <logdb/index/timelsm/work_signals.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/expects.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/platform/scoped_lock.hpp>

namespace logdb::timelsm {

/// Gathers rows that were physically removed, until they are reported.
template <class V>
struct drops {
  bool wanted = false;  // somebody is to be told of each
  std::uint64_t count = 0;
  std::vector<time_row<V>> rows{};
  std::vector<std::shared_ptr<const void>> pins{};  // keep the bytes of byte values

  void add(const columns<V>& gone) {
    count += gone.size;
    for (std::size_t i = 0; wanted && i < gone.size; ++i) {
      rows.push_back({gone.times[i], gone.values[i]});
    }
  }
  void pin(std::shared_ptr<const void> what) {
    if (owns_bytes<V> && wanted) pins.push_back(std::move(what));
  }
  /// Makes room for more, so that they can be added without fail.
  void reserve(const drops& more) {
    rows.reserve(rows.size() + more.rows.size());
    pins.reserve(pins.size() + more.pins.size());
  }
};

/// Counted where it happens, read by stats().
struct counters {
  platform::atomic<std::uint64_t> appended = 0;
  platform::atomic<std::uint64_t> dropped = 0;
  platform::atomic<std::uint64_t> seals = 0;
  platform::atomic<std::uint64_t> compactions = 0;
  platform::atomic<std::uint64_t> rows_sealed = 0;
  platform::atomic<std::uint64_t> rows_rewritten = 0;
  platform::atomic<std::uint64_t> stalls = 0;
  platform::atomic<std::uint64_t> faults = 0;
  platform::atomic<std::uint64_t> checkpoints = 0;
  platform::atomic<std::uint64_t> rows_stored = 0;
  platform::atomic<std::uint64_t> bytes_stored = 0;
  platform::atomic<std::uint64_t> rows_replayed = 0;
  platform::atomic<std::uint64_t> bytes_opened = 0;
};

/// The shared part of a time index.
///
/// Lock order: work (the maintainer's), append, current. A reader takes the last one only, for the
/// copy of a pointer.
template <class V, class System>
struct core {
  using mutex = platform::basic_mutex<System>;
  using guard = platform::scoped_lock<mutex>;
  using version_ptr = std::shared_ptr<const version<V>>;

  /// @param log_mutex  is taken for the append lock; null: one of its own
  explicit core(timelsm_options<V> chosen, storing told = {}, mutex* log_mutex = nullptr)
      : append_mutex{log_mutex != nullptr ? *log_mutex : own_mutex_},
        options{std::move(chosen)},
        limits{limits_of(options, told.bytes_max)},
        memory{told.bytes_max == 0 ? make_heap<System>(options.memory)
                                   : make_heap<System>(options.memory, told.bytes_max / 8)},
        cache{std::make_shared<block_cache<V>>(memory, told.cache_bytes())},
        unstored{std::move(told), memory, cache, limits.memtable.bytes} {
    auto first = std::make_shared<version<V>>();
    auto empty = std::make_shared<tree<V>>();
    empty->count();
    first->sealed = std::move(empty);
    first->deleted = std::make_shared<const tombstones>();
    first->counted = std::make_shared<hidden_counts<V>>(first->sealed, first->deleted);
    first->active = std::make_shared<const memtable<V>>();
    first->growing = std::make_shared<head<V>>();
    current_ = std::move(first);
    pending.wanted = static_cast<bool>(options.on_drop);
  }

  [[nodiscard]] version_ptr current() const {
    guard lock{current_mutex_};
    return current_;
  }

  /// Takes a snapshot. What is appended before is seen, what is appended after is not, and a batch
  /// is seen whole or not at all.
  [[nodiscard]] view<V> snapshot() const {
    view<V> now{current()};
    now.seen = now.at->growing->now();
    return now;
  }

  /// Has a version that is to be installed count for itself what is hidden there, if that is not
  /// what is hidden now; again: does nothing. Requires the append lock.
  void recount(version<V>& next) const {
    LOGDB_EXPECTS(append_mutex.is_held());
    const auto now = current();
    const bool differs = next.sealed != now->sealed || next.deleted != now->deleted;
    if (differs && (next.counted == nullptr || next.counted == now->counted)) {
      next.counted = std::make_shared<hidden_counts<V>>(next.sealed, next.deleted);
    }
  }
  /// Exchanges the version; cannot fail after recount(). Requires the append lock.
  void install(std::shared_ptr<version<V>> next) {
    recount(*next);
    version_ptr old = std::move(next);  // the old one goes when the lock is free again
    guard lock{current_mutex_};
    current_.swap(old);
  }

  /// Returns a copy of the version, to be edited and installed. Requires the append lock.
  [[nodiscard]] std::shared_ptr<version<V>> edited() const {
    LOGDB_EXPECTS(append_mutex.is_held());
    return std::make_shared<version<V>>(*current());
  }

  /// Hands over what a writer removed. Requires the append lock.
  void report(drops<V> gone) {
    LOGDB_EXPECTS(append_mutex.is_held());
    if (gone.count == 0) return;
    counted.dropped.fetch_add(gone.count, std::memory_order_relaxed);
    pending.rows.insert(pending.rows.end(), gone.rows.begin(), gone.rows.end());
    pending.pins.insert(pending.pins.end(), gone.pins.begin(), gone.pins.end());
    signals.rouse();
  }

  /// Tells the user what went wrong, and counts it.
  void complain(std::string_view what) {
    counted.faults.fetch_add(1, std::memory_order_relaxed);
    tell(options.log, what);
  }

  /// Tells the user of each row that was removed, whatever happens meanwhile.
  void tell_of(const drops<V>& gone) {
    bool heard = true;
    for (const auto& row : gone.rows) heard &= tell(options.on_drop, row.time, row.value);
    if (!heard) complain("on_drop threw; the rows that it was told of are not told of again");
  }

  /// Takes the append lock for who maintains. Who appends batch after batch holds it nearly always,
  /// and would hold it again before a thread that was woken for it runs.
  [[nodiscard]] guard lock_before_writers() {
    signals.awaited.fetch_add(1, std::memory_order_relaxed);
    guard lock{append_mutex};
    signals.awaited.fetch_sub(1, std::memory_order_relaxed);
    return lock;
  }

  mutex& append_mutex;
  timelsm_options<V> options;
  size_limits limits;
  heap_ptr memory;
  block_cache_ptr<V> cache;
  unstored_rows<V> unstored;
  drops<V> pending;  // of writers; guarded by append_mutex
  work_signals<System> signals;
  counters counted;

 private:
  mutex own_mutex_;  // of who writes to an index that no log stands behind
  mutable mutex current_mutex_;
  version_ptr current_;  // guarded by current_mutex_; changed under append_mutex only
};

}  // namespace logdb::timelsm
