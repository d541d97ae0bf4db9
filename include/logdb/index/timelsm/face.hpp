// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The verbs that Index<TimeLSM> gives to a log.

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <logdb/error.hpp>
#include <logdb/index/timelsm/index.hpp>
#include <logdb/policy/index.hpp>

namespace logdb::timelsm {

/// Gives a log, or a transaction, the verbs that write rows. Reaches what takes them by
/// `log_access`; what that returns, the verbs return: of a log that has records the lsn of the
/// record, within a transaction its number there, from 1.
///
/// @errors   of every verb: errc::closed; of a log, errc::busy with pressure_mode::report, and
///           where it has records, errc::record_too_large, errc::no_space, errc::io, errc::failed,
///           errc::read_only; of a transaction, errc::record_too_large, and errc::invalid_argument
///           when it is over, or one within it is open. Nothing was written then, unless it is
///           errc::failed
/// @threads  any; of a transaction, one at a time
/// @blocks   of a log: for the append lock, for maintenance with pressure_mode::wait, and for a
///           sync if the durability waits for one; of a transaction: for nothing
template <class Target, class V>
class row_verbs {
 public:
  /// Appends a row.
  ///
  /// @param time    any int64, in the unit of the options; late is no error
  /// @param value   a V, or for byte values anything that is bytes; copied
  /// @cost          about 15 ns in order; amortised O(log late rows) when it is late
  template <value_for<V> Value>
  auto append(time_type time, const Value& value) {
    return index().append(time, to_value<V>(value));
  }

  /// Appends a row of now, by the wall clock.
  template <value_for<V> Value>
  auto append(const Value& value) {
    return index().append(index().now(), to_value<V>(value));
  }

  /// Appends the rows of a range as one batch: a reader sees all of them or none.
  ///
  /// @param rows  a range of pairs, tuples or time_rows of a time and a value, in any order
  /// @cost        O(rows), and what is late is sorted; a range that does not lie together in memory
  ///              is copied first
  template <range_of_rows<V> Range>
  requires(!value_for<std::remove_cvref_t<Range>, V>) auto append(Range&& rows) {
    return with_rows<V>(rows, [this](const auto& all) { return index().append_batch(all); });
  }

  /// Appends a batch of two columns.
  /// @errors  also errc::invalid_argument when they are not equally long
  /// @cost    O(rows), and what is late is sorted
  auto append(std::span<const time_type> times, std::span<const V> values) {
    if (times.size() != values.size()) {
      throw error{errc::invalid_argument, "as many times as values are needed"};
    }
    return index().append_batch(column_pair<V>{times, values});
  }

  /// Erases what was inserted before in [from, to); nothing is written when that is empty.
  /// @errors  also errc::invalid_argument when inverted
  /// @cost    amortised O(log deletions), as all that erase; the rows go when maintenance comes by
  auto erase(time_type from, time_type to) {
    if (from > to) throw error{errc::invalid_argument, "erase takes [from, to), not from > to"};
    return index().erase(half_open(from, to));
  }
  /// Erases the rows of one time.
  auto erase(time_type time) { return index().erase(bounds{time, time}); }
  /// Erases what lies before a time.
  auto erase_before(time_type time) { return index().erase(half_open(time_first, time)); }
  /// Erases what lies at a time or after, up to the last time of all.
  auto erase_since(time_type time) { return index().erase(bounds{time, time_last}); }
  /// Erases all rows.
  auto erase_all() { return index().erase(bounds{}); }

 private:
  [[nodiscard]] auto& index() {
    return detail::log_access::view(static_cast<Target&>(*this)).index();
  }
};

/// Gives a log the verbs that write rows and maintain the index.
///
/// @errors   of every verb: errc::closed
/// @threads  any
template <class Log, class V>
class write_face : public row_verbs<Log, V> {
 public:
  /// Brings every row out of the memtables, also where the log was opened `read_only`.
  /// @blocks  for the append lock, and until all is sealed
  /// @cost    O(rows in memtables)
  void flush() { index().flush(); }
  /// Merges everything into one level and removes what was erased. A log that has records then
  /// writes a checkpoint: what the records before it said is no longer needed, and they are given
  /// up.
  /// @errors  errc::no_space, errc::io, errc::failed, errc::corrupt: nothing was given up;
  ///          errc::read_only
  /// @blocks  until it is done; appends go on meanwhile
  /// @cost    O(rows)
  void compact() { index().compact(); }
  /// Does one step of maintenance, also where the log was opened `read_only`, or writes a
  /// checkpoint that is due and that no thread writes; returns whether there was one to do.
  /// @errors  those of checkpoint()
  /// @blocks  for a step that is under way, and for its own
  bool maintain() { return index().maintain(); }
  /// Stores what is not stored yet, and gives up the records that it stands for.
  /// @errors  errc::no_space, errc::io, errc::failed, errc::corrupt: nothing was given up;
  ///          errc::read_only
  /// @blocks  for one that is under way, and until it is on stable storage; appends go on meanwhile
  /// @cost    O(rows that are new), and 20 bytes for each 4,096 others
  template <class Kept = Log>
  requires(!detail::without_journal<typename Kept::policies>) void checkpoint() {
    index().checkpoint();
  }

 private:
  [[nodiscard]] auto& index() { return detail::log_access::view(static_cast<Log&>(*this)).index(); }
};

/// Gives a log, or a transaction, the verbs that read rows, each as of now. What several of them
/// are to agree on is asked of one snapshot(). What the verbs give is described there, at
/// time_snapshot, with its cost; here that of a snapshot comes to it.
///
/// @errors   of every verb: errc::closed; of a log that another process writes, and of blocks that
///           were stored, errc::corrupt and errc::io; of a transaction, errc::invalid_argument when
///           it is over
/// @threads  any; of a transaction, one at a time
/// @blocks   for no writer of this process; what other ones have appended is applied first, by one
///           thread at a time
template <class Target, class V>
class row_reads {
 public:
  using row = time_row<V>;

  /// Returns the rows in [from, to), in the order of time; equal times in that of insertion. Byte
  /// values in them are views: `row.keep()` makes one to be kept.
  [[nodiscard]] time_range<V> range(time_type from, time_type to) const {
    return now().range(from, to);
  }
  /// Returns the rows from a time on, those of the last time of all included.
  [[nodiscard]] time_range<V> since(time_type from) const { return now().since(from); }
  /// Returns the rows before a time.
  [[nodiscard]] time_range<V> until(time_type to) const { return now().until(to); }
  /// Returns all rows.
  [[nodiscard]] time_range<V> all() const { return now().all(); }
  /// Returns the rows of one time.
  [[nodiscard]] time_range<V> at(time_type time) const { return now().at(time); }

  /// Returns the rows in [from, to), the last first.
  [[nodiscard]] backward_time_range<V> backward(time_type from, time_type to) const {
    return now().backward(from, to);
  }
  /// Returns all rows, the last first.
  [[nodiscard]] backward_time_range<V> backward() const { return now().backward(); }

  /// Returns the columns of [from, to) where they lie; valid as long as what is returned.
  [[nodiscard]] time_spans<V> spans(time_type from, time_type to) const {
    return now().spans(from, to);
  }
  /// Returns the columns of all rows where they lie.
  [[nodiscard]] time_spans<V> spans() const { return now().spans(); }
  /// Calls `visit(time_span)` for the columns of [from, to) until it returns false.
  template <class Visit>
  bool visit(time_type from, time_type to, Visit visitor) const {
    return now().visit(from, to, std::move(visitor));
  }

  /// Returns the number of rows in [from, to); always what a scan would find.
  [[nodiscard]] std::size_t count(time_type from, time_type to) const {
    return now().count(from, to);
  }
  /// Returns the first row, with a copy of its bytes; none when there is none.
  [[nodiscard]] std::optional<kept_row<V>> front() const { return now().front(); }
  /// Returns the last one; of equal times the youngest.
  [[nodiscard]] std::optional<kept_row<V>> back() const { return now().back(); }
  /// Returns the time of the first row; none when there is none.
  [[nodiscard]] std::optional<time_type> min_time() const { return now().min_time(); }
  /// Returns the time of the last row.
  [[nodiscard]] std::optional<time_type> max_time() const { return now().max_time(); }
  /// Returns the first time after one that a row has.
  [[nodiscard]] std::optional<time_type> next_time(time_type after) const {
    return now().next_time(after);
  }
  /// Returns the last time before one that a row has.
  [[nodiscard]] std::optional<time_type> prev_time(time_type before) const {
    return now().prev_time(before);
  }

  /// Sums up [from, to) by stretches of `width`.
  /// @errors  also errc::invalid_argument for a width below 1
  [[nodiscard]] std::vector<time_bucket<V>> aggregate(
      time_type from, time_type to, time_type width) const requires std::is_arithmetic_v<V> {
    return now().aggregate(from, to, width);
  }

 protected:
  [[nodiscard]] time_snapshot<V> now() const {
    return static_cast<const Target&>(*this).snapshot();
  }
};

/// Gives a log the verbs that read rows and look at the index.
template <class Log, class V>
class read_face : public row_reads<Log, V> {
  using row_reads<Log, V>::now;

 public:
  /// Returns the number of rows.
  [[nodiscard]] std::size_t size() const { return now().size(); }
  /// Tells whether there is no row.
  [[nodiscard]] bool empty() const { return now().empty(); }

  /// Returns the figures of the index. @cost O(partitions and blocks), reads none of them
  [[nodiscard]] timelsm_stats index_stats() const { return index().stats(); }
  /// Checks every invariant; returns what does not hold, in words. @cost reads everything
  [[nodiscard]] std::vector<std::string> validate() const { return index().validate(); }

 private:
  [[nodiscard]] auto& index() const {
    return detail::log_access::view(static_cast<const Log&>(*this)).index();
  }
};

}  // namespace logdb::timelsm
