// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The ranges that a time index gives: rows upwards, rows downwards, spans of columns.

#include <iterator>
#include <ranges>
#include <utility>

#include <logdb/index/timelsm/query.hpp>

namespace logdb {

/// Is rows in the order of time, equal times in the order of their insertion, as they stood when
/// the range was made.
///
/// Multi-pass. An iterator refers to its range: the range stays where it is while one is used.
///
/// @threads  a range may be walked by many threads, an iterator by one at a time; waits for no
///           writer
/// @cost     about 1 ns a row where rows lie together, O(sequences) for each change of sequence
template <class V>
class time_range {
 public:
  class iterator {
   public:
    using iterator_concept = std::forward_iterator_tag;
    using iterator_category = std::input_iterator_tag;
    using value_type = time_row<V>;
    using difference_type = std::ptrdiff_t;
    using reference = time_row<V>;
    using pointer = void;

    iterator() = default;

    reference operator*() const { return {*time_, *value_}; }
    iterator& operator++() {
      ++value_;
      if (++time_ == stop_) fill();
      return *this;
    }
    iterator operator++(int) {
      iterator before = *this;
      ++*this;
      return before;
    }

    friend bool operator==(const iterator& a, std::default_sentinel_t) {
      return a.time_ == nullptr;
    }
    friend bool operator==(const iterator& a, const iterator& b) { return a.value_ == b.value_; }

   private:
    friend class time_range;
    explicit iterator(const timelsm::query<V>& from)
        : walk_{from.template walk<timelsm::forward_walk<V>>()} {
      fill();
    }

    void fill() {
      const auto rows = walk_.next();
      time_ = rows.times;
      value_ = rows.values;
      stop_ = rows.times + rows.size;
    }

    const std::int64_t* time_ = nullptr;
    const std::int64_t* stop_ = nullptr;
    const V* value_ = nullptr;
    timelsm::forward_walk<V> walk_;
  };

  explicit time_range(timelsm::view<V> what, const timelsm::bounds& in)
      : query_{std::move(what), in} {}

  [[nodiscard]] iterator begin() const { return iterator{query_}; }
  [[nodiscard]] static std::default_sentinel_t end() { return {}; }
  [[nodiscard]] bool empty() const { return begin() == end(); }
  /// Counts the rows without walking them.
  [[nodiscard]] std::size_t count() const { return query_.count(); }

 private:
  timelsm::query<V> query_;
};

/// Is the same rows in the opposite order: the last time first, of equal times the youngest first.
template <class V>
class backward_time_range {
 public:
  class iterator {
   public:
    using iterator_concept = std::forward_iterator_tag;
    using iterator_category = std::input_iterator_tag;
    using value_type = time_row<V>;
    using difference_type = std::ptrdiff_t;
    using reference = time_row<V>;
    using pointer = void;

    iterator() = default;

    reference operator*() const { return {time_[-1], value_[-1]}; }
    iterator& operator++() {
      --value_;
      if (--time_ == stop_) fill();
      return *this;
    }
    iterator operator++(int) {
      iterator before = *this;
      ++*this;
      return before;
    }

    friend bool operator==(const iterator& a, std::default_sentinel_t) {
      return a.time_ == nullptr;
    }
    friend bool operator==(const iterator& a, const iterator& b) { return a.value_ == b.value_; }

   private:
    friend class backward_time_range;
    explicit iterator(const timelsm::query<V>& from)
        : walk_{from.template walk<timelsm::backward_walk<V>>()} {
      fill();
    }

    void fill() {
      const auto rows = walk_.next();
      stop_ = rows.times;
      time_ = rows.times + rows.size;
      value_ = rows.values + rows.size;
    }

    const std::int64_t* time_ = nullptr;  // one past the row that is shown
    const std::int64_t* stop_ = nullptr;
    const V* value_ = nullptr;
    timelsm::backward_walk<V> walk_;
  };

  explicit backward_time_range(timelsm::view<V> what, const timelsm::bounds& in)
      : query_{std::move(what), in} {}

  [[nodiscard]] iterator begin() const { return iterator{query_}; }
  [[nodiscard]] static std::default_sentinel_t end() { return {}; }
  [[nodiscard]] bool empty() const { return begin() == end(); }

 private:
  timelsm::query<V> query_;
};

/// Is the rows of a range where they lie: spans of times and of values, in the order of time. A
/// span is valid as long as its range, and one that was read from the log as long as itself.
///
/// @errors  of a durable log: errc::corrupt, errc::io, when a block cannot be read
/// @cost    nothing is copied but late rows of the newest 256
template <class V>
class time_spans {
 public:
  class iterator {
   public:
    using iterator_concept = std::forward_iterator_tag;
    using iterator_category = std::input_iterator_tag;
    using value_type = time_span<V>;
    using difference_type = std::ptrdiff_t;
    using reference = const time_span<V>&;
    using pointer = const time_span<V>*;

    iterator() = default;

    reference operator*() const { return now_; }
    pointer operator->() const { return &now_; }
    iterator& operator++() {
      const auto rows = walk_.next();
      now_ = {{rows.times, rows.size}, {rows.values, rows.size}, walk_.held()};
      return *this;
    }
    iterator operator++(int) {
      iterator before = *this;
      ++*this;
      return before;
    }

    friend bool operator==(const iterator& a, std::default_sentinel_t) {
      return a.now_.times.empty();
    }
    friend bool operator==(const iterator& a, const iterator& b) {
      return a.now_.times.data() == b.now_.times.data();
    }

   private:
    friend class time_spans;
    explicit iterator(const timelsm::query<V>& from)
        : walk_{from.template walk<timelsm::forward_walk<V>>()} {
      ++*this;
    }

    time_span<V> now_{};
    timelsm::forward_walk<V> walk_;
  };

  explicit time_spans(timelsm::view<V> what, const timelsm::bounds& in)
      : query_{std::move(what), in} {}

  [[nodiscard]] iterator begin() const { return iterator{query_}; }
  [[nodiscard]] static std::default_sentinel_t end() { return {}; }

 private:
  timelsm::query<V> query_;
};

}  // namespace logdb
