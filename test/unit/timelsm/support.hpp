// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What the tests of the time index share: its type, small options, rows as a list, a model.

#include <cstdint>
#include <iterator>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/index/timelsm/index.hpp>

namespace timelsm_test {

using value_type = std::uint64_t;
using index_type = logdb::timelsm::time_index<value_type, logdb::platform::posix>;
using options_type = logdb::timelsm_options<value_type>;
using snapshot_type = logdb::time_snapshot<value_type>;
using bounds = logdb::timelsm::bounds;
using row = std::pair<std::int64_t, value_type>;
using rows = std::vector<row>;

inline constexpr std::int64_t first_time = std::numeric_limits<std::int64_t>::min();
inline constexpr std::int64_t last_time = std::numeric_limits<std::int64_t>::max();

/// Returns options under which everything happens after a few hundred rows, and nothing by itself.
inline options_type small_options() {
  options_type chosen;
  chosen.maintenance = logdb::maintenance_mode::by_hand;
  chosen.memtable_rows = 256;
  chosen.partition_rows = 256;
  chosen.l0_runs_max = 4;
  return chosen;
}

/// Appends rows whose values are their times.
inline void fill(index_type& index, std::int64_t from, std::int64_t to, std::int64_t step = 1) {
  for (auto time = from; time < to; time += step) {
    index.append(time, static_cast<value_type>(time));
  }
}

/// Collects a range of rows.
template <class Range>
rows listed(const Range& range) {
  rows all;
  for (const auto& [time, value] : range) all.emplace_back(time, value);
  return all;
}

/// Collects spans of rows.
template <class Spans>
rows listed_spans(const Spans& spans) {
  rows all;
  for (const auto& span : spans) {
    for (std::size_t i = 0; i < span.size(); ++i) all.emplace_back(span.times[i], span.values[i]);
  }
  return all;
}

/// Keeps rows as a time index should, slowly: of equal times the first inserted comes first.
class model {
 public:
  void append(std::int64_t time, value_type value) { rows_.emplace(time, value); }

  /// Takes out closed bounds; returns the values that went.
  std::vector<value_type> erase(const bounds& in) {
    if (in.empty()) return {};
    const auto first = rows_.lower_bound(in.first);
    const auto last = rows_.upper_bound(in.last);
    std::vector<value_type> gone;
    for (auto at = first; at != last; ++at) gone.push_back(at->second);
    rows_.erase(first, last);
    return gone;
  }

  [[nodiscard]] rows within(const bounds& in) const {
    if (in.empty()) return {};
    return {rows_.lower_bound(in.first), rows_.upper_bound(in.last)};
  }
  [[nodiscard]] rows all() const { return {rows_.begin(), rows_.end()}; }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }

 private:
  std::multimap<std::int64_t, value_type> rows_;
};

/// Requires that an index and a model agree on everything that can be asked about bounds.
inline void require_same(const snapshot_type& seen, const model& wanted, const bounds& in) {
  const rows inside = wanted.within(in);
  const auto from = in.first;
  const auto to = in.last == last_time ? last_time : in.last + 1;
  const bool open = in.last == last_time;  // a half-open range does not reach the last time
  const auto range = open ? seen.since(from) : seen.range(from, to);
  BOOST_REQUIRE(listed(range) == inside);
  BOOST_REQUIRE_EQUAL(range.count(), inside.size());
  if (open) return;
  BOOST_REQUIRE(listed_spans(seen.spans(from, to)) == inside);
  BOOST_REQUIRE_EQUAL(seen.count(from, to), inside.size());
  rows back = listed(seen.backward(from, to));
  std::reverse(back.begin(), back.end());
  BOOST_REQUIRE(back == inside);
}

/// Requires that they agree on everything.
inline void require_same(const snapshot_type& seen, const model& wanted) {
  const rows all = wanted.all();
  BOOST_REQUIRE_EQUAL(seen.size(), all.size());
  BOOST_REQUIRE(listed(seen.all()) == all);
  BOOST_REQUIRE(listed_spans(seen.spans()) == all);
  rows back = listed(seen.backward());
  std::reverse(back.begin(), back.end());
  BOOST_REQUIRE(back == all);
  BOOST_REQUIRE(seen.min_time() == (all.empty() ? std::nullopt : std::optional{all.front().first}));
  BOOST_REQUIRE(seen.max_time() == (all.empty() ? std::nullopt : std::optional{all.back().first}));
}

}  // namespace timelsm_test
