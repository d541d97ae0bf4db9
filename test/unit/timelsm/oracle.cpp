// SPDX-License-Identifier: BSL-1.0
// Random operations on a time index and on a sorted list, compared after each. LOGDB_ORACLE_SEED
// repeats a run, LOGDB_ORACLE_SECONDS makes it longer.
#define BOOST_TEST_MODULE timelsm_oracle
#include <array>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>
#include <set>
#include <string>

#include "support.hpp"

namespace {

using namespace timelsm_test;  // NOLINT: a test

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::stoull(text);
}

/// Is one index beside one model, with everything about them drawn from a seed.
class trial {
 public:
  explicit trial(std::uint64_t seed) : random_{seed} {
    constexpr std::array shares{0, 5, 20, 100};
    late_percent_ = shares[below(shares.size())];
    spread_ = std::int64_t{1} << below(24);
    index_ = std::make_unique<index_type>(drawn_options());
  }

  void run(std::size_t operations) {
    for (std::size_t i = 0; i < operations; ++i) {
      operate();
      if (below(8) == 0) ask(index_->snapshot(), model_);
    }
    finish();
  }

 private:
  struct held {
    snapshot_type seen;
    model wanted;
  };

  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  options_type drawn_options() {
    options_type chosen;
    chosen.maintenance = static_cast<logdb::maintenance_mode>(below(3));
    chosen.memtable_rows = std::size_t{256} << below(4);
    chosen.partition_rows = std::size_t{256} << below(4);
    chosen.l0_runs_max = 2 + below(7);
    chosen.frozen_max = 1 + below(4);
    chosen.tombstones_max = below(100);
    chosen.on_drop = [this](std::int64_t, const value_type& value) { dropped_.push_back(value); };
    return chosen;
  }

  /// Returns the time of the next row: on, late, or one of the ends.
  std::int64_t next_time() {
    if (below(5000) == 0) return below(2) == 0 ? first_time : last_time;
    clock_ += static_cast<std::int64_t>(below(4) == 0 ? 0 : below(20));
    if (below(100) >= static_cast<std::uint64_t>(late_percent_)) return clock_;
    return clock_ - static_cast<std::int64_t>(below(static_cast<std::uint64_t>(spread_) + 1));
  }

  bounds drawn_bounds() {
    const auto some = [this] {
      if (below(40) == 0) return below(2) == 0 ? first_time : last_time;
      return static_cast<std::int64_t>(below(static_cast<std::uint64_t>(clock_) + 40)) - 20;
    };
    bounds in{some(), some()};
    if (below(2) == 0 && in.first < last_time - 100) {
      in.last = in.first + static_cast<std::int64_t>(below(100));
    }
    return in;
  }

  void operate() {
    const auto what = below(100);
    if (what < 40) return append_some(1 + below(30));
    if (what < 60) return append_batch(1 + below(300));
    if (what < 62) return append_batch(1 + below(10000));
    if (what < 75) return erase_some(drawn_bounds());
    if (what < 80) return erase_some({clock_ - 10, clock_});
    if (what < 82) return erase_some({first_time, clock_ - static_cast<std::int64_t>(below(1000))});
    if (what < 83) return erase_some({});
    if (what < 86) return index_->flush();
    if (what < 88) return index_->compact();
    if (what < 94) return void(index_->maintain());
    hold();
  }

  void append_some(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      const auto time = next_time();
      index_->append(time, next_value_);
      model_.append(time, next_value_++);
    }
  }

  void append_batch(std::size_t n) {
    rows batch;
    for (std::size_t i = 0; i < n; ++i) batch.emplace_back(next_time(), next_value_++);
    index_->append(batch);
    for (const auto& [time, value] : batch) model_.append(time, value);
  }

  void erase_some(const bounds& in) {
    index_->erase(in);
    for (const value_type gone : model_.erase(in)) erased_.insert(gone);
  }

  /// Takes a snapshot, and looks whether an old one still shows what it did.
  void hold() {
    if (held_.size() == 3) {
      const auto which = below(held_.size());
      require_same(held_[which].seen, held_[which].wanted);
      held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(which));
    }
    held_.push_back({index_->snapshot(), model_});
  }

  void ask(const snapshot_type& seen, const model& wanted) {
    require_same(seen, wanted, drawn_bounds());
    const auto time = static_cast<std::int64_t>(below(static_cast<std::uint64_t>(clock_) + 40));
    BOOST_REQUIRE(listed(seen.at(time)) == wanted.within({time, time}));
    const auto after = wanted.within({time + 1, last_time});
    const auto before = wanted.within({first_time, time - 1});
    BOOST_REQUIRE(seen.next_time(time) ==
                  (after.empty() ? std::nullopt : std::optional{after.front().first}));
    BOOST_REQUIRE(seen.prev_time(time) ==
                  (before.empty() ? std::nullopt : std::optional{before.back().first}));
    if (below(10) == 0) require_same(seen, wanted);
    if (below(10) == 0) require_valid();
  }

  void require_valid() {
    for (const auto& fault : index_->validate()) BOOST_ERROR(fault);
  }

  void finish() {
    for (const auto& one : held_) require_same(one.seen, one.wanted);
    held_.clear();
    require_same(index_->snapshot(), model_);
    index_->compact();
    require_same(index_->snapshot(), model_);
    require_valid();
    while (index_->maintain()) {
    }
    const auto figures = index_->stats();
    BOOST_TEST(figures.rows == model_.size());
    BOOST_TEST(figures.rows_appended == next_value_);
    BOOST_TEST(figures.rows_dropped == erased_.size());
    BOOST_TEST(figures.tombstones <= 64U);
    index_->close();
    std::ranges::sort(dropped_);
    BOOST_TEST((dropped_ == std::vector<value_type>{erased_.begin(), erased_.end()}));
  }

  std::mt19937_64 random_;
  int late_percent_ = 0;
  std::int64_t spread_ = 1;
  std::int64_t clock_ = 0;
  value_type next_value_ = 0;
  model model_;
  std::set<value_type> erased_;
  std::vector<value_type> dropped_;  // by who maintains, one call at a time
  std::unique_ptr<index_type> index_;
  std::vector<held> held_;
};

BOOST_AUTO_TEST_SUITE(timelsm_oracle)

BOOST_AUTO_TEST_CASE(whatever_is_done_a_time_index_agrees_with_a_sorted_list) {
  const auto seed = from_environment("LOGDB_ORACLE_SEED", std::random_device{}());
  const std::chrono::seconds length{from_environment("LOGDB_ORACLE_SECONDS", 5)};
  std::cout << "LOGDB_ORACLE_SEED=" << seed << std::endl;
  const auto end = std::chrono::steady_clock::now() + length;
  for (std::uint64_t i = 0; i < 3 || std::chrono::steady_clock::now() < end; ++i) {
    BOOST_TEST_CONTEXT("LOGDB_ORACLE_SEED=" << seed + i) { trial{seed + i}.run(400); }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
