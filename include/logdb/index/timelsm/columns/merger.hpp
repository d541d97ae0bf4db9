// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Stable merging of many sorted columns into blocks.

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <logdb/index/timelsm/columns/merge.hpp>
#include <logdb/light.hpp>

namespace logdb::timelsm {

/// Returns the rows of a block that was filled, with bytes and fences of its own.
template <class V>
slice<V> whole_of(const block_ptr<V>& full, std::uint64_t applied) {
  full->keep_all(0, full->capacity());
  full->make_fences(full->capacity());
  slice<V> made = make_slice(full, 0, full->capacity(), applied);
  made.find_fences();
  return made;
}

/// Puts sorted rows into blocks of at most so much, one behind the other, all about as large.
template <class V>
class block_filler {
 public:
  block_filler(heap_ptr from, std::size_t rows, const amount& most, std::uint64_t applied)
      : heap_{std::move(from)},
        rows_{rows},
        bytes_max_{most.bytes},
        blocks_{(rows + most.rows - 1) / most.rows},
        applied_{applied} {}

  /// Puts the rows of two columns, merged.
  void put(columns<V> older, columns<V> younger) {
    while (older.size + younger.size != 0) {
      if (left_ == 0) begin();
      const std::size_t n = std::min(left_, older.size + younger.size);
      const std::size_t olders = olders_among(n, older, younger);
      merge_two(older.take(olders), younger.take(n - olders), out_);
      older = older.drop(olders);
      younger = younger.drop(n - olders);
      out_ = out_.behind(n);
      left_ -= n;
      if (left_ == 0) finish();
    }
  }

  [[nodiscard]] std::vector<slice<V>> take() { return std::move(made_); }

 private:
  void begin() {
    left_ = (rows_ + blocks_ - 1) / blocks_;
    rows_ -= left_;
    --blocks_;
    filling_ = std::make_shared<block<V>>(heap_, left_);
    out_ = {filling_->times(), filling_->values()};
  }

  /// Byte values that are too many bytes for one block go into several.
  void finish() {
    const std::size_t rows = filling_->capacity();
    for (std::size_t at = 0; owns_bytes<V> && at < rows;) {
      const columns<V> left{filling_->times() + at, filling_->values() + at, rows - at};
      const columns<V> some = left.take(fitting(left.values, left.size, bytes_max_));
      if (some.size == rows) break;
      const auto part = std::make_shared<block<V>>(heap_, some.size);
      output<V>{part->times(), part->values()}.put(some);
      made_.push_back(whole_of(part, applied_));
      at += some.size;
      if (at == rows) return;
    }
    made_.push_back(whole_of(filling_, applied_));
  }

  heap_ptr heap_;
  std::size_t rows_;  // that no block was made for
  std::size_t bytes_max_;
  std::size_t blocks_;
  std::uint64_t applied_;
  block_ptr<V> filling_;
  output<V> out_{};
  std::size_t left_ = 0;  // room in it
  std::vector<slice<V>> made_;
};

/// A sorted sequence in parts, one behind the other.
template <class V>
using column_parts = std::vector<columns<V>>;

/// Merges sequences, each older than the next, into blocks of at most so much.
///
/// More than two are merged a tile after the other: the rows up to some time, so few that they stay
/// in the cache from the first merge of two to the last one. So each row is read from memory once,
/// and written once.
template <class V>
class merger {
 public:
  merger(heap_ptr from, const amount& most) : heap_{std::move(from)}, most_{most} {}

  /// Returns slices of one sorted sequence that own their rows.
  /// @cost  O(rows * log inputs)
  std::vector<slice<V>> run(const std::vector<column_parts<V>>& inputs, std::uint64_t applied) {
    for (const auto& parts : inputs) inputs_.emplace_back(parts);
    drop_empty();
    const std::size_t rows = rows_in_inputs();
    if (inputs_.size() > 2 && rows > tile_rows) merge_crumbs(rows / crumbs);
    // A fair share of a tile is a row at least.
    room_rows_ = std::min(rows, std::max(tile_rows_max, tile_rows + inputs_.size()));
    block_filler<V> out{heap_, rows, most_, applied};
    for (; !is_simple(); drop_empty()) {
      cut_tile();
      merge_tile(out);
    }
    if (inputs_.size() == 1) return inputs_[0].put(out), out.take();
    if (inputs_.size() == 2) out.put(inputs_[0].rows, inputs_[1].rows);
    return out.take();
  }

 private:
  static constexpr std::size_t tile_rows = 16384;
  static constexpr std::size_t tile_rows_max = tile_rows * 5 / 4;
  static constexpr std::size_t crumbs = 16;  // neighbours that have less than a 16th of all rows

  /// What is left of a sequence: the rows of one part, and more parts.
  struct input {
    columns<V> rows{};
    column_parts<V> more{};  // the next one last
    std::size_t size = 0;    // of all

    explicit input(const column_parts<V>& parts) : more{parts.rbegin(), parts.rend()} {
      for (const auto& one : more) size += one.size;
      go_on();
    }

    /// Goes on to the next part that has rows, if this one has none left.
    void go_on() {
      for (; rows.size == 0 && !more.empty(); more.pop_back()) rows = more.back();
      while (!more.empty() && more.back().size == 0) more.pop_back();
    }
    columns<V> take(std::size_t n) {
      const columns<V> taken = rows.take(n);
      rows = rows.drop(n);
      size -= n;
      return taken;
    }
    void put(block_filler<V>& out) {
      for (; rows.size != 0; rows = {}, go_on()) out.put(rows, {});
    }

    /// Tells whether there is a row behind so many; they are of this part.
    [[nodiscard]] bool has_behind(std::size_t n) const { return n != rows.size || !more.empty(); }
    [[nodiscard]] time_type behind(std::size_t n) const {
      return n != rows.size ? rows.times[n] : more.back().times[0];
    }
  };

  [[nodiscard]] std::size_t rows_in_inputs() const {
    std::size_t rows = 0;
    for (const auto& one : inputs_) rows += one.size;
    return rows;
  }
  void drop_empty() {
    for (auto& one : inputs_) one.go_on();
    light::erase_if(inputs_, [](const auto& one) { return one.size == 0; });
  }
  /// Tells whether what is left is two columns, or one sequence.
  [[nodiscard]] bool is_simple() const {
    const auto is_column = [](const input& one) { return one.more.empty(); };
    return inputs_.size() < 2 || (inputs_.size() == 2 && light::all_of(inputs_, is_column));
  }

  /// Merges neighbours that have few rows together: of each a tile would have a handful.
  void merge_crumbs(std::size_t rows_few) {
    std::vector<input> fewer;
    for (std::size_t at = 0, end = 0; at < inputs_.size(); at = end) {
      std::size_t rows = inputs_[end].size;
      const bool is_column = inputs_[end++].more.empty();
      while (is_column && end < inputs_.size() && inputs_[end].more.empty() &&
             rows + inputs_[end].size <= rows_few) {
        rows += inputs_[end++].size;
      }
      fewer.push_back(end - at == 1 ? inputs_[at] : input{column_parts<V>{whole(at, end)}});
    }
    inputs_ = std::move(fewer);
  }

  /// Returns inputs [first, last), which are columns, as one.
  columns<V> whole(std::size_t first, std::size_t last) {
    if (last - first == 1) return inputs_[first].rows;
    const std::size_t middle = (first + last) / 2;
    const std::size_t before = scratch_.size();
    const columns<V> older = whole(first, middle);
    const columns<V> younger = whole(middle, last);
    const std::size_t rows = older.size + younger.size;
    const auto to = std::make_shared<block<V>>(heap_, rows);
    merge_two(older, younger, {to->times(), to->values()});
    scratch_.resize(before);  // both halves are in it
    scratch_.push_back(to);
    return {to->times(), to->values(), rows};
  }

  /// Takes as many rows off the inputs as fit into a tile, all of which come before those left.
  void cut_tile() {
    const std::size_t rows = rows_in_inputs();
    shares_.assign(inputs_.size(), 0);
    if (!cut_by_largest(rows)) cut_by_first(rows);
    tile_.clear();
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (shares_[i] != 0) tile_.push_back(inputs_[i].take(shares_[i]));
    }
  }

  /// Returns how many rows of an input are to be in a tile if all are spread alike; one at least.
  [[nodiscard]] std::size_t fair_share(std::size_t i, std::size_t rows) const {
    const input& of = inputs_[i];
    if (rows <= tile_rows) return of.rows.size;
    return std::clamp<std::size_t>(of.size * tile_rows / rows, 1, of.rows.size);
  }

  /// Cuts all where the largest has its share, and returns whether that is not too much.
  bool cut_by_largest(std::size_t rows) {
    const auto largest =
        std::max_element(inputs_.begin(), inputs_.end(),
                         [](const input& a, const input& b) { return a.size < b.size; });
    const auto i = static_cast<std::size_t>(largest - inputs_.begin());
    shares_[i] = fair_share(i, rows);
    if (!largest->has_behind(shares_[i])) return false;
    std::size_t all = shares_[i];
    for (std::size_t j = 0; j < inputs_.size(); ++j) {
      if (j == i) continue;
      const columns<V>& other = inputs_[j].rows;
      all += shares_[j] = before(i, j, other.size);
      if (all > tile_rows_max || (shares_[j] == other.size && reaches(i, j))) return false;
    }
    return true;
  }

  /// Tells whether the next part of the j-th input begins before the row behind the i-th's share.
  [[nodiscard]] bool reaches(std::size_t i, std::size_t j) const {
    if (inputs_[j].more.empty()) return false;
    const time_type begin = inputs_[j].more.back().times[0];
    return j < i ? begin <= behind_share(i) : begin < behind_share(i);
  }

  /// Cuts all where the first of them has its share: then none has more than its share.
  void cut_by_first(std::size_t rows) {
    std::size_t first = inputs_.size();
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      shares_[i] = fair_share(i, rows);
      if (!inputs_[i].has_behind(shares_[i])) continue;
      if (first == inputs_.size() || behind_share(i) < behind_share(first)) first = i;
    }
    if (first == inputs_.size()) return;
    for (std::size_t j = 0; j < inputs_.size(); ++j) {
      if (j != first) shares_[j] = before(first, j, shares_[j]);
    }
  }

  [[nodiscard]] time_type behind_share(std::size_t i) const {
    return inputs_[i].behind(shares_[i]);
  }

  /// Returns how many of the first `most` rows of the j-th input come before the one behind the
  /// share of the i-th: of equal times those of an older input do.
  [[nodiscard]] std::size_t before(std::size_t i, std::size_t j, std::size_t most) const {
    const time_type* const begin = inputs_[j].rows.times;
    const time_type* const end = begin + most;
    const time_type time = behind_share(i);
    const time_type* const cut =
        j < i ? upper_bound(begin, end, time) : lower_bound(begin, end, time);
    return static_cast<std::size_t>(cut - begin);
  }

  void merge_tile(block_filler<V>& out) {
    if (tile_.size() == 1) return out.put(tile_[0], {});
    offsets_.assign(1, 0);
    for (const auto& one : tile_) offsets_.push_back(offsets_.back() + one.size);
    const std::size_t middle = middle_of(0, tile_.size());
    const columns<V> older = merged(0, middle, 0);
    out.put(older, merged(middle, tile_.size(), 0));
  }

  /// Returns where to part columns [first, last) so that both parts have about as many rows.
  [[nodiscard]] std::size_t middle_of(std::size_t first, std::size_t last) const {
    const std::size_t half = (offsets_[first] + offsets_[last]) / 2;
    std::size_t middle = first + 1;
    while (middle + 1 < last && offsets_[middle + 1] <= half) ++middle;
    return middle;
  }

  /// Returns columns [first, last) of the tile as one, in the room of a side: in the place that
  /// their rows have in the tile, and what it is merged from is in the other room.
  columns<V> merged(std::size_t first, std::size_t last, std::size_t side) {
    if (last - first == 1) return tile_[first];
    const std::size_t middle = middle_of(first, last);
    const columns<V> older = merged(first, middle, 1 - side);
    const columns<V> younger = merged(middle, last, 1 - side);
    block<V>& to = room(side);
    const std::size_t at = offsets_[first];
    merge_two(older, younger, {to.times() + at, to.values() + at});
    return {to.times() + at, to.values() + at, offsets_[last] - at};
  }

  block<V>& room(std::size_t side) {
    if (rooms_[side] == nullptr) rooms_[side] = std::make_shared<block<V>>(heap_, room_rows_);
    return *rooms_[side];
  }

  heap_ptr heap_;
  amount most_;
  std::vector<block_ptr<V>> scratch_;  // keeps inputs that were made here
  std::vector<input> inputs_;          // what is left of them
  std::vector<std::size_t> shares_;    // of the inputs, in the next tile
  std::vector<columns<V>> tile_;
  std::vector<std::size_t> offsets_;  // of the tile's columns in it, and its rows
  std::size_t room_rows_ = 0;
  std::array<block_ptr<V>, 2> rooms_;
};

}  // namespace logdb::timelsm
