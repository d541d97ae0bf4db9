// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What bench/time and bench/time_durable feed their contestants - times with short, middling and
/// long gaps, some of them late - and two plain arrays to compare with.

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <random>
#include <span>
#include <utility>
#include <vector>

namespace bench {

using time_pair = std::pair<std::int64_t, std::uint64_t>;
using time_pairs = std::vector<time_pair>;

/// Says how rows arrive.
struct arrival {
  double late_share = 0;      ///< of the rows
  std::int64_t late_max = 0;  ///< they are late by 1 .. so much; 0: by up to half the history
  bool shuffled = false;
};

/// Is a way to arrive, and how many rows a second are wanted in memory; durable ones half of it.
struct arrival_case {
  const char* name;
  arrival how;
  double wanted;
};

inline constexpr std::array<arrival_case, 4> arrivals{{
    {"7 % late by up to 500 us", {.late_share = 0.07, .late_max = 500'000}, 60e6},
    {"in order", {}, 90e6},
    {"7 % late by up to half the history", {.late_share = 0.07}, 45e6},
    {"shuffled", {.shuffled = true}, 20e6},
}};

/// Draws a gap: 60 % are 1 .. 500, 30 % 500 .. 200,000, 10 % 200,000 .. 5,000,000 ns.
inline std::int64_t draw_gap(std::mt19937_64& random) {
  const auto kind = random() % 10;
  const auto within = [&](std::uint64_t first, std::uint64_t last) {
    return static_cast<std::int64_t>(first + random() % (last - first));
  };
  return kind < 6 ? within(1, 501) : kind < 9 ? within(500, 200'000) : within(200'000, 5'000'000);
}

/// Makes rows whose values count them.
inline time_pairs make_rows(std::size_t count, const arrival& how) {
  std::mt19937_64 random{42};
  time_pairs rows(count);
  std::int64_t clock = 0;
  for (std::size_t i = 0; i < count; ++i) {
    clock += draw_gap(random);
    std::int64_t time = clock;
    if (static_cast<double>(random() % 10'000) < how.late_share * 10'000) {
      const auto most = how.late_max != 0 ? how.late_max : clock / 2 + 1;
      time -= 1 + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most));
    }
    rows[i] = {time, i};
  }
  if (how.shuffled) std::ranges::shuffle(rows, random);
  return rows;
}

/// Returns how many rows are fed.
constexpr std::size_t rows_wanted(bool quick) { return quick ? 1'155'000 : 11'550'000; }

inline constexpr std::size_t batch_rows = 1000;

/// Appends rows to a log in batches.
template <class Log>
void append_all(Log& log, const time_pairs& rows, std::size_t batch = batch_rows) {
  for (std::size_t at = 0; at < rows.size(); at += batch) {
    log.append(std::span{rows}.subspan(at, std::min(batch, rows.size() - at)));
  }
}

/// Returns the width of time in which there are about so many rows.
inline std::int64_t width_of(const time_pairs& rows, double wanted) {
  const auto [least, most] = std::ranges::minmax_element(rows, {}, &time_pair::first);
  const auto whole = static_cast<double>(most->first - least->first);
  return static_cast<std::int64_t>(whole / static_cast<double>(rows.size()) * wanted);
}

/// Draws times that rows have.
inline std::vector<std::int64_t> draw_times(const time_pairs& rows, std::size_t count) {
  std::mt19937_64 random{7};
  std::vector<std::int64_t> times(count);
  for (auto& time : times) time = rows[random() % rows.size()].first;
  return times;
}

/// Is two plain arrays in the order of time, and what can be asked of them.
struct plain_arrays {
  explicit plain_arrays(time_pairs rows) {
    std::ranges::stable_sort(rows, {}, &time_pair::first);
    for (const auto& [time, value] : rows) {
      times.push_back(time);
      values.push_back(value);
    }
  }

  [[nodiscard]] std::uint64_t sum(std::size_t from, std::size_t to) const {
    std::uint64_t all = 0;
    for (; from < to; ++from) all += static_cast<std::uint64_t>(times[from]) + values[from];
    return all;
  }
  [[nodiscard]] std::size_t below(std::int64_t time) const {
    return static_cast<std::size_t>(std::ranges::lower_bound(times, time) - times.begin());
  }

  /// Sums the rows in [from, to).
  [[nodiscard]] std::uint64_t sum_within(std::int64_t from, std::int64_t to) const {
    return sum(below(from), below(to));
  }

  std::vector<std::int64_t> times;
  std::vector<std::uint64_t> values;
};

template <class Rows>
std::uint64_t sum_rows(const Rows& rows) {
  std::uint64_t all = 0;
  for (const auto [time, value] : rows) all += static_cast<std::uint64_t>(time) + value;
  return all;
}

template <class Spans>
std::uint64_t sum_spans(const Spans& spans) {
  std::uint64_t all = 0;
  for (const auto& span : spans) {
    for (std::size_t i = 0; i < span.size(); ++i) {
      all += static_cast<std::uint64_t>(span.times[i]) + span.values[i];
    }
  }
  return all;
}

}  // namespace bench
