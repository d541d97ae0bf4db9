// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The writing half of a time index: rows and deletions into the memtable.

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <utility>

#include <logdb/index/timelsm/write/open_table.hpp>
#include <logdb/index/timelsm/write/unlogged.hpp>

namespace logdb::timelsm {

/// Puts rows and deletions into the memtable, one write at a time.
///
/// The fast path compares, stores two numbers, and publishes a count. Whatever else can be due
/// makes no room, so that the next append looks at all of it.
///
/// What a write is told with, its `log`: an unlogged, or what a durable log gives.
///
/// @errors   of every write: errc::busy, errc::closed, and the log's; nothing was written
/// @threads  any
template <class V, class System>
class writer {
 public:
  using core_type = core<V, System>;
  using guard = typename core_type::guard;

  /// @param help  does a step of maintenance, where no thread does
  writer(core_type& shared, std::function<void()> help) : core_{shared}, help_{std::move(help)} {}

  template <class Log>
  void append(time_type time, const V& value, Log& log) {
    guard lock{core_.append_mutex};
    bool late = false;
    do {
      late = !table_.takes(time) && !prepare<Log::may_refuse>(lock, time);
    } while (!log.make_room(lock));
    log.put([&] {
      if (late) [[unlikely]] {
        table_.put_aside(time, value);
      } else {
        table_.put(time, value);
      }
    });
  }

  /// Appends rows that are seen whole or not at all.
  /// @param rows  has size(), time(i), value(i)
  template <class Rows, class Log>
  void append_batch(const Rows& rows, Log& log) {
    core_.signals.give_way();
    guard lock{core_.append_mutex};
    do {
      make_room<Log::may_refuse>(lock, rows);
    } while (!log.make_room(lock));
    table_.part(rows);
    log.put([&] { table_.put_batch(rows); });
  }

  /// Carries out a deletion, not an empty one.
  template <class Log>
  void erase(const bounds& in, Log& log) {
    core_.signals.give_way();
    guard lock{core_.append_mutex};
    do {
      make_room_to_hide<Log::may_refuse>(lock);
    } while (!log.make_room(lock));
    table_.make_room_to_hide();
    log.put([&] { table_.hide(in); });
  }

  /// Carries out deletions and then appends rows, as one write that is seen whole or not at all.
  /// @param hidden  none of them empty
  template <class Rows, class Log>
  void apply(std::span<const bounds> hidden, const Rows& rows, Log& log) {
    core_.signals.give_way();
    guard lock{core_.append_mutex};
    do {
      make_room_to_hide<Log::may_refuse>(lock);
      if (rows.size() != 0) make_room<Log::may_refuse>(lock, rows);
    } while (!log.make_room(lock));
    auto made = table_.with(hidden, rows);
    log.put([&] {
      table_.install(std::move(made));
      core_.signals.rouse();
    });
  }

  /// Freezes the memtable unless it is empty; lets go of a block that a large batch has left.
  void freeze() {
    guard lock{core_.append_mutex};
    require_open();
    const auto& owner = table_.now().piece.owner;
    const bool is_large = owner != nullptr && owner->capacity() > core_.limits.memtable.rows;
    if (table_.now().held() != 0 || is_large) table_.renew(1);
  }

  /// Freezes the memtable for a checkpoint: what is frozen then is sealed before anything younger.
  /// @param look  is called while nobody writes
  /// @return      what there is
  template <class F>
  view<V> mark(F look) {
    const guard lock{core_.append_mutex};
    look();
    if (table_.now().held() != 0) table_.renew(1);
    view<V> now = core_.snapshot();
    core_.signals.to_mark.store(now.at->frozen.size(), std::memory_order_relaxed);
    return now;
  }

  /// Replaces everything by what a checkpoint says, with so many deletions.
  void reset(std::shared_ptr<const tree<V>> sealed, const tombstones_ptr& deleted,
             std::uint64_t deletions) {
    const guard lock{core_.append_mutex};
    table_.reset(std::move(sealed), deleted, deletions);
  }
  /// Counts deletions as carried out that were lost, so that no later one gets the number of one.
  void pass_deletions(std::uint64_t upto) {
    const guard lock{core_.append_mutex};
    table_.pass_deletions(upto);
  }

  /// Refuses every later write.
  void close() {
    const guard lock{core_.append_mutex};
    table_.close();
    core_.signals.progress.signal();
  }

  [[nodiscard]] std::uint64_t appended() const {
    const guard lock{core_.append_mutex};
    const table_state<V>& now = table_.now();
    return now.appended + now.piece.rows + now.late;
  }
  [[nodiscard]] std::uint64_t deletions() const {
    const guard lock{core_.append_mutex};
    return table_.now().deletions;
  }

 private:
  void require_open() const {
    if (table_.is_closed()) throw error{errc::closed, "the time index was closed"};
  }

  /// Makes room for a row; returns whether it comes in order.
  template <bool Refuses>
  [[gnu::noinline]] bool prepare(guard& lock, time_type time) {
    require_open();
    while (!table_.has_room(1)) roll<Refuses>(lock, 1);
    return time >= table_.now().piece.last;
  }
  template <bool Refuses, class Rows>
  void make_room(guard& lock, const Rows& rows) {
    require_open();
    while (!table_.has_room(rows.size())) {
      const std::size_t needed = table_.needed(rows);
      if (table_.now().is_new() && table_.has_room(needed)) return;
      roll<Refuses>(lock, needed);
    }
  }
  template <bool Refuses>
  void make_room_to_hide(guard& lock) {
    require_open();
    while (table_.is_in_pieces()) roll<Refuses>(lock, 1);
  }

  /// Begins a new memtable with room for so many rows, or waits for maintenance first.
  template <bool Refuses>
  void roll(guard& lock, std::size_t n) {
    if (table_.now().held() == 0 || may_freeze(lock, Refuses)) table_.renew(n);
    require_open();
  }

  /// Returns whether one more memtable may wait; if not, waits until that may have changed.
  /// @param refuses  the write may be refused: it is no record that the log has already
  bool may_freeze(guard& lock, bool refuses) {
    const auto ticket = core_.signals.progress.ticket();
    if (core_.current()->frozen.size() < core_.options.frozen_max) return true;
    if (refuses && core_.options.pressure == pressure_mode::report) {
      throw error{errc::busy, "maintenance of the time index lags behind"};
    }
    if (core_.signals.fails.load(std::memory_order_acquire))
      return true;  // it would be a wait for what may never come
    core_.counted.stalls.fetch_add(1, std::memory_order_relaxed);
    lock.unlock();
    if (core_.options.maintenance == maintenance_mode::background) {
      core_.signals.progress.wait(ticket);
    } else {
      help_();
    }
    lock.lock();
    require_open();
    return false;
  }

  core_type& core_;
  std::function<void()> help_;
  open_table<V, System> table_{core_};  // guarded by the append lock
};

}  // namespace logdb::timelsm
