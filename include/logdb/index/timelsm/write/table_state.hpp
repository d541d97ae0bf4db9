// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// How far the memtable of a time index has grown, as its writer knows it.

#include <memory>
#include <utility>

#include <logdb/index/timelsm/core.hpp>
#include <logdb/index/timelsm/version.hpp>
#include <logdb/index/timelsm/write/late_rows.hpp>

namespace logdb::timelsm {

/// The open piece of the in-order run: rows behind one another in a block.
template <class V>
struct open_piece {
  block_ptr<V> owner{};         // null: no row yet, and no room
  time_type* times = nullptr;   // where it begins in its owner
  V* values = nullptr;          //
  std::size_t rows = 0;         //
  std::size_t room = 0;         // in all; the rows, when the next append is to look closer
  time_type last = time_first;  // of the in-order run; in a memtable it only grows

  /// Returns the piece that begins a memtable, in the rest of a block.
  static open_piece in(const block_ptr<V>& block, std::size_t begin) {
    return {block, block->times() + begin, block->values() + begin, 0, block->capacity() - begin};
  }

  [[nodiscard]] std::size_t left() const { return room - rows; }

  /// Puts a row of the last time or later, for which there is room.
  void put(time_type time, const V& value) {
    times[rows] = time;
    values[rows] = owner->keep(value);
    last = time;
    ++rows;
  }
  /// Makes it the piece behind itself.
  void go_on() {
    times += rows;
    values += rows;
    room -= rows;
    rows = 0;
  }
};

/// What is in a memtable and its head, and what was written before.
template <class V>
struct table_state {
  head<V>* growing = nullptr;   // of the current version
  open_piece<V> piece{};        //
  std::size_t late = 0;         // late rows in the head
  std::size_t recent = 0;       // deletions in the head
  std::size_t chunked = 0;      // rows in chunks
  std::size_t settled = 0;      // rows in chunks and ended pieces
  std::size_t pieces = 0;       // ended ones
  std::size_t bytes = 0;        // of the rows, of byte values; erased ones included
  std::uint64_t appended = 0;   // rows but for the head's, of all memtables that there were
  std::uint64_t deletions = 0;  // the number of the last

  /// Returns what of the head readers may see.
  [[nodiscard]] counts seen() const { return {piece.rows, late, recent}; }
  /// Returns the rows of the memtable.
  [[nodiscard]] std::size_t held() const { return piece.rows + late + settled; }
  [[nodiscard]] bool is_new() const { return held() == 0 && piece.last == time_first; }
  /// Tells whether bounds have the last row of the open piece, or end behind it.
  [[nodiscard]] bool is_reached_by(const bounds& in) const {
    return piece.rows != 0 && in.last >= piece.times[piece.rows - 1];
  }

  /// Counts the bytes of what is put.
  void weigh(const V& value) {
    if constexpr (owns_bytes<V>) bytes += bytes_of(value);
  }
  template <class Rows>
  void weigh_all(const Rows& rows) {
    for (std::size_t i = 0; owns_bytes<V> && i < rows.size(); ++i) weigh(rows.value(i));
  }

  /// Begins a memtable, in the rest of a block.
  void begin_in(const block_ptr<V>& block, std::size_t begin) {
    appended += piece.rows + late;
    piece = open_piece<V>::in(block, begin);
    late = chunked = settled = pieces = bytes = 0;
  }
};

/// A version in the making, with its head, and the state of the memtable that it will have.
template <class V>
struct table_draft {
  std::shared_ptr<version<V>> next;
  std::shared_ptr<head<V>> growing;  // of that version
  table_state<V> to;
  drops<V> gone{};  // that it no longer has

  /// Sorts the late rows, which are those of a view, and more into a chunk.
  /// @param rows_max  of chunks that are merged into one
  void add_chunk(const heap_ptr& memory, const view<V>& late, const columns<V>& more,
                 std::size_t rows_max) {
    auto table = std::make_shared<memtable<V>>(*next->active);
    cover hidden{next->deleted, {growing->recent.data(), to.recent}, {}};
    chunk_maker<V>{memory, late, std::move(hidden), to.deletions, gone, rows_max}.add(table->chunks,
                                                                                      more);
    const std::size_t chunked = rows_of(table->chunks);
    next->active = std::move(table);
    growing->bytes = nullptr;  // the chunk has its own
    to.appended += to.late + more.size;
    to.settled += chunked - to.chunked;
    to.chunked = chunked;
    to.late = 0;
  }
  /// Ends the open piece, of which so many rows stay.
  void end_piece(std::size_t kept) {
    open_piece<V>& piece = to.piece;
    auto table = std::make_shared<memtable<V>>(*next->active);
    const std::size_t begin = growing->begin;
    if (kept != 0) {
      table->pieces.push_back(make_slice(piece.owner, begin, begin + kept, growing->applied));
    }
    gone.add({piece.times + kept, piece.values + kept, piece.rows - kept});
    if (kept != piece.rows) gone.pin(piece.owner);
    growing->begin = begin + piece.rows;
    to.appended += piece.rows;
    to.settled += kept;
    to.pieces = table->pieces.size();
    next->active = std::move(table);
    piece.go_on();
  }
};

}  // namespace logdb::timelsm
