// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The records of chosen stretches of a log: what an index has not excluded.

#include <algorithm>
#include <iterator>
#include <ranges>
#include <utility>
#include <vector>

#include <logdb/journal/read/records.hpp>
#include <logdb/policy/index.hpp>

namespace logdb {

/// A stretch of a log that an index has chosen: from a frame that it knows to a record.
struct record_stretch {
  index_entry begin{};  ///< the frame; what it begins with is the first record of the stretch
  lsn end{};            ///< one past the last record
};

namespace detail {

/// Walks stretches of a scope one after the other; what lies between is not read.
///
/// @threads  one at a time; copies are independent
template <class Policies>
class stretch_walker {
 public:
  stretch_walker() = default;
  stretch_walker(read_scope<Policies> scope, std::vector<record_stretch> chosen)
      : last_{scope.last}, rest_{std::move(chosen)} {
    scope.last = {};
    walker_ = {std::move(scope), lsn{1}};
  }

  /// Moves on and points `out` at the record there; false: no more in the stretches.
  /// @errors  errc::corrupt, with segment, offset and lsn; also where no frame stands as chosen
  bool next(record& out) {
    while (!walker_.next(out)) {
      if (done_ == rest_.size()) return false;
      const record_stretch& next = rest_[done_];
      const lsn last = std::min(last_, next.end - 1);
      if (next.begin.first <= last_) walker_.go_to(next.begin, next.begin.first, last);
      ++done_;  // what threw is tried again
    }
    return true;
  }

 private:
  record_walker<Policies> walker_;
  lsn last_{};  // of the scope
  std::vector<record_stretch> rest_;
  std::size_t done_ = 0;  // of rest_
};

}  // namespace detail

/// The records of some stretches of a log, in the order of the stretches; usable with std::ranges.
///
/// As record_range otherwise: errors, threads, cost; and each begin() copies the stretches.
template <class Policies>
class basic_stretch_range : public std::ranges::view_base {
 public:
  using iterator = detail::record_iterator<detail::stretch_walker<Policies>>;

  basic_stretch_range() = default;
  /// @param chosen  none begins before the first record of the scope, and none is empty
  basic_stretch_range(detail::read_scope<Policies> scope, std::vector<record_stretch> chosen)
      : scope_{std::move(scope)}, chosen_{std::move(chosen)} {}

  [[nodiscard]] iterator begin() const {
    if (chosen_.empty()) return {};
    return iterator{detail::stretch_walker<Policies>{scope_, chosen_}};
  }
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }

 private:
  detail::read_scope<Policies> scope_;
  std::vector<record_stretch> chosen_;
};

template <class Policies>
using stretch_range = basic_stretch_range<detail::stored_of<Policies>>;

}  // namespace logdb
