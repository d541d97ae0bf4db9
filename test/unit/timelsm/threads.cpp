// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE timelsm_threads
#include <atomic>
#include <map>
#include <thread>

#include "support.hpp"

namespace {

using namespace timelsm_test;  // NOLINT: a test

options_type busy_options() {
  options_type chosen;
  chosen.memtable_rows = chosen.partition_rows = 512;
  chosen.l0_runs_max = 4;
  chosen.frozen_max = 2;
  return chosen;
}

/// Runs writers until they are through, and readers and others as long as they write.
template <class Write, class Beside>
void run(int writers, Write write, const std::vector<Beside>& beside) {
  std::atomic<bool> written = false;
  std::vector<std::jthread> readers;
  for (const auto& one : beside) {
    readers.emplace_back([&] {
      do one();
      while (!written);
    });
  }
  {
    std::vector<std::jthread> running;
    for (int i = 0; i < writers; ++i) running.emplace_back([&write, i] { write(i); });
  }
  written = true;
}

BOOST_AUTO_TEST_SUITE(timelsm_threads)

BOOST_AUTO_TEST_CASE(a_batch_is_seen_whole_or_not_at_all) {
  index_type index{busy_options()};
  constexpr std::size_t batch_rows = 10;
  std::atomic<std::size_t> torn = 0;
  std::atomic<std::size_t> scans = 0;
  const auto write = [&](int writer) {
    for (std::int64_t i = 0; i < 400; ++i) {
      rows batch;
      const auto tag = static_cast<value_type>(writer * 1000 + i);
      // Some rows are late, so that a batch lies in several places.
      for (std::size_t k = 0; k < batch_rows; ++k) {
        batch.emplace_back(i * 10 + (k % 3 == 0 ? -500 : static_cast<std::int64_t>(k)), tag);
      }
      index.append(batch);
    }
  };
  const std::function<void()> read = [&] {
    std::map<value_type, std::size_t> seen;
    const auto snapshot = index.snapshot();
    for (const auto& [time, tag] : snapshot.all()) ++seen[tag];
    for (const auto& [tag, count] : seen) torn += count == batch_rows ? 0 : 1;
    torn += snapshot.size() == seen.size() * batch_rows ? 0 : 1;
    ++scans;
  };
  run(3, write, std::vector{read, read});
  BOOST_TEST(torn == 0U);
  BOOST_TEST(scans > 0U);
  BOOST_TEST(index.snapshot().size() == 3 * 400 * batch_rows);
  BOOST_TEST(index.validate().empty());
}

BOOST_AUTO_TEST_CASE(a_row_that_was_appended_is_seen_by_who_asks_then) {
  index_type index{busy_options()};
  std::atomic<std::size_t> missing = 0;
  const auto write = [&](int writer) {
    for (std::int64_t i = 0; i < 3000; ++i) {
      const auto time = i * 4 + writer;
      index.append(time, 1);
      if (i % 16 == 0) missing += index.snapshot().at(time).count() == 1 ? 0 : 1;
    }
  };
  run(4, write, std::vector<std::function<void()>>{[&] { index.flush(); }});
  BOOST_TEST(missing == 0U);
  BOOST_TEST(index.snapshot().size() == 12'000U);
}

BOOST_AUTO_TEST_CASE(what_was_erased_stays_away_while_others_append_and_maintain) {
  auto options = busy_options();
  std::atomic<std::uint64_t> reported = 0;
  options.on_drop = [&](std::int64_t, const value_type&) { ++reported; };
  index_type index{options};
  std::atomic<std::size_t> wrong = 0;
  // Each writer has times of its own, where nobody else appends or erases.
  const auto write = [&](int writer) {
    const std::int64_t own = std::int64_t{writer} * 1'000'000;
    for (std::int64_t i = 0; i < 300; ++i) {
      for (std::int64_t k = 0; k < 10; ++k) index.append(own + i * 10 + k, 1);
      index.erase({own + i * 10, own + i * 10 + 7});
      if (index.snapshot().count(own, own + 900'000) != static_cast<std::size_t>(2 * (i + 1))) {
        ++wrong;
      }
    }
  };
  const std::function<void()> compact = [&] { index.compact(); };
  const std::function<void()> check = [&] { wrong += index.validate().size(); };
  run(3, write, std::vector{compact, check});
  BOOST_TEST(wrong == 0U);
  index.compact();
  BOOST_TEST(index.snapshot().size() == 3 * 600U);
  BOOST_TEST(index.stats().rows == 3 * 600U);
  index.close();
  BOOST_TEST(reported == 3 * 2400U);
}

BOOST_AUTO_TEST_CASE(closing_ends_writers_that_wait) {
  auto options = busy_options();
  options.memtable_rows = 256;
  options.frozen_max = 1;
  index_type index{options};
  std::atomic<int> ended = 0;
  const auto write = [&](int) {
    try {
      for (std::int64_t i = 0;; ++i) index.append(i, 1);
    } catch (const logdb::error& closed) {
      ended += closed.condition() == logdb::errc::closed ? 1 : 0;
    }
  };
  std::vector<std::jthread> running;
  for (int i = 0; i < 3; ++i) running.emplace_back([&write, i] { write(i); });
  while (index.stats().rows_appended < 5000) std::this_thread::yield();
  index.close();
  running.clear();
  BOOST_TEST(ended == 3);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
