// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The writing half of a time index: rows and deletions into the memtable.

#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <logdb/index/timelsm/write/late_rows.hpp>
#include <logdb/index/timelsm/write/parted_batch.hpp>
#include <logdb/index/timelsm/write/unlogged.hpp>

namespace logdb::timelsm {

/// Puts rows into the memtable: those in order behind one another, the late ones aside.
///
/// The fast path compares, stores two numbers, and publishes a count. Whatever else can be due
/// makes no room, so that the next append looks at all of it.
///
/// @threads  any
template <class V, class System>
class writer {
 public:
  using core_type = core<V, System>;
  using guard = typename core_type::guard;

  /// @param help  does a step of maintenance, where no thread does
  writer(core_type& shared, std::function<void()> help)
      : core_{shared},
        help_{std::move(help)},
        capacity_{std::min<std::size_t>(first_capacity, shared.limits.memtable.rows)} {
    growing_ = core_.current()->growing.get();
  }

  /// @param log  is told of the write: an unlogged, or what a durable log gives
  /// @errors  errc::busy, errc::closed, and the log's; nothing was appended
  template <class Log>
  void append(time_type time, const V& value, Log& log) {
    guard lock{core_.append_mutex};
    bool late = false;
    do {
      late =
          (time < last_ || rows_ == room_ || is_heavy()) && !prepare<Log::may_refuse>(lock, time);
    } while (!log.make_room(lock));
    log.put([&] {
      if (late) [[unlikely]] {
        push_late(time, value);
      } else {
        times_[rows_] = time;
        values_[rows_] = owner_->keep(value);
        last_ = time;
        ++rows_;
      }
      weigh(value);
      publish();
    });
  }

  /// Carries out deletions and then appends rows, as one write. Readers see its steps: where there
  /// are several, `log` is to show them something else meanwhile.
  /// @param hidden  none of them empty
  /// @param rows    has size(), time(i), value(i); seen whole or not at all
  template <class Rows, class Log>
  void apply(std::span<const bounds> hidden, const Rows& rows, Log& log) {
    core_.give_way();
    guard lock{core_.append_mutex};
    do {
      require_open();
      while (!hidden.empty() && pieces_ >= pieces_max) roll<Log::may_refuse>(lock, 1);
      if (rows.size() != 0) make_room<Log::may_refuse>(lock, rows);
    } while (!log.make_room(lock));
    // What fails before the log has it has changed nothing.
    if (rows.size() != 0) batch_.reserve(core_.memory, rows.size());
    if (hidden.empty()) part(rows);
    if (recent_ + hidden.size() > head<V>::deletions_max) fold();
    log.put([&] {
      for (const bounds& each : hidden) hide({each.first, each.last, deletions_ + 1});
      if (rows.size() == 0) return;
      if (!hidden.empty()) part(rows);
      place(rows);
    });
  }

  /// Freezes the memtable unless it is empty; lets go of a block that a large batch has left.
  void freeze() {
    guard lock{core_.append_mutex};
    require_open();
    const bool is_large = owner_ != nullptr && owner_->capacity() > core_.limits.memtable.rows;
    if (held() != 0 || is_large) install_next(1);
  }

  /// Freezes the memtable for a checkpoint: what is frozen then is sealed before anything younger.
  /// @param look  is called while nobody writes
  /// @return      what there is
  template <class F>
  view<V> mark(F look) {
    const guard lock{core_.append_mutex};
    look();
    if (held() != 0) install_next(1);
    view<V> now = core_.snapshot();
    core_.to_mark.store(now.at->frozen.size(), std::memory_order_relaxed);
    return now;
  }

  /// Replaces everything by what a checkpoint says, with so many deletions.
  void reset(std::shared_ptr<const tree<V>> sealed, const tombstones_ptr& deleted,
             std::uint64_t deletions) {
    guard lock{core_.append_mutex};
    auto next = std::make_shared<version<V>>();
    next->sealed = std::move(sealed);
    next->deleted = deleted;
    next->active = std::make_shared<const memtable<V>>();
    auto growing = std::make_shared<head<V>>();
    growing->deletions = growing->applied = deletions_ = deletions;
    appended_ += rows_ + late_;
    owner_ = nullptr;
    times_ = nullptr, values_ = nullptr, room_ = 0, last_ = time_first;
    pieces_ = settled_ = chunked_ = bytes_ = 0;
    install(std::move(next), std::move(growing), {});
  }

  /// Counts deletions as carried out that were lost, so that no later one gets the number of one.
  void pass_deletions(std::uint64_t upto) {
    guard lock{core_.append_mutex};
    if (deletions_ >= upto) return;
    if (recent_ != 0) fold();
    deletions_ = upto;
    install(core_.edited(), next_head(true, false), {rows_, late_, 0});
  }

  /// Refuses every later write.
  void close() {
    guard lock{core_.append_mutex};
    closed_ = true;
    room_ = rows_;
    core_.progress.signal();
  }

  [[nodiscard]] std::uint64_t appended() const {
    guard lock{core_.append_mutex};
    return appended_ + rows_ + late_;
  }
  [[nodiscard]] std::uint64_t deletions() const {
    guard lock{core_.append_mutex};
    return deletions_;
  }

 private:
  static constexpr std::size_t first_capacity = 4096;
  static constexpr std::size_t pieces_max = 32;

  void publish() { growing_->publish({rows_, late_, recent_}); }

  void require_open() const {
    if (closed_) throw error{errc::closed, "the time index was closed"};
  }

  /// Returns the rows of the memtable.
  [[nodiscard]] std::size_t held() const { return rows_ + late_ + settled_; }

  /// Tells whether the memtable holds so many bytes that no row more is to come.
  [[nodiscard]] bool is_heavy() const {
    return owns_bytes<V> && bytes_ >= core_.limits.memtable.bytes;
  }
  void weigh(const V& value) {
    if constexpr (owns_bytes<V>) bytes_ += bytes_of(value);
  }

  /// Tells whether the memtable takes no more, were there room for rows in order.
  [[nodiscard]] bool is_full() const { return chunked_ + late_ >= capacity_ || is_heavy(); }

  /// Makes room for a row; returns whether it comes in order.
  template <bool Refuses>
  bool prepare(guard& lock, time_type time) {
    require_open();
    while (room_ == rows_ || is_full()) roll<Refuses>(lock, 1);
    return time >= last_;
  }

  template <bool Refuses, class Rows>
  void make_room(guard& lock, const Rows& rows) {
    require_open();
    const std::size_t n = rows.size();
    while (room_ - rows_ < n || is_full()) {
      const std::size_t needed = batch_.needed(rows, time_first, capacity_);
      if (held() == 0 && last_ == time_first && room_ - rows_ >= needed && !is_full()) return;
      roll<Refuses>(lock, needed);
    }
  }

  void push_late(time_type time, const V& value) {
    if (late_ == head<V>::late_max) seal_late({}, rows_, last_);
    put_late(time, value);
  }

  void put_late(time_type time, const V& given) {
    const V value = growing_->keep_late(core_.memory, given);
    growing_->late_times[late_] = time;
    growing_->late_values[late_] = value;
    growing_->late_applied[late_] = deletions_;
    ++late_;
  }

  template <class Rows>
  void part(const Rows& rows) {
    batch_.part(rows, *owner_, times_, values_, rows_, last_);
  }

  template <class Rows>
  void place(const Rows& rows) {
    const columns<V> late = batch_.late();
    if (late_ + late.size > head<V>::late_max) {
      seal_late(late, batch_.rows(), batch_.last());
    } else {
      for (std::size_t i = 0; i < late.size; ++i) put_late(late.times[i], late.values[i]);
      rows_ = batch_.rows();
      last_ = batch_.last();
    }
    for (std::size_t i = 0; owns_bytes<V> && i < rows.size(); ++i) weigh(rows.value(i));
    publish();
    batch_.release();
  }

  // --- changes of the version --------------------------------------------------------------------

  /// Returns a head that goes on where this one is.
  [[nodiscard]] std::shared_ptr<head<V>> next_head(bool with_late, bool with_recent) const {
    auto next = growing_->next(with_late ? late_ : 0, with_recent ? recent_ : 0);
    if (!with_recent) next->deletions = deletions_;
    return next;
  }

  /// Installs a version with a new head, published as it is to be from then on.
  void install(std::shared_ptr<version<V>> next, std::shared_ptr<head<V>> growing,
               const counts& seen) {
    growing->publish(seen);
    growing_ = growing.get();
    next->growing = std::move(growing);
    core_.install(std::move(next));
    rows_ = seen.rows;
    late_ = seen.late;
    recent_ = seen.deletions;
  }

  /// Sorts the late rows, and more, into a chunk; publishes rows in order together with it.
  void seal_late(const columns<V>& more, std::size_t rows, time_type last) {
    drops<V> gone{.wanted = core_.pending.wanted};
    auto next = core_.edited();
    auto table = std::make_shared<memtable<V>>(*next->active);
    chunk_maker<V>{core_.memory, core_.snapshot(), gone, capacity_ / 2}.add(table->chunks, more);
    const std::size_t chunked = rows_of(table->chunks);
    next->active = std::move(table);
    const std::size_t arrived = late_ + more.size;
    install(std::move(next), next_head(false, true), {rows, 0, recent_});
    last_ = last;
    appended_ += arrived;
    settled_ += chunked - chunked_;
    chunked_ = chunked;
    core_.report(std::move(gone));
  }

  /// Puts the newest deletions into the map.
  void fold() {
    auto next = core_.edited();
    const std::span<const fragment> recent{growing_->recent.data(), recent_};
    next->deleted = std::make_shared<const tombstones>(next->deleted->with(disjoint(recent)));
    install(std::move(next), next_head(true, false), {rows_, late_, 0});
  }

  void hide(const fragment& hidden) {
    if (recent_ == head<V>::deletions_max) fold();
    if (rows_ != 0 && hidden.last >= times_[rows_ - 1]) return cut(hidden);
    growing_->recent[recent_++] = hidden;
    ++deletions_;
    // A piece without rows begins now: what comes is younger than the deletion.
    if (rows_ == 0) growing_->applied = deletions_;
    publish();
    core_.rouse();
  }

  /// Ends the open piece at a deletion that reaches its end: the rows that it hides are its last.
  void cut(const fragment& hidden) {
    drops<V> gone{.wanted = core_.pending.wanted};
    const auto kept =
        static_cast<std::size_t>(lower_bound(times_, times_ + rows_, hidden.first) - times_);
    auto next = core_.edited();
    auto table = std::make_shared<memtable<V>>(*next->active);
    const std::size_t begin = growing_->begin;
    if (kept != 0) {
      table->pieces.push_back(make_slice(owner_, begin, begin + kept, growing_->applied));
    }
    pieces_ = table->pieces.size();
    next->active = std::move(table);
    gone.add({times_ + kept, values_ + kept, rows_ - kept});
    gone.pin(owner_);
    auto growing = next_head(true, true);
    growing->begin = begin + rows_;
    growing->applied = hidden.deletion;
    growing->recent[recent_] = hidden;
    appended_ += rows_;
    settled_ += kept;
    times_ += rows_, values_ += rows_, room_ -= rows_;
    install(std::move(next), std::move(growing), {0, late_, recent_ + 1});
    deletions_ = hidden.deletion;
    core_.report(std::move(gone));
    core_.rouse();
  }

  /// Begins a new memtable with room for so many rows, or waits for maintenance first.
  template <bool Refuses>
  void roll(guard& lock, std::size_t n) {
    if (held() == 0 || may_freeze(lock, Refuses)) install_next(n);
    require_open();
  }

  /// Returns whether one more memtable may wait; if not, waits until that may have changed.
  /// @param refuses  the write may be refused: it is no record that the log has already
  bool may_freeze(guard& lock, bool refuses) {
    const auto ticket = core_.progress.ticket();
    if (core_.current()->frozen.size() < core_.options.frozen_max) return true;
    if (refuses && core_.options.pressure == pressure_mode::report) {
      throw error{errc::busy, "maintenance of the time index lags behind"};
    }
    if (core_.fails.load(std::memory_order_acquire))
      return true;  // it would be a wait for what may never come
    core_.counted.stalls.fetch_add(1, std::memory_order_relaxed);
    lock.unlock();
    if (core_.options.maintenance == maintenance_mode::background) {
      core_.progress.wait(ticket);
    } else {
      help_();
    }
    lock.lock();
    require_open();
    return false;
  }

  void install_next(std::size_t n) {
    drops<V> gone{.wanted = core_.pending.wanted};
    const bool heavy = is_heavy();
    if (heavy) capacity_ = std::clamp<std::size_t>(held(), 1, capacity_);
    // A block that late rows left nearly empty is gone on with, but not one that holds bytes.
    const bool goes_on = !owns_bytes<V> && room_ - rows_ >= std::max(n, capacity_ / 2);
    const std::size_t capacity = goes_on ? room_ - rows_ : std::max(n, capacity_);
    const std::size_t begin = goes_on ? growing_->begin + rows_ : 0;
    auto owner = goes_on ? owner_ : std::make_shared<block<V>>(core_.memory, capacity);
    auto next = core_.edited();
    if (held() != 0) {
      auto closed = closed_table(core_.memory, core_.snapshot(), gone);
      if (closed->rows() != 0) next->frozen.push_back(std::move(closed));
    }
    next->active = std::make_shared<const memtable<V>>();
    auto growing = next_head(false, true);
    growing->owner = owner;
    growing->begin = begin;
    growing->applied = deletions_;
    appended_ += rows_ + late_;
    if (held() != 0 && !heavy) capacity_ = std::min(2 * capacity_, core_.limits.memtable.rows);
    owner_ = std::move(owner);
    times_ = owner_->times() + begin;
    values_ = owner_->values() + begin;
    room_ = closed_ ? 0 : capacity;  // the last checkpoint of a closed log comes here, too
    last_ = time_first;
    pieces_ = settled_ = chunked_ = bytes_ = 0;
    install(std::move(next), std::move(growing), {0, 0, recent_});
    core_.report(std::move(gone));
    core_.rouse();
  }

  core_type& core_;
  std::function<void()> help_;

  // Guarded by the append lock:
  head<V>* growing_ = nullptr;  // of the current version
  block_ptr<V> owner_;          // of the open piece, which begins at times_ and values_
  time_type* times_ = nullptr;
  V* values_ = nullptr;
  std::size_t rows_ = 0;         // of the open piece
  std::size_t room_ = 0;         // for the open piece; rows_ when the next append is to look closer
  time_type last_ = time_first;  // of the in-order run; in a memtable it only grows
  std::size_t late_ = 0;         // late rows in the head
  std::size_t recent_ = 0;       // deletions in the head
  std::size_t chunked_ = 0;      // rows in chunks
  std::size_t settled_ = 0;      // rows in chunks and ended pieces
  std::size_t pieces_ = 0;       // ended ones
  std::size_t bytes_ = 0;        // of the memtable's rows, of byte values; erased ones included
  std::size_t capacity_;         // of the next block
  std::uint64_t appended_ = 0;   // but for the head's rows
  std::uint64_t deletions_ = 0;
  bool closed_ = false;
  parted_batch<V> batch_;  // that is being appended
};

}  // namespace logdb::timelsm
