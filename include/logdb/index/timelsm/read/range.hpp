// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The ranges that a time index gives: rows upwards, rows downwards, spans of columns.

#include <iterator>
#include <type_traits>
#include <utility>

#include <logdb/index/timelsm/read/query.hpp>

namespace logdb {

namespace timelsm {

/// Says which way rows are walked.
enum class direction : bool { up, down };

/// Shows one row after the other.
template <class V, direction Way>
class row_iterator {
 public:
  using iterator_concept = std::forward_iterator_tag;
  using iterator_category = std::input_iterator_tag;
  using value_type = time_row<V>;
  using difference_type = std::ptrdiff_t;
  using reference = time_row<V>;
  using pointer = void;

  row_iterator() = default;
  explicit row_iterator(const query<V>& from) : walk_{from.template walk<walk_type>()} { fill(); }

  reference operator*() const {
    if constexpr (goes_up) return {*time_, *value_};
    return {time_[-1], value_[-1]};
  }
  row_iterator& operator++() {
    goes_up ? ++value_ : --value_;
    if ((goes_up ? ++time_ : --time_) == stop_) fill();
    return *this;
  }
  row_iterator operator++(int) {
    row_iterator before = *this;
    ++*this;
    return before;
  }

  friend bool operator==(const row_iterator& a, std::default_sentinel_t) {
    return a.time_ == nullptr;
  }
  friend bool operator==(const row_iterator& a, const row_iterator& b) {
    return a.value_ == b.value_;
  }

 private:
  static constexpr bool goes_up = Way == direction::up;
  using walk_type = std::conditional_t<goes_up, forward_walk<V>, backward_walk<V>>;

  void fill() {
    const columns<V> rows = walk_.next();
    time_ = rows.times + (goes_up ? 0 : rows.size);
    stop_ = rows.times + (goes_up ? rows.size : 0);
    value_ = rows.values + (goes_up ? 0 : rows.size);
  }

  const time_type* time_ = nullptr;  // of the row that is shown; downwards one past it
  const time_type* stop_ = nullptr;
  const V* value_ = nullptr;
  walk_type walk_;
};

/// Shows one stretch of rows after the other.
template <class V>
class span_iterator {
 public:
  using iterator_concept = std::forward_iterator_tag;
  using iterator_category = std::input_iterator_tag;
  using value_type = time_span<V>;
  using difference_type = std::ptrdiff_t;
  using reference = const time_span<V>&;
  using pointer = const time_span<V>*;

  span_iterator() = default;
  explicit span_iterator(const query<V>& from) : walk_{from.template walk<forward_walk<V>>()} {
    ++*this;
  }

  reference operator*() const { return now_; }
  pointer operator->() const { return &now_; }
  span_iterator& operator++() {
    const auto rows = walk_.next();
    now_ = {{rows.times, rows.size}, {rows.values, rows.size}, walk_.held()};
    return *this;
  }
  span_iterator operator++(int) {
    span_iterator before = *this;
    ++*this;
    return before;
  }

  friend bool operator==(const span_iterator& a, std::default_sentinel_t) {
    return a.now_.times.empty();
  }
  friend bool operator==(const span_iterator& a, const span_iterator& b) {
    return a.now_.times.data() == b.now_.times.data();
  }

 private:
  time_span<V> now_{};
  forward_walk<V> walk_;
};

/// What a view has within bounds, as an iterator shows it.
template <class V, class Iterator>
class view_range {
 public:
  using iterator = Iterator;

  view_range(view<V> what, const bounds& in) : query_{std::move(what), in} {}

  [[nodiscard]] iterator begin() const { return iterator{query_}; }
  [[nodiscard]] static std::default_sentinel_t end() { return {}; }
  [[nodiscard]] bool empty() const { return begin() == end(); }

 protected:
  [[nodiscard]] const query<V>& asked() const { return query_; }

 private:
  query<V> query_;
};

}  // namespace timelsm

/// Rows in the order of time, equal times in the order of their insertion, as they stood when
/// the range was made.
///
/// Multi-pass. An iterator refers to its range: the range stays where it is while one is used. A
/// byte value is a view, valid as long as the range: `row.keep()` makes a row to be kept.
///
/// @threads  a range may be walked by many threads, an iterator by one at a time; waits for no
///           writer
/// @cost     about 1 ns a row where rows lie together, O(sequences) for each change of sequence
template <class V>
class time_range : public timelsm::view_range<V, timelsm::row_iterator<V, timelsm::direction::up>> {
 public:
  using timelsm::view_range<V, timelsm::row_iterator<V, timelsm::direction::up>>::view_range;

  /// Counts the rows without walking them.
  [[nodiscard]] std::size_t count() const { return this->asked().count(); }
};

/// The same rows in the opposite order: the last time first, of equal times the youngest first.
template <class V>
class backward_time_range
    : public timelsm::view_range<V, timelsm::row_iterator<V, timelsm::direction::down>> {
 public:
  using timelsm::view_range<V, timelsm::row_iterator<V, timelsm::direction::down>>::view_range;
};

/// The rows of a range where they lie: spans of times and of values, in the order of time. A
/// span is valid as long as its range, and one that was read from the log as long as itself.
///
/// @errors  of a durable log: errc::corrupt, errc::io, when a block cannot be read
/// @cost    nothing is copied but late rows of the newest 256
template <class V>
class time_spans : public timelsm::view_range<V, timelsm::span_iterator<V>> {
 public:
  using timelsm::view_range<V, timelsm::span_iterator<V>>::view_range;
};

}  // namespace logdb
