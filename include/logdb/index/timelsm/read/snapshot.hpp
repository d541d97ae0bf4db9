// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The questions that a time index answers, as a class of their own: `time_snapshot`.

#include <algorithm>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <logdb/error.hpp>
#include <logdb/index/timelsm/read/range.hpp>
#include <logdb/light.hpp>

namespace logdb {

/// What the rows of one stretch of time amount to.
template <class V>
struct time_bucket {
  std::int64_t begin{};  ///< of the stretch
  std::size_t count{};
  V min{};  ///< of the values that are numbers; NaN where none is
  V max{};
  double sum{};  ///< NaN where a value is
  V first{};
  V last{};

  [[nodiscard]] double mean() const { return sum / static_cast<double>(count); }
};

namespace timelsm {

/// Returns where the bucket of a time begins: at a multiple of the width, counted from 0 in both
/// directions; the first of all begins with the first time there is.
constexpr time_type bucket_begin(time_type time, std::uint64_t width) {
  const auto signed_rest = [width](time_type t) {
    if (t >= 0) return static_cast<std::uint64_t>(t) % width;
    const std::uint64_t beyond = (std::uint64_t{0} - static_cast<std::uint64_t>(t)) % width;
    return beyond == 0 ? 0 : width - beyond;
  };
  const std::uint64_t rest = signed_rest(time);
  const std::uint64_t above_first =
      static_cast<std::uint64_t>(time) - static_cast<std::uint64_t>(time_first);
  return rest > above_first ? time_first
                            : static_cast<time_type>(static_cast<std::uint64_t>(time) - rest);
}

/// Returns the last time of the bucket that a time is in.
constexpr time_type bucket_last(time_type begin, time_type time, std::uint64_t width) {
  const std::uint64_t left =
      static_cast<std::uint64_t>(time_last) - static_cast<std::uint64_t>(time);
  const std::uint64_t into = static_cast<std::uint64_t>(time) - static_cast<std::uint64_t>(begin);
  // The first bucket may be cut short at its front, so the next begin is asked for.
  if (begin == time_first) {
    const std::uint64_t beyond = (std::uint64_t{0} - static_cast<std::uint64_t>(begin)) % width;
    const std::uint64_t length = beyond == 0 ? width : beyond;
    return length - 1 - into > left
               ? time_last
               : static_cast<time_type>(static_cast<std::uint64_t>(time) + (length - 1 - into));
  }
  const std::uint64_t rest = width - 1 - into;
  return rest > left ? time_last : static_cast<time_type>(static_cast<std::uint64_t>(time) + rest);
}

/// Returns the first value that is a number; the first of all where none is.
template <class V>
V first_number(const columns<V>& rows) {
  const auto is_number = [](const V& value) { return value == value; };
  const V* const end = rows.values + rows.size;
  const V* const found = std::find_if(rows.values, end, is_number);
  return found == end ? rows.values[0] : *found;
}

/// Adds rows to a bucket. What is not a number compares with nothing, and so is no minimum.
template <class V>
void add_to(time_bucket<V>& bucket, const columns<V>& rows) {
  if (bucket.count == 0) bucket.first = rows.values[0];
  if (bucket.count == 0 || bucket.min != bucket.min) {
    bucket.min = bucket.max = first_number(rows);
  }
  for (std::size_t i = 0; i < rows.size; ++i) {
    bucket.min = std::min(bucket.min, rows.values[i]);
    bucket.max = std::max(bucket.max, rows.values[i]);
    bucket.sum += static_cast<double>(rows.values[i]);
  }
  bucket.last = rows.values[rows.size - 1];
  bucket.count += rows.size;
}

}  // namespace timelsm

/// A time index as it stood at one moment. Ranges of times are half-open, [from, to); an
/// inverted one is empty. The last time of all is reached by `since`, `all` and `at`.
///
/// @errors   of whatever reads rows that were stored in the log: errc::corrupt, errc::io
/// @threads  any; a snapshot waits for no writer, and no writer for it
/// @cost     made in O(1); keeps what it sees alive. A range is made in O(late rows), at most 256,
///           and reads nothing; walked, it reads the stored blocks that it comes to
template <class V>
class time_snapshot {
 public:
  using time_type = std::int64_t;
  using row = time_row<V>;

  explicit time_snapshot(timelsm::view<V> what) : view_{std::move(what)} {}

  /// Returns the rows in [from, to), in the order of time; equal times in that of insertion.
  [[nodiscard]] time_range<V> range(time_type from, time_type to) const {
    return time_range<V>{view_, timelsm::half_open(from, to)};
  }
  /// Returns the rows from a time on, those of the last time of all included.
  [[nodiscard]] time_range<V> since(time_type from) const {
    return time_range<V>{view_, {from, timelsm::time_last}};
  }
  /// Returns the rows before a time.
  [[nodiscard]] time_range<V> until(time_type to) const { return range(timelsm::time_first, to); }
  /// Returns all rows.
  [[nodiscard]] time_range<V> all() const { return time_range<V>{view_, {}}; }
  /// Returns the rows of one time.
  [[nodiscard]] time_range<V> at(time_type time) const {
    return time_range<V>{view_, {time, time}};
  }

  /// Returns the rows in [from, to), the last first.
  [[nodiscard]] backward_time_range<V> backward(time_type from, time_type to) const {
    return backward_time_range<V>{view_, timelsm::half_open(from, to)};
  }
  /// Returns all rows, the last first.
  [[nodiscard]] backward_time_range<V> backward() const {
    return backward_time_range<V>{view_, {}};
  }

  /// Returns the columns of [from, to) where they lie.
  [[nodiscard]] time_spans<V> spans(time_type from, time_type to) const {
    return time_spans<V>{view_, timelsm::half_open(from, to)};
  }
  /// Returns the columns of all rows where they lie.
  [[nodiscard]] time_spans<V> spans() const { return time_spans<V>{view_, {}}; }

  /// Calls `visit(time_span)` for the columns of [from, to) until it returns false.
  /// @return  whether it saw them all
  template <class Visit>
  bool visit(time_type from, time_type to, Visit visit) const {
    const auto all = spans(from, to);
    return light::all_of(all, visit);
  }

  /// Returns the number of rows in [from, to); always what a scan would find.
  /// @cost  O(log rows) for each sequence and for the deletions, amortised; reads a stored block
  ///        only where a bound or a deletion cuts it
  [[nodiscard]] std::size_t count(time_type from, time_type to) const {
    return range(from, to).count();
  }
  /// Returns the number of rows.
  [[nodiscard]] std::size_t size() const { return all().count(); }
  /// Tells whether there is no row. @cost as front()
  [[nodiscard]] bool empty() const { return !min_time(); }

  /// Returns the first row, with a copy of its bytes; none when there is none.
  /// @cost  O(log rows) for each sequence, and reads a stored block of each; so do all below, but
  ///        for aggregate()
  [[nodiscard]] std::optional<kept_row<V>> front() const { return first_in({}, &row::keep); }
  /// Returns the last one; of equal times the youngest.
  [[nodiscard]] std::optional<kept_row<V>> back() const { return last_in({}, &row::keep); }

  /// Returns the time of the first row; none when there is none.
  [[nodiscard]] std::optional<time_type> min_time() const { return first_in({}, &row::time); }
  /// Returns the time of the last row.
  [[nodiscard]] std::optional<time_type> max_time() const { return last_in({}, &row::time); }
  /// Returns the first time after one that a row has.
  [[nodiscard]] std::optional<time_type> next_time(time_type after) const {
    if (after == timelsm::time_last) return std::nullopt;
    return first_in({after + 1, timelsm::time_last}, &row::time);
  }
  /// Returns the last time before one that a row has.
  [[nodiscard]] std::optional<time_type> prev_time(time_type before) const {
    if (before == timelsm::time_first) return std::nullopt;
    return last_in({timelsm::time_first, before - 1}, &row::time);
  }

  /// Sums up [from, to) by stretches of `width`, which begin at its multiples; those without rows
  /// are left out.
  ///
  /// @errors  errc::invalid_argument for a width below 1
  /// @cost    O(rows), from the columns
  [[nodiscard]] std::vector<time_bucket<V>> aggregate(
      time_type from, time_type to, time_type width) const requires std::is_arithmetic_v<V> {
    if (width < 1) throw error{errc::invalid_argument, "a bucket is at least 1 wide"};
    std::vector<time_bucket<V>> buckets;
    time_type last = timelsm::time_first;
    for (const auto& span : spans(from, to)) {
      timelsm::columns<V> rows{span.times.data(), span.values.data(), span.size()};
      while (rows.size != 0) rows = sum_up(buckets, last, rows, static_cast<std::uint64_t>(width));
    }
    return buckets;
  }

  /// Returns what it was made of. For the index itself.
  [[nodiscard]] const timelsm::view<V>& seen() const { return view_; }

 private:
  template <class F>
  using of_row = std::optional<std::remove_cvref_t<std::invoke_result_t<F, const row&>>>;

  /// Returns what f takes from the first row in bounds. It takes no view: what keeps the row's
  /// bytes ends here.
  template <class F>
  [[nodiscard]] of_row<F> first_in(const timelsm::bounds& in, F f) const {
    const timelsm::query<V> asked{view_, in};
    auto walk = asked.template walk<timelsm::forward_walk<V>>();
    const auto rows = walk.next();
    if (rows.size == 0) return std::nullopt;
    return std::invoke(f, row{rows.times[0], rows.values[0]});
  }

  template <class F>
  [[nodiscard]] of_row<F> last_in(const timelsm::bounds& in, F f) const {
    const timelsm::query<V> asked{view_, in};
    auto walk = asked.template walk<timelsm::backward_walk<V>>();
    const auto rows = walk.next();
    if (rows.size == 0) return std::nullopt;
    return std::invoke(f, row{rows.times[rows.size - 1], rows.values[rows.size - 1]});
  }

  /// Adds rows to the last bucket, or begins one; returns those that lie behind it.
  static timelsm::columns<V> sum_up(std::vector<time_bucket<V>>& buckets, time_type& last,
                                    const timelsm::columns<V>& rows, std::uint64_t width) {
    if (buckets.empty() || rows.times[0] > last) {
      buckets.push_back({.begin = timelsm::bucket_begin(rows.times[0], width)});
      last = timelsm::bucket_last(buckets.back().begin, rows.times[0], width);
    }
    const auto* const end = timelsm::gallop_upper(rows.times, rows.times + rows.size, last);
    const auto n = static_cast<std::size_t>(end - rows.times);
    timelsm::add_to(buckets.back(), rows.take(n));
    return rows.drop(n);
  }

  timelsm::view<V> view_;
};

}  // namespace logdb
