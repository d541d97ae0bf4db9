// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The matches of a query: a range of those that are there, and one that waits for more.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <iterator>
#include <memory>
#include <ranges>
#include <utility>

#include <logdb/index/events/event_question.hpp>
#include <logdb/journal/read/records.hpp>
#include <logdb/journal/read/tail.hpp>
#include <logdb/record.hpp>
#include <logdb/types.hpp>

namespace logdb {
namespace detail {

/// A place in the matches of a query. Forwards it walks the records; backwards it reads, from the
/// end on, one stretch that the index knows after the other, and gives its matches the last first.
///
/// @threads  one at a time; copies are independent
template <class Policies>
class match_walker {
 public:
  match_walker() = default;
  match_walker(read_scope<Policies> scope, std::shared_ptr<const event_question> asked)
      : scope_{std::move(scope)},
        asked_{std::move(asked)},
        before_{scope_.last + 1},
        left_{scope_.first <= scope_.last ? asked_->how.limit : 0} {
    if (left_ != 0 && !is_backward()) walker_ = record_walker<Policies>{scope_, scope_.first};
  }

  /// Moves on and points `out` at the match there; false: no more of them, or a stop was asked for.
  /// @errors  errc::corrupt
  bool next(record& out) {
    if (left_ == 0 || !(is_backward() ? next_backward(out) : next_forward(out))) return false;
    --left_;
    return true;
  }

 private:
  [[nodiscard]] bool is_backward() const { return asked_->how.order == query_order::newest; }
  [[nodiscard]] bool is_stopped() const { return asked_->how.stop.stop_requested(); }

  bool next_forward(record& out) {
    while (!is_stopped() && (is_unasked_ || walker_.next(out))) {
      is_unasked_ = true;  // if that throws, it is asked again
      const bool found = asked_->matches(out);
      is_unasked_ = false;
      if (found) return true;
    }
    return false;
  }

  bool next_backward(record& out) {
    while (stretch_.empty()) {
      if (before_ <= scope_.first || is_stopped()) return false;
      read_stretch();
    }
    out = std::move(stretch_.back());
    stretch_.pop_back();
    return true;
  }

  /// Reads the matches of the stretch that ends before the last one that was read; or, if that
  /// throws, none of them.
  void read_stretch() {
    read_scope<Policies> part = scope_;
    part.last = before_ - 1;
    const lsn first = stretch_first(part.last);
    record_walker<Policies> walk{std::move(part), first};
    std::deque<record> found;
    record event;
    while (walk.next(event)) {
      if (!asked_->matches(event)) continue;
      if (found.size() == left_) found.pop_front();
      found.push_back(event);
    }
    stretch_.swap(found);
    before_ = first;
  }

  [[nodiscard]] lsn stretch_first(lsn last) const {
    auto& in = *scope_.list->log[scope_.list->find(last)];
    // What is damaged may have no index: salvage walks its segment from the front.
    const auto entry = scope_.salvage ? std::nullopt : in.known_entries().floor(last);
    return std::clamp(entry ? entry->first : in.base(), scope_.first, last);
  }

  read_scope<Policies> scope_{};
  std::shared_ptr<const event_question> asked_{};
  record_walker<Policies> walker_{};  // forwards
  bool is_unasked_ = false;           // forwards: it stands at an event that was not asked yet
  std::deque<record> stretch_{};  // backwards: the matches of the stretch that are still to come
  lsn before_{};                  // where that begins
  std::uint64_t left_ = 0;        // how many matches may still be given
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
/// @cost     reads what lies between the matches; backwards it holds those of 64 KiB of log
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
    if (!begun_) {
      at_ = all_.begin();
      begun_ = is_unasked_ = true;
    }
    go_to_match();
    return iterator{*this};
  }
  [[nodiscard]] static std::default_sentinel_t end() { return {}; }

 private:
  /// Moves on from a match, or from where it threw.
  void go_to_match() {
    for (;; is_unasked_ = true) {
      if (at_ == std::default_sentinel) return;
      if (is_unasked_) {
        const bool found = asked_->matches(*at_);
        is_unasked_ = false;
        if (found) return;
      }
      ++at_;
    }
  }

  record_tail<Log> all_;
  std::shared_ptr<const detail::event_question> asked_;
  typename record_tail<Log>::iterator at_{};
  bool begun_ = false;
  bool is_unasked_ = false;  // whether the event there is a match is still to be seen
};

}  // namespace logdb
