// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The matches of a query: a range of those that are there, and one that waits for more.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <utility>

#include <logdb/index/events/event_question.hpp>
#include <logdb/index/events/event_stretches.hpp>
#include <logdb/journal/read/records.hpp>
#include <logdb/journal/read/tail.hpp>
#include <logdb/record.hpp>

namespace logdb {
namespace detail {

/// A place in the matches of a query. Forwards it walks the stretches that are to be read;
/// backwards it reads, from the end on, one after the other, and gives its matches the last first.
///
/// @threads  one at a time; copies are independent
template <class Policies>
class match_walker {
 public:
  match_walker() = default;
  match_walker(read_scope<Policies> scope, std::shared_ptr<const event_question> asked)
      : left_{scope.first <= scope.last ? asked->how.limit : 0},
        stretches_{scope, std::move(asked)},
        reader_{std::move(scope)} {}

  /// Moves on and points `out` at the match there; false: no more of them, or a stop was asked for.
  /// @errors  errc::corrupt
  bool next(record& out) {
    if (left_ == 0 || !(is_backward() ? next_backward(out) : next_forward(out))) return false;
    --left_;
    return true;
  }

 private:
  [[nodiscard]] const event_question& asked() const { return stretches_.asked(); }
  [[nodiscard]] bool is_backward() const { return asked().how.order == query_order::newest; }
  [[nodiscard]] bool is_stopped() const { return asked().how.stop.stop_requested(); }

  bool next_forward(record& out) {
    while (!is_stopped()) {
      if (pending_ || (!is_unasked_ && !reader_.next(out))) {
        if (!find_stretch()) return false;
        reader_.go_to(*pending_);
        pending_.reset();
        continue;
      }
      is_unasked_ = true;  // if that throws, it is asked again
      const bool found = asked().matches(out);
      is_unasked_ = false;
      if (found) return true;
    }
    return false;
  }

  bool next_backward(record& out) {
    while (matches_.empty()) {
      if (is_stopped() || !find_stretch()) return false;
      read(*pending_);
      pending_.reset();
    }
    out = std::move(matches_.back());
    matches_.pop_back();
    return true;
  }

  /// Finds the next stretch, unless going to one has thrown: that one is gone to again.
  bool find_stretch() {
    event_stretch more;
    if (pending_) return true;
    if (!(is_backward() ? stretches_.previous(more) : stretches_.next(more))) return false;
    pending_ = more;
    return true;
  }

  /// Reads the matches of a stretch; or, if that throws, none of them.
  void read(const event_stretch& stretch) {
    reader_.go_to(stretch);
    std::deque<record> found;
    record event;
    while (reader_.next(event)) {
      if (!asked().matches(event)) continue;
      if (found.size() == left_) found.pop_front();
      found.push_back(event);
    }
    matches_.swap(found);
  }

  std::uint64_t left_ = 0;  // how many matches may still be given
  event_stretches<Policies> stretches_{};
  stretch_reader<Policies> reader_{};
  std::optional<event_stretch> pending_{};  // that is still to be gone to
  bool is_unasked_ = false;       // forwards: it stands at an event that was not asked yet
  std::deque<record> matches_{};  // backwards: those of the last stretch that are still to come
};

/// Counts the matches of a query.
/// @threads  one
template <class Policies>
class match_counter {
 public:
  match_counter(read_scope<Policies> scope, std::shared_ptr<const event_question> asked)
      : asked_{std::move(asked)},
        is_empty_{scope.first > scope.last},
        stretches_{scope, asked_},
        reader_{std::move(scope)} {}

  /// @errors  errc::corrupt
  [[nodiscard]] std::uint64_t count() {
    const std::uint64_t most = is_empty_ ? 0 : asked_->how.limit;
    std::uint64_t counted = 0;
    std::uint64_t read = 0;
    stretches_.count_into(counted);
    event_stretch part;
    record event;
    while (counted + read < most && !is_stopped() && stretches_.next(part)) {
      reader_.go_to(part);
      while (!is_stopped() && reader_.next(event)) read += asked_->matches(event) ? 1 : 0;
    }
    return std::min(most, counted + read);
  }

 private:
  [[nodiscard]] bool is_stopped() const { return asked_->how.stop.stop_requested(); }

  std::shared_ptr<const event_question> asked_;
  bool is_empty_;
  event_stretches<Policies> stretches_;
  stretch_reader<Policies> reader_;
};

}  // namespace detail

/// The events of a log that a query finds, in its order, as they stood when it was asked: records,
/// with `lsn()`, `time()` and `text()`; usable with std::ranges.
///
/// Multi-pass, and may outlive the log. `*it` refers to a record inside the iterator, which the
/// next ++ moves on; a copy of that record keeps its bytes for as long as it lives.
/// @errors   errc::corrupt while walking
/// @threads  a range may be walked by many threads, an iterator by one at a time; waits for no
///           writer
/// @cost     reads what lies between the matches, but for blocks that summaries exclude; backwards
///           it holds those of 64 KiB of log
template <class Policies>
class basic_event_matches : public std::ranges::view_base {
 public:
  using iterator = detail::record_iterator<detail::match_walker<Policies>>;

  basic_event_matches() = default;
  basic_event_matches(detail::read_scope<Policies> scope,
                      std::shared_ptr<const detail::event_question> asked)
      : scope_{std::move(scope)}, asked_{std::move(asked)} {}

  [[nodiscard]] iterator begin() const {
    if (asked_ == nullptr) return {};
    return iterator{detail::match_walker<Policies>{scope_, asked_}};
  }
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }

 private:
  detail::read_scope<Policies> scope_{};
  std::shared_ptr<const detail::event_question> asked_{};
};

/// The matches in a log: one type for all its durabilities and lockings.
template <class Policies>
using event_matches = basic_event_matches<detail::stored_of<Policies>>;

/// The events of a log that a query finds, those that are still to come included.
///
/// ++ waits at the end of the log. It ends, and may be used, as `tail()` of all records.
template <class Log>
class event_tail {
 public:
  event_tail(record_tail<Log> all, std::shared_ptr<const detail::event_question> asked)
      : all_{std::move(all)}, asked_{std::move(asked)} {}

  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = record;
    using difference_type = std::ptrdiff_t;

    iterator() = default;
    const record& operator*() const { return *tail_->at_; }
    const record* operator->() const { return &*tail_->at_; }
    iterator& operator++() {
      tail_->go_to_match();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& a, std::default_sentinel_t) { return a.is_over(); }

   private:
    friend class event_tail;
    explicit iterator(event_tail& tail) : tail_{&tail} {}
    [[nodiscard]] bool is_over() const { return tail_->at_ == std::default_sentinel; }
    event_tail* tail_ = nullptr;
  };

  /// Waits for the first match.
  [[nodiscard]] iterator begin() {
    if (!is_unasked_) {
      at_ = all_.begin();
      is_unasked_ = true;
    }
    go_to_match();
    return iterator{*this};
  }
  [[nodiscard]] static std::default_sentinel_t end() { return {}; }

 private:
  /// Goes on to the next match. What throws leaves it where it was, to be tried again.
  void go_to_match() {
    for (bool found = false; !found;) {
      if (!is_unasked_) ++at_;
      is_unasked_ = at_ != std::default_sentinel;
      if (!is_unasked_) return;
      found = asked_->matches(*at_);
      is_unasked_ = false;
    }
  }

  record_tail<Log> all_;
  std::shared_ptr<const detail::event_question> asked_;
  typename record_tail<Log>::iterator at_{};
  bool is_unasked_ = false;  // it stands at an event that was not asked yet
};

}  // namespace logdb
