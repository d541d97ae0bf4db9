// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Parts a batch of rows into what comes in order and what is late.

#include <algorithm>
#include <memory>

#include <logdb/index/timelsm/write/table_state.hpp>

namespace logdb::timelsm {

/// Puts the rows of a batch that come in order behind an open piece, and the others aside. Nobody
/// sees either before they are published.
template <class V>
class parted_batch {
 public:
  /// Returns for how many rows of a batch the open piece needs room, behind a time. In a large one
  /// many may be late, and room for those would stay empty.
  template <class Rows>
  [[nodiscard]] static std::size_t needed(const Rows& rows, time_type last, std::size_t large) {
    const std::size_t n = rows.size();
    if (n <= large) return n;
    std::size_t in_order = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const time_type time = rows.time(i);
      in_order += time >= last ? 1 : 0;
      last = std::max(last, time);
    }
    return std::min(n, in_order + 1);  // where the late ones are written, too
  }

  /// Parts a batch for which the piece has room.
  template <class Rows>
  void part(const heap_ptr& memory, const Rows& rows, const open_piece<V>& piece) {
    if (room_ == nullptr || room_->capacity() < rows.size()) {
      room_ = std::make_unique<block<V>>(memory, rows.size());
    }
    time_type* const times = piece.times;
    V* const values = piece.values;
    time_type last = piece.last;
    std::size_t in_order = piece.rows;
    std::size_t late = 0;
    time_type* const late_times = room_->times();
    V* const late_values = room_->values();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const time_type time = rows.time(i);
      const bool follows = time >= last;
      // Both are written and one counts: which one, a branch would have to guess.
      times[in_order] = late_times[late] = time;
      if constexpr (owns_bytes<V>) {
        const V value = rows.value(i);
        follows ? values[in_order] = piece.owner->keep(value) : late_values[late] = value;
      } else {
        values[in_order] = late_values[late] = rows.value(i);
      }
      in_order += follows ? 1 : 0;
      late += follows ? 0 : 1;
      last = follows ? time : last;
    }
    rows_ = in_order;
    late_ = late;
    last_ = last;
  }

  /// Returns the late rows; their bytes are where the batch has them.
  [[nodiscard]] columns<V> late() const { return {room_->times(), room_->values(), late_}; }
  /// Ends the batch: the piece has the rows that come in order.
  void end(open_piece<V>& piece) const {
    piece.rows = rows_;
    piece.last = last_;
  }
  /// Gives large room back.
  void release() {
    if (room_->capacity() > kept_rows) room_.reset();
  }

 private:
  static constexpr std::size_t kept_rows = 4096;

  std::unique_ptr<block<V>> room_;  // for the late rows, and one more; null: none yet
  std::size_t rows_ = 0;            // of the open piece, with those in order
  std::size_t late_ = 0;
  time_type last_ = time_first;
};

}  // namespace logdb::timelsm
