// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `slice`, a sorted part of a block, wherever that is.

#include <algorithm>
#include <utility>

#include <logdb/index/timelsm/columns/stored.hpp>

namespace logdb::timelsm {

/// A sorted, immutable stretch of a block, in memory or stored: rows of equal time in the order
/// of their insertion.
///
/// Of a stored one the bounds and the size are known; whatever else is asked of it reads its block.
///
/// Every deletion up to `applied` has been carried out in it: the rows that it hid are gone. Each
/// later one hides every row of its range, since a row is never younger than its slice's `applied`.
template <class V>
struct slice {
  block_ptr<V> owner{};  // points nowhere: somebody else keeps the rows, or it is stored
  stored_block<V>* stored = nullptr;  // kept by the owner; the whole of it, and no columns are here
  const time_type* times = nullptr;
  const V* values = nullptr;
  std::size_t size = 0;
  time_type first = 0;  // of the times; requires size != 0
  time_type last = 0;
  std::uint64_t applied = 0;
  const time_type* fences = nullptr;  // of rows ahead, ahead + fence_rows, …; null: none
  std::size_t ahead = 0;

  [[nodiscard]] const time_type* begin() const { return times; }
  [[nodiscard]] const time_type* end() const { return times + size; }
  [[nodiscard]] columns<V> rows() const { return {times, values, size}; }

  /// Returns how much so many of its rows are; of byte values about.
  [[nodiscard]] amount amount_of(std::size_t some) const {
    if (stored == nullptr) return owner->amount_of(some);
    amount all{some, some * row_bytes<V>};
    if constexpr (owns_bytes<V>) all.bytes += stored->where().bytes / size * some;
    return all;
  }
  [[nodiscard]] amount amount_of() const { return amount_of(size); }

  /// Returns it with its columns in memory.
  /// @errors  of a stored one: errc::corrupt, errc::io
  [[nodiscard]] slice in_memory() const;

  /// Returns its rows [from, to); in memory unless it is all of them.
  [[nodiscard]] slice part(std::size_t from, std::size_t to) const {
    if (stored != nullptr) return from == 0 && to == size ? *this : in_memory().part(from, to);
    slice cut = *this;
    cut.times = times + from;
    cut.values = values + from;
    cut.size = to - from;
    cut.move_fences(from);
    if (cut.size != 0) cut.first = cut.times[0];
    if (cut.size != 0) cut.last = cut.times[cut.size - 1];
    return cut;
  }

  /// Returns the number of its rows below a time.
  [[nodiscard]] std::size_t below(time_type time) const {
    if (stored != nullptr) return below_stored(time);
    const auto [from, to] = narrow(time);
    return static_cast<std::size_t>(lower_bound_far(times + from, to - from, time) - times);
  }
  /// Does the same, and asks for the values that are about to be read.
  [[nodiscard]] std::size_t below_to_read(time_type time) const {
    const auto [from, to] = narrow(time);
    if (to - from <= fence_rows) prefetch(values + from, to - from);
    return static_cast<std::size_t>(lower_bound_far(times + from, to - from, time) - times);
  }
  /// Returns the number of its rows up to a time.
  [[nodiscard]] std::size_t up_to(time_type time) const {
    return time == time_last ? size : below(time + 1);
  }
  /// Does the same when it is known that there are so many at least. Where there are few more, that
  /// is seen where the search for those was, and no other line of memory is waited for.
  [[nodiscard]] std::size_t up_to(time_type time, std::size_t least) const {
    constexpr std::size_t few = 8;
    const time_type* const from = times + least;
    for (const std::size_t more : {few, fence_rows}) {
      if (size - least <= more || from[more] <= time) continue;
      return static_cast<std::size_t>(upper_bound(from, from + more, time) - times);
    }
    return up_to(time);
  }
  /// Returns its rows in bounds.
  [[nodiscard]] slice within(const bounds& in) const {
    if (first >= in.first && last <= in.last) return *this;
    const std::size_t from = below(in.first);
    return part(from, std::max(from, up_to(in.last)));
  }

  /// Does what below() does; only what lies across the time is read.
  [[nodiscard]] std::size_t below_stored(time_type time) const {
    if (time <= first) return 0;
    return time > last ? size : in_memory().below(time);
  }

  /// Uses the fences of its owner, if that has any for these rows.
  void find_fences() {
    const std::span<const time_type> all = owner->fences();
    const auto row = static_cast<std::size_t>(times - owner->times());
    fences = (row + size - 1) / fence_rows < all.size() ? all.data() : nullptr;
    ahead = 0;
    if (fences != nullptr) move_fences(row);
  }

  /// Returns where the first row that is not below a time may be: [first, second].
  [[nodiscard]] std::pair<std::size_t, std::size_t> narrow(time_type time) const {
    if (fences == nullptr || size <= ahead) return {0, size};
    const std::size_t n = (size - ahead - 1) / fence_rows + 1;
    const auto i = static_cast<std::size_t>(lower_bound_far(fences, n, time) - fences);
    return {i == 0 ? 0 : ahead + (i - 1) * fence_rows, i == n ? size : ahead + i * fence_rows};
  }

  /// Skips the fences of the first rows.
  void move_fences(std::size_t rows) {
    if (fences == nullptr) return;
    if (rows <= ahead) return void(ahead -= rows);
    const std::size_t past = (rows - ahead + fence_rows - 1) / fence_rows;
    fences += past;
    ahead += past * fence_rows - rows;
  }
};

/// Views rows [from, to) of a block as a slice.
template <class V>
slice<V> make_slice(const block_ptr<V>& owner, std::size_t from, std::size_t to,
                    std::uint64_t applied) {
  slice<V> made{.owner = owner, .times = owner->times(), .values = owner->values()};
  made.applied = applied;
  made.size = to;
  return made.part(from, to);
}

template <class V>
slice<V> slice<V>::in_memory() const {
  if (stored == nullptr) return *this;
  slice made = make_slice(stored->load(), 0, size, applied);
  made.find_fences();
  return made;
}

/// Views the rows of a stored block.
template <class V>
slice<V> make_slice(stored_block_ptr<V> from, std::uint64_t applied) {
  slice<V> made{.size = from->rows(), .first = from->first(), .last = from->last()};
  made.applied = applied;
  made.stored = from.get();
  made.owner = block_ptr<V>{std::move(from), nullptr};  // keeps the one, points to no other
  return made;
}

}  // namespace logdb::timelsm
