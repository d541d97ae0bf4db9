// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The range of records that `records()` gives.

#include <algorithm>
#include <iterator>
#include <optional>
#include <ranges>
#include <utility>

#include <logdb/journal/read/record_walker.hpp>

namespace logdb {

namespace detail {

/// A place in a range of records, moved on by a walker.
template <class Walker>
class record_iterator {
 public:
  using iterator_concept = std::forward_iterator_tag;
  using iterator_category = std::input_iterator_tag;
  using value_type = record;
  using difference_type = std::ptrdiff_t;
  using reference = const record&;
  using pointer = const record*;

  record_iterator() = default;
  explicit record_iterator(Walker walker) : walker_{std::move(walker)} { ++*this; }

  reference operator*() const { return current_; }
  pointer operator->() const { return &current_; }
  record_iterator& operator++() {
    done_ = !walker_.next(current_);
    return *this;
  }
  record_iterator operator++(int) {
    record_iterator before = *this;
    ++*this;
    return before;
  }

  friend bool operator==(const record_iterator& a, std::default_sentinel_t) { return a.done_; }
  friend bool operator==(const record_iterator& a, const record_iterator& b) {
    return a.done_ == b.done_ && (a.done_ || a.current_.lsn() == b.current_.lsn());
  }

 private:
  Walker walker_;
  record current_;
  bool done_ = true;
};

}  // namespace detail

/// The records of a log in lsn order, as they stood when the range was made; usable with
/// std::ranges.
///
/// Multi-pass: each begin() walks anew, copies of an iterator advance on their own. `*it` refers to
/// a record inside the iterator, which the next ++ moves on; a copy of that record keeps its bytes
/// for as long as it lives.
///
/// @errors   errc::corrupt while walking, with the place; a range that salvages skips instead
/// @threads  a range may be walked by many threads, an iterator by one at a time; waits for no
///           writer
/// @cost     about 15 ns a record of 100 bytes, every checksum verified; no allocation
template <class Policies>
class basic_record_range : public std::ranges::view_base {
 public:
  using iterator = detail::record_iterator<detail::record_walker<Policies>>;

  basic_record_range() = default;
  basic_record_range(detail::read_scope<Policies> scope, lsn from)
      : scope_{std::move(scope)}, from_{from} {}

  [[nodiscard]] iterator begin() const {
    if (from_ > scope_.last) return {};
    return iterator{detail::record_walker<Policies>{scope_, from_}};
  }
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }
  [[nodiscard]] bool empty() const { return from_ > scope_.last; }

 private:
  detail::read_scope<Policies> scope_;
  lsn from_{1};
};

/// The records of a log: one type for all its durabilities and lockings.
template <class Policies>
using record_range = basic_record_range<detail::stored_of<Policies>>;

namespace detail {

/// Returns the newest record that is still there: compaction, or damage that salvage passes, may
/// have left none behind it. Nothing: there is none at all.
/// @errors  errc::corrupt, errc::io
/// @cost    reads one record; if the last ones are gone, from the last segment that has any
template <class Stored>
std::optional<record> newest_record(const basic_read_scope<Stored>& seen) {
  std::optional<record> newest;
  lsn from = seen.last;
  while (seen.first <= seen.last) {
    for (const record& each : basic_record_range<Stored>{seen, from}) newest = each;
    if (newest || from <= seen.first) break;
    from = std::max(seen.first, seen.list->log[seen.list->find(from - 1)]->base());
  }
  return newest;
}

}  // namespace detail

}  // namespace logdb
