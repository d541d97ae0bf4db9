// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What maintenance does to a tree of runs: takes a window of time out of some runs of L0 and puts
/// it into L1.

#include <algorithm>
#include <utility>
#include <vector>

#include <logdb/index/timelsm/maintain/gather.hpp>
#include <logdb/light.hpp>

namespace logdb::timelsm {

template <class V>
slices<V> all_of(const sorted_run<V>& one) {
  return {one.data(), one.data() + one.size()};
}

/// Counts what of a tree could be stored.
template <class V>
amount unstored_of(const tree<V>& of) {
  amount all;
  each_sealed(of, [&all](const slices<V>& some) {
    for (const auto* one = some.first; one != some.last; ++one) {
      if (one->stored == nullptr) all += one->amount_of();
    }
  });
  return all;
}

/// Counts the rows of a run up to a time, hidden ones included; about.
template <class V>
amount amount_up_to(const sorted_run<V>& one, time_type last) {
  amount all;
  for (const auto& part : one) {
    if (part.first > last) break;
    // A stored block counts whole: it is not worth being read for this.
    const bool whole = part.last <= last || part.stored != nullptr;
    all += whole ? part.amount_of() : part.amount_of(part.up_to(last));
  }
  return all;
}

/// Returns the first of the youngest runs that are to become one: those which are larger than twice
/// all that is younger stay, but for one beside the youngest, and so do those with which it would
/// be too much at once.
template <class V>
[[nodiscard]] std::size_t first_of_a_size(const std::vector<sorted_run<V>>& l0,
                                          const amount& most) {
  std::size_t first = l0.size() - 1;
  amount all = amount_up_to(l0.back(), time_last);
  for (std::size_t i = first; i-- > 0;) {
    const amount one = amount_up_to(l0[i], time_last);
    const bool is_of_a_size = one.rows <= 2 * all.rows || i + 2 == l0.size();
    if (!(all += one).within(most)) break;
    if (is_of_a_size) first = i;
  }
  return first;
}

/// Counts the rows of the partitions that runs reach into.
template <class V>
std::size_t rows_overlapped(const sorted_run<V>& l1, const std::vector<sorted_run<V>>& l0,
                            std::size_t runs) {
  std::size_t rows = 0;
  for (const auto& part : l1) {
    const bool reached = std::any_of(l0.begin(), l0.begin() + static_cast<std::ptrdiff_t>(runs),
                                     [&part](const sorted_run<V>& one) {
                                       return !all_of(one).within({part.first, part.last}).empty();
                                     });
    if (reached) rows += part.size;
  }
  return rows;
}

/// Returns the rows of a run beyond a time, uncopied.
template <class V>
sorted_run<V> beyond(const sorted_run<V>& one, time_type last) {
  sorted_run<V> rest;
  if (last == time_last) return rest;
  for (const auto& part : one) {
    if (part.last <= last) continue;
    rest.push_back(part.within({last + 1, time_last}));
  }
  return rest;
}

/// How many partitions a step rewrites, about.
inline constexpr std::size_t window_partitions = 4;

/// Chooses a window of time for one step: from the first row of some runs on, so far that about so
/// much is in it.
template <class V>
bounds choose_window(const tree<V>& from, std::size_t runs, const amount& wanted) {
  bounds window{time_last, time_last};
  for (std::size_t i = 0; i < runs; ++i) {
    window.first = std::min(window.first, from.l0[i].front().first);
  }
  const auto amount_in = [&](time_type last) {
    amount all;
    for (std::size_t i = 0; i < runs; ++i) all += amount_up_to(from.l0[i], last);
    const auto some = all_of(from.l1).within({window.first, last});
    for (const auto* one = some.first; one != some.last; ++one) all += one->amount_of();
    return all;
  };
  // The bounds of partitions and of slices are where a window may end.
  std::vector<time_type> ends;
  for (const auto& part : from.l1) {
    if (part.last >= window.first) ends.push_back(part.last);
  }
  for (std::size_t i = 0; i < runs; ++i) {
    for (const auto& part : from.l0[i]) {
      if (part.stored != nullptr) ends.push_back(part.last);
      if (part.stored != nullptr) continue;
      for (std::size_t at = part.size / 8; at < part.size; at += part.size / 8 + 1) {
        ends.push_back(part.times[at]);
      }
    }
  }
  ends.push_back(time_last);
  light::sort(ends);
  const auto over = std::partition_point(
      ends.begin(), ends.end(), [&](time_type last) { return amount_in(last).within(wanted); });
  window.last = over == ends.begin() ? ends.front() : over[-1];
  return window;
}

/// Says what a window was merged into.
template <class V>
struct splice_result {
  tree<V> made;
  std::size_t rows = 0;  // copied
};

/// Merges a window of the first runs of L0 into L1. What lies in L1 beside the window stays where
/// it is; a small rest is taken along, so that no crumbs are left.
template <class V>
splice_result<V> splice(const tree<V>& from, std::size_t runs, const bounds& window,
                        const view<V>& seen, const heap_ptr& memory, const amount& partition,
                        drops<V>& gone) {
  splice_result<V> result;
  const cover hidden = seen.hidden({});
  gatherer<V> some{memory, hidden, gone};
  const auto reached = all_of(from.l1).within(window);
  bounds of_l1 = window;
  sorted_run<V> left;
  sorted_run<V> right;
  if (!reached.empty()) {
    const amount crumb = partition.part(16);
    const slice<V>& front = *reached.first;
    const slice<V>& back = reached.last[-1];
    const std::size_t before = front.below(window.first);
    const std::size_t upto = back.up_to(window.last);
    if (!front.amount_of(before).within(crumb)) {
      left.push_back(front.part(0, before));
    } else {
      of_l1.first = time_first;
    }
    if (!back.amount_of(back.size - upto).within(crumb)) {
      right.push_back(back.part(upto, back.size));
    } else {
      of_l1.last = time_last;
    }
  }
  some.add(reached, of_l1);
  for (std::size_t i = 0; i < runs; ++i) some.add(all_of(from.l0[i]), window);
  result.rows = some.rows();
  sorted_run<V> merged = some.merge(partition, seen.deletions());

  auto& l1 = result.made.l1;
  const auto* const data = from.l1.data();
  l1.assign(data, reached.first);
  const auto put = [&l1](sorted_run<V>& rows) { l1.insert(l1.end(), rows.begin(), rows.end()); };
  put(left);
  put(merged);
  put(right);
  l1.insert(l1.end(), reached.last, data + from.l1.size());
  for (std::size_t i = 0; i < from.l0.size(); ++i) {
    result.made.l0.push_back(i < runs ? beyond(from.l0[i], window.last) : from.l0[i]);
  }
  result.made.count();
  return result;
}

}  // namespace logdb::timelsm
