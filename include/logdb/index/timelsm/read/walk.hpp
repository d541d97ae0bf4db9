// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Walks the visible rows of many sorted sequences in the order of time, stretch by stretch, either
/// way.

#include <optional>
#include <utility>

#include <boost/container/small_vector.hpp>

#include <logdb/index/timelsm/version.hpp>

namespace logdb::timelsm {

/// Slices that follow one another, as a pair of pointers.
template <class V>
struct slices {
  const slice<V>* first = nullptr;
  const slice<V>* last = nullptr;

  /// Keeps those that have rows in bounds, or may have.
  [[nodiscard]] slices within(const bounds& in) const {
    const auto before = [&in](const slice<V>& one) { return one.last < in.first; };
    const auto not_past = [&in](const slice<V>& one) { return one.first <= in.last; };
    const slice<V>* const from = std::partition_point(first, last, before);
    return {from, std::partition_point(from, last, not_past)};
  }
  [[nodiscard]] bool empty() const { return first == last; }
};

/// Tells how many rows of a slice are visible where that can be told without a look at them.
template <class V>
std::optional<std::size_t> visible_at_once(const slice<V>& one, const cover& hidden) {
  if (!hidden.applies(one.applied)) return one.size;
  const stretch now = hidden.up(one.first, one.applied, one.last);
  if (now.bound < one.last) return std::nullopt;
  return now.hidden ? 0 : one.size;
}

/// What walks of one sequence have in common, whichever way they go.
///
/// At any moment there is a stretch of visible rows that lie together, between pos() and stop(), or
/// the walk is done.
template <class V>
class sequence_walk {
 public:
  [[nodiscard]] bool done() const { return pos_ == stop_; }
  [[nodiscard]] const time_type* pos() const { return pos_; }
  [[nodiscard]] const time_type* stop() const { return stop_; }

  /// Returns what keeps the rows of the stretch, if those are of a stored block.
  [[nodiscard]] const block_ptr<V>& pin() const { return pin_; }

 protected:
  /// The rows of one slice that are in bounds, hidden or not.
  struct rows_within {
    const time_type* first = nullptr;
    const time_type* last = nullptr;
  };

  sequence_walk(const slices<V>& all, const bounds& in, const cover& hidden)
      : first_{all.first}, last_{all.last}, hidden_{&hidden}, in_{in} {}

  rows_within enter(const slice<V>& one) {
    if (one.stored == nullptr) [[likely]]
      return enter_columns(one);
    slice<V> read = one.in_memory();
    pin_ = std::move(read.owner);
    return enter_columns(read);
  }

  /// Returns the values from a place in the times on.
  [[nodiscard]] const V* values_at(const time_type* time) const {
    return values_ + (time - times_);
  }

  const slice<V>* first_;  // of the slices that were not entered yet
  const slice<V>* last_;
  const time_type* pos_ = nullptr;
  const time_type* stop_ = nullptr;
  const time_type* limit_ = nullptr;  // of what is in bounds, hidden or not
  const cover* hidden_;
  tombstones::place hint_;

 private:
  rows_within enter_columns(const slice<V>& one) {
    const std::size_t from = one.first >= in_.first ? 0 : one.below_to_read(in_.first);
    const std::size_t to = one.last <= in_.last ? one.size : one.up_to(in_.last, from);
    times_ = one.times;
    values_ = one.values;
    return {times_ + from, times_ + to};
  }

  const time_type* times_ = nullptr;  // the columns of the slice that is walked
  const V* values_ = nullptr;
  block_ptr<V> pin_;  // of a stored one
  bounds in_;
};

/// Walks the visible rows of one sequence upwards: its stretch is [pos(), stop()).
template <class V>
class forward_sequence : public sequence_walk<V> {
 public:
  forward_sequence(const slices<V>& all, const bounds& in, const cover& hidden)
      : sequence_walk<V>{all, in, hidden} {
    settle();
  }

  [[nodiscard]] time_type time() const { return *pos_; }

  /// Takes the rows up to a place in the stretch.
  columns<V> take(const time_type* to) {
    const columns<V> taken{pos_, this->values_at(pos_), static_cast<std::size_t>(to - pos_)};
    pos_ = to;
    if (pos_ == stop_) settle();
    return taken;
  }

 private:
  using base = sequence_walk<V>;
  using base::first_, base::last_, base::pos_, base::stop_, base::limit_, base::hidden_;

  void settle() {
    for (;;) {
      if (pos_ == limit_ && !enter_next()) return void(stop_ = pos_);
      fetch_ahead();
      const slice<V>& here = first_[-1];
      if (!hidden_->applies(here.applied)) return void(stop_ = limit_);
      const stretch now = hidden_->up(*pos_, here.applied, limit_[-1], this->hint_);
      const time_type* const end = gallop_upper(pos_, limit_, now.bound);
      if (!now.hidden) return void(stop_ = end);
      pos_ = end;
    }
  }

  bool enter_next() {
    while (first_ != last_) {
      const auto rows = this->enter(*first_++);
      pos_ = fetched_ = rows.first, limit_ = rows.last;
      if (pos_ != limit_) return true;
    }
    return false;
  }

  /// Has the processor fetch the rows that come next: to look for the end of a stretch touches few
  /// of them, and each is waited for. What was fetched already is not asked for again.
  void fetch_ahead() {
    const time_type* const from = std::max(pos_, fetched_);
    fetched_ = pos_ + std::min<std::ptrdiff_t>(limit_ - pos_, 256);
    if (from >= fetched_) return;
    const auto rows = static_cast<std::size_t>(fetched_ - from);
    prefetch(from, rows);
    prefetch(this->values_at(from), rows);
  }

  const time_type* fetched_ = nullptr;  // up to where
};

/// Walks the visible rows of one sequence downwards: its stretch is (pos(), stop()] read from the
/// end, with both one past the row that is meant.
template <class V>
class backward_sequence : public sequence_walk<V> {
 public:
  backward_sequence(const slices<V>& all, const bounds& in, const cover& hidden)
      : sequence_walk<V>{all, in, hidden} {
    settle();
  }

  [[nodiscard]] time_type time() const { return pos_[-1]; }

  /// Takes the rows down to a place in the stretch; they still ascend.
  columns<V> take(const time_type* to) {
    const columns<V> taken{to, this->values_at(to), static_cast<std::size_t>(pos_ - to)};
    pos_ = to;
    if (pos_ == stop_) settle();
    return taken;
  }

 private:
  using base = sequence_walk<V>;
  using base::first_, base::last_, base::pos_, base::stop_, base::limit_, base::hidden_;

  void settle() {
    for (;;) {
      if (pos_ == limit_ && !enter_next()) return void(stop_ = pos_);
      const slice<V>& here = *last_;
      if (!hidden_->applies(here.applied)) return void(stop_ = limit_);
      const stretch now = hidden_->down(pos_[-1], here.applied, *limit_, this->hint_);
      const time_type* const end = gallop_lower(limit_, pos_, now.bound);
      if (!now.hidden) return void(stop_ = end);
      pos_ = end;
    }
  }

  bool enter_next() {
    while (first_ != last_) {
      const auto rows = this->enter(*--last_);
      limit_ = rows.first, pos_ = rows.last;
      if (pos_ != limit_) return true;
    }
    return false;
  }
};

/// What both merges have in common: their sequences.
template <class Sequence, class V>
class merge_walk {
 public:
  /// Adds a sequence that is younger than those before.
  void add(const slices<V>& all, const bounds& in, const cover& hidden) {
    const auto some = all.within(in);
    if (some.empty()) return;
    Sequence made{some, in, hidden};
    if (!made.done()) sequences_.push_back(std::move(made));
  }

  /// Returns what keeps the rows that were given last, if those are of a stored block.
  [[nodiscard]] const block_ptr<V>& held() const { return held_; }

 protected:
  columns<V> take(std::size_t from, const time_type* to) {
    held_ = sequences_[from].pin();  // going on, the walk may let go of it
    const columns<V> taken = sequences_[from].take(to);
    if (sequences_[from].done())
      sequences_.erase(sequences_.begin() + static_cast<std::ptrdiff_t>(from));
    return taken;
  }

  boost::container::small_vector<Sequence, 2> sequences_;  // none is done, the oldest first

 private:
  block_ptr<V> held_;
};

/// Merges sequences upwards: each step gives rows that lie together, all from one sequence. Of
/// equal times the rows of an older sequence come first.
///
/// @cost  a step O(sequences that have rows in bounds)
template <class V>
class forward_walk : public merge_walk<forward_sequence<V>, V> {
 public:
  /// Returns the next rows, valid until the next call; none at the end.
  [[nodiscard]] columns<V> next() {
    if (sequences_.empty()) return {};
    if (sequences_.size() == 1) [[likely]]
      return take(0, sequences_[0].stop());
    const std::size_t first = least();
    const forward_sequence<V>& from = sequences_[first];
    const time_type* end = from.stop();
    for (std::size_t i = 0; i < sequences_.size(); ++i) {
      const time_type other = sequences_[i].time();
      if (i == first || other > end[-1]) continue;
      // Up to and with the time of a younger one; up to that of an older one, which is later.
      end = gallop_upper(from.pos(), end, i > first ? other : other - 1);
    }
    return take(first, end);
  }

 private:
  using base = merge_walk<forward_sequence<V>, V>;
  using base::sequences_;
  using base::take;

  [[nodiscard]] std::size_t least() const {
    std::size_t best = 0;
    for (std::size_t i = 1; i < sequences_.size(); ++i) {
      if (sequences_[i].time() < sequences_[best].time()) best = i;
    }
    return best;
  }
};

/// Merges sequences downwards: each step gives rows that lie together and still ascend; of equal
/// times the rows of a younger sequence come first.
template <class V>
class backward_walk : public merge_walk<backward_sequence<V>, V> {
 public:
  /// Returns the next rows, valid until the next call; none at the end.
  [[nodiscard]] columns<V> next() {
    if (sequences_.empty()) return {};
    if (sequences_.size() == 1) [[likely]]
      return take(0, sequences_[0].stop());
    const std::size_t first = greatest();
    const backward_sequence<V>& from = sequences_[first];
    const time_type* end = from.stop();
    for (std::size_t i = 0; i < sequences_.size(); ++i) {
      const time_type other = sequences_[i].time();
      if (i == first || other < *end) continue;
      // Down to and with the time of an older one; down to that of a younger one.
      end = i < first ? lower_bound(end, from.pos(), other) : upper_bound(end, from.pos(), other);
    }
    return take(first, end);
  }

 private:
  using base = merge_walk<backward_sequence<V>, V>;
  using base::sequences_;
  using base::take;

  [[nodiscard]] std::size_t greatest() const {
    std::size_t best = 0;
    for (std::size_t i = 1; i < sequences_.size(); ++i) {
      if (sequences_[i].time() >= sequences_[best].time()) best = i;
    }
    return best;
  }
};

}  // namespace logdb::timelsm
