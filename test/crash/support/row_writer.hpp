// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Those that write one time log together, each its own rows and some among those of all, and what
/// the rows must be then.

#include <algorithm>
#include <cstdint>
#include <random>
#include <type_traits>
#include <utility>
#include <vector>

#include "history.hpp"

namespace logdb::test {

using rows = std::vector<std::pair<std::int64_t, std::uint64_t>>;

template <class Target>
rows rows_of(const Target& log) {
  rows all;
  for (const auto& [time, value] : log.all()) all.emplace_back(time, value);
  return all;
}

/// Rows as a time log keeps them, with its verbs.
class row_model {
 public:
  void append(std::int64_t time, std::uint64_t value) { append(rows{{time, value}}); }
  void append(const rows& more) {
    for (const auto& row : more) {
      const auto is_later = [](std::int64_t time, const auto& each) { return time < each.first; };
      all_.insert(std::upper_bound(all_.begin(), all_.end(), row.first, is_later), row);
    }
  }
  void erase(std::int64_t from, std::int64_t to) {
    std::erase_if(all_, [=](const auto& row) { return row.first >= from && row.first < to; });
  }
  row_model& begin() { return *this; }
  void commit() const {}

  [[nodiscard]] const rows& all() const { return all_; }

 private:
  rows all_;
};

/// Names one that writes: a thread of a process, which is the only one to erase its rows but for
/// those at the few times that all have in common.
struct row_writer {
  static constexpr std::int64_t common_times = 4;
  static constexpr std::int64_t own_times = 50;

  std::uint64_t number = 0;  // from 1

  [[nodiscard]] std::int64_t first_own() const {
    return static_cast<std::int64_t>(number) * own_times;
  }
  [[nodiscard]] std::int64_t end_of_own() const { return first_own() + own_times; }
  [[nodiscard]] std::uint64_t value(std::uint64_t step) const { return number << 32 | step; }
  [[nodiscard]] static std::uint64_t number_of(std::uint64_t value) { return value >> 32; }
  [[nodiscard]] static std::uint64_t step_of(std::uint64_t value) { return value & 0xffff'ffffULL; }

  /// Does a step, one write: the same to a log and to a model. Returns the lsn of the row, if the
  /// log was given a single one at a time that all have in common; else 0.
  template <class Target>
  std::uint64_t do_step(Target& target, std::uint64_t step) const {
    std::mt19937_64 random{mix(step) ^ number};
    const auto time = [&] { return first_own() + static_cast<std::int64_t>(random() % own_times); };
    const auto kind = random() % 16;
    if (kind < 6) {
      const auto common = static_cast<std::int64_t>(random() % common_times);
      return to_number([&] { return target.append(common, value(step)); });
    } else if (kind < 9) {
      target.append(time(), value(step));
    } else if (kind < 12) {
      rows batch;
      const auto count = kind == 11 && random() % 8 == 0 ? 4000 : 1 + random() % 40;
      for (std::uint64_t n = 0; n < count; ++n) batch.emplace_back(time(), value(step));
      target.append(batch);
    } else if (kind < 14) {
      const auto from = time();
      target.erase(from, std::min(from + 10, end_of_own()));
    } else {
      auto&& all = target.begin();
      all.append(time(), value(step));
      const auto from = time();
      all.erase(from, std::min(from + 20, end_of_own()));
      all.append(time(), value(step));
      all.commit();
    }
    return 0;
  }

  /// Tells whether rows of a log that are its own are what they are after so many steps, or one
  /// more if that may have been begun.
  [[nodiscard]] bool is_after(const rows& found, std::uint64_t steps, bool begun = false) const {
    const rows own = own_of(found);
    row_model wanted;
    for (std::uint64_t n = 1; n <= steps; ++n) do_step(wanted, n);
    if (own == wanted.all()) return true;
    if (begun) do_step(wanted, steps + 1);
    return own == wanted.all();
  }

 private:
  /// Returns the lsn that a call returns; 0: it returns none.
  template <class Call>
  static std::uint64_t to_number(Call call) {
    if constexpr (std::is_void_v<decltype(call())>) {
      return call(), 0;
    } else {
      return call().value();
    }
  }

  /// Returns its own rows, those at times of all others in the order of its steps.
  [[nodiscard]] rows own_of(const rows& all) const {
    rows own;
    for (const auto& row : all) {
      if (number_of(row.second) == number) own.push_back(row);
    }
    return own;
  }
};

}  // namespace logdb::test
