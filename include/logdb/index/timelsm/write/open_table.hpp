// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The memtable that rows and deletions go to, and how readers come to see them.

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

#include <logdb/index/timelsm/write/late_rows.hpp>
#include <logdb/index/timelsm/write/parted_batch.hpp>
#include <logdb/index/timelsm/write/table_state.hpp>
#include <logdb/light.hpp>

namespace logdb::timelsm {

/// The memtable of the current version and its head: rows in order go behind one another, late ones
/// aside. A row and a deletion are published in the head; what changes more is a draft first, which
/// readers see whole when it is installed.
///
/// What fails has changed nothing. Requires the append lock, for every member.
template <class V, class System>
class open_table {
 public:
  using core_type = core<V, System>;
  using draft = table_draft<V>;

  explicit open_table(core_type& shared)
      : core_{shared},
        capacity_{std::min<std::size_t>(first_capacity, shared.limits.memtable.rows)} {
    now_.growing = core_.current()->growing.get();
  }

  [[nodiscard]] const table_state<V>& now() const { return now_; }
  [[nodiscard]] bool is_closed() const { return closed_; }
  /// Takes no more rows.
  void close() {
    closed_ = true;
    now_.piece.room = now_.piece.rows;
  }

  /// Tells whether a row of a time goes behind the others, at once.
  [[nodiscard]] bool takes(time_type time) const {
    return time >= now_.piece.last && now_.piece.rows != now_.piece.room && !is_heavy();
  }
  /// Tells whether there is room for so many rows, in order or not.
  [[nodiscard]] bool has_room(std::size_t rows) const {
    return now_.piece.left() >= rows && !is_full();
  }
  /// Returns for how many rows of a batch a new memtable needs room.
  template <class Rows>
  [[nodiscard]] std::size_t needed(const Rows& rows) const {
    return parted_batch<V>::needed(rows, time_first, capacity_);
  }
  /// Tells whether it has ended as many pieces as it should.
  [[nodiscard]] bool is_in_pieces() const { return now_.pieces >= pieces_max; }

  /// Puts a row behind the others.
  void put(time_type time, const V& value) {
    now_.piece.put(time, value);
    now_.weigh(value);
    publish();
  }
  /// Puts a row aside that is late.
  void put_aside(time_type time, const V& value) {
    if (now_.late == head<V>::late_max) install(with_chunk({}));
    put_late(now_, *now_.growing, time, value);
    now_.weigh(value);
    publish();
  }

  /// Parts a batch into what is in order and what is late, for put_batch().
  template <class Rows>
  void part(const Rows& rows) {
    batch_.part(core_.memory, rows, now_.piece);
  }
  /// Puts the batch that was parted.
  template <class Rows>
  void put_batch(const Rows& rows) {
    if (now_.late + batch_.late().size > head<V>::late_max) {
      draft made = with_chunk(batch_.late());
      batch_.end(made.to.piece);
      install(std::move(made));
    } else {
      put_parted(now_, *now_.growing);
    }
    now_.weigh_all(rows);
    publish();
    batch_.release();
  }

  /// Makes room for one deletion more.
  void make_room_to_hide() {
    if (now_.recent == head<V>::deletions_max) install(begin(true, false));
  }
  /// Carries out a deletion for which there is room.
  void hide(const bounds& in) {
    if (now_.is_reached_by(in)) {
      install(cut(in));
    } else {
      now_.growing->recent[now_.recent++] = {in.first, in.last, ++now_.deletions};
      // A piece without rows begins now: what comes is younger than the deletion.
      if (now_.piece.rows == 0) now_.growing->applied = now_.deletions;
      publish();
    }
    core_.signals.rouse();
  }

  /// Drafts what deletions, and then rows for which there is room, make of it: install() cannot
  /// fail then.
  /// @param hidden  none of them empty
  template <class Rows>
  [[nodiscard]] draft with(std::span<const bounds> hidden, const Rows& rows) {
    draft made = begin(true, false);
    made.next->deleted = std::make_shared<const tombstones>(
        made.next->deleted->with_each(hidden, made.to.deletions));
    made.to.deletions = made.growing->deletions += hidden.size();
    const auto reaches = [this](const bounds& each) { return now_.is_reached_by(each); };
    if (light::any_of(hidden, reaches)) made.end_piece(made.to.piece.rows);
    if (made.to.piece.rows == 0) made.growing->applied = made.to.deletions;
    if (rows.size() != 0) put_behind(made, rows);
    core_.recount(*made.next);
    core_.pending.reserve(made.gone);
    return made;
  }
  /// Shows readers a draft.
  void install(draft made) {
    made.growing->publish(made.to.seen());
    made.to.growing = made.growing.get();
    made.next->growing = std::move(made.growing);
    core_.install(std::move(made.next));
    now_ = std::move(made.to);
    core_.report(std::move(made.gone));
  }

  /// Freezes it if it has rows, and begins one with room for so many.
  void renew(std::size_t n) {
    draft made = begin(false, true);
    const bool heavy = is_heavy();
    if (heavy) capacity_ = std::clamp<std::size_t>(now_.held(), 1, capacity_);
    // A block that late rows left nearly empty is gone on with, but not one that holds bytes.
    const bool goes_on = !owns_bytes<V> && now_.piece.left() >= std::max(n, capacity_ / 2);
    made.growing->begin = goes_on ? made.growing->begin + now_.piece.rows : 0;
    if (!goes_on) {
      made.growing->owner = std::make_shared<block<V>>(core_.memory, std::max(n, capacity_));
    }
    if (now_.held() != 0) {
      auto closed = closed_table(core_.memory, core_.snapshot(), made.gone);
      if (closed->rows() != 0) made.next->frozen.push_back(std::move(closed));
      if (!heavy) capacity_ = std::min(2 * capacity_, core_.limits.memtable.rows);
    }
    made.next->active = std::make_shared<const memtable<V>>();
    made.growing->applied = now_.deletions;
    made.to.begin_in(made.growing->owner, made.growing->begin);
    if (closed_) made.to.piece.room = 0;  // the last checkpoint of a closed log comes here, too
    install(std::move(made));
    core_.signals.rouse();
  }

  /// Replaces everything by what a checkpoint says, with so many deletions.
  void reset(std::shared_ptr<const tree<V>> sealed, const tombstones_ptr& deleted,
             std::uint64_t deletions) {
    draft made{std::make_shared<version<V>>(), std::make_shared<head<V>>(), {}};
    made.next->sealed = std::move(sealed);
    made.next->deleted = deleted;
    made.next->active = std::make_shared<const memtable<V>>();
    made.growing->deletions = made.growing->applied = made.to.deletions = deletions;
    made.to.appended = now_.appended + now_.piece.rows + now_.late;
    install(std::move(made));
  }
  /// Counts deletions as carried out that were lost, so that no later one gets the number of one.
  void pass_deletions(std::uint64_t upto) {
    if (now_.deletions >= upto) return;
    draft made = begin(true, false);
    made.to.deletions = made.growing->deletions = upto;
    install(std::move(made));
  }

 private:
  static constexpr std::size_t first_capacity = 4096;
  static constexpr std::size_t pieces_max = 32;

  void publish() { now_.growing->publish(now_.seen()); }

  /// Tells whether it holds so many bytes that no row more is to come.
  [[nodiscard]] bool is_heavy() const {
    return owns_bytes<V> && now_.bytes >= core_.limits.memtable.bytes;
  }
  /// Tells whether it takes no more, were there room for rows in order.
  [[nodiscard]] bool is_full() const { return now_.chunked + now_.late >= capacity_ || is_heavy(); }

  void put_late(table_state<V>& to, head<V>& growing, time_type time, const V& given) {
    const V value = growing.keep_late(core_.memory, given);
    growing.late_times[to.late] = time;
    growing.late_values[to.late] = value;
    growing.late_applied[to.late] = to.deletions;
    ++to.late;
  }
  /// Puts the batch that was parted, of which the head takes the late rows.
  void put_parted(table_state<V>& to, head<V>& growing) {
    const columns<V> late = batch_.late();
    for (std::size_t i = 0; i < late.size; ++i)
      put_late(to, growing, late.times[i], late.values[i]);
    batch_.end(to.piece);
  }

  // --- drafts ------------------------------------------------------------------------------------

  /// Begins the draft of a version that goes on where this one is.
  /// @param with_recent  the newest deletions stay in the head; else they go into the map
  [[nodiscard]] draft begin(bool with_late, bool with_recent) const {
    draft made{core_.edited(),
               now_.growing->next(with_late ? now_.late : 0, with_recent ? now_.recent : 0),
               now_,
               {.wanted = core_.pending.wanted}};
    if (with_recent) return made;
    made.growing->deletions = now_.deletions;
    if (now_.recent == 0) return made;
    const std::span<const fragment> recent{now_.growing->recent.data(), now_.recent};
    made.next->deleted =
        std::make_shared<const tombstones>(made.next->deleted->with(disjoint(recent)));
    made.to.recent = 0;
    return made;
  }

  /// Drafts the table with its late rows, and more, sorted into a chunk.
  [[nodiscard]] draft with_chunk(const columns<V>& more) const {
    draft made = begin(false, true);
    add_chunk(made, more);
    return made;
  }
  void add_chunk(draft& made, const columns<V>& more) const {
    made.add_chunk(core_.memory, core_.snapshot(), more, capacity_ / 2);
  }

  /// Drafts a deletion that reaches the end of the open piece: the rows that it hides are the last.
  [[nodiscard]] draft cut(const bounds& in) const {
    draft made = begin(true, true);
    const open_piece<V>& piece = now_.piece;
    const time_type* const end = piece.times + piece.rows;
    made.end_piece(static_cast<std::size_t>(lower_bound(piece.times, end, in.first) - piece.times));
    made.growing->recent[made.to.recent++] = {in.first, in.last, ++made.to.deletions};
    made.growing->applied = made.to.deletions;
    return made;
  }
  /// Puts rows behind what a draft has.
  template <class Rows>
  void put_behind(draft& made, const Rows& rows) {
    batch_.part(core_.memory, rows, made.to.piece);
    if (made.to.late + batch_.late().size > head<V>::late_max) {
      add_chunk(made, batch_.late());
      batch_.end(made.to.piece);
    } else {
      put_parted(made.to, *made.growing);
    }
    made.to.weigh_all(rows);
    batch_.release();
  }

  core_type& core_;
  table_state<V> now_{};
  std::size_t capacity_;  // of the next block
  bool closed_ = false;
  parted_batch<V> batch_{};  // that is being appended
};

}  // namespace logdb::timelsm
