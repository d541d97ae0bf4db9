// SPDX-License-Identifier: BSL-1.0
// Random operations on a durable time log and on a sorted list: reopened, killed, compacted; also
// on one that two have open to write, each operation through one of them.
// LOGDB_ORACLE_SEED repeats a run, LOGDB_ORACLE_SECONDS makes it longer.
#define BOOST_TEST_MODULE timelsm_durable_oracle
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include <logdb/logdb.hpp>

#include "../../support/temp_dir.hpp"
#include "support.hpp"

namespace {

using namespace timelsm_test;  // NOLINT: a test
using lone_log = logdb::basic_timelog<value_type>;
using shared_log = lone_log::with<logdb::Locking<logdb::Fcntl>>;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::stoull(text);
}

/// Is one log beside one model, with everything about them drawn from a seed.
template <class Log>
class trial {
 public:
  using log_type = Log;

  explicit trial(std::uint64_t seed) : random_{seed} {
    options_.segment_bytes = std::uint64_t{16 << 10} << below(3);
    options_.durability.staging_bytes = 32 << 10;
    options_.index.memtable_rows = options_.index.partition_rows = std::size_t{256} << below(3);
    options_.index.checkpoint_bytes = std::uint64_t{1000} << below(8);
    options_.index.l0_runs_max = 2 + below(4);
    if (below(2) == 0) options_.index.memory_bytes_max = std::size_t{64 << 10} << below(4);
  }

  /// Lives several times: each ends with a close, or by SIGKILL.
  void run(std::size_t lives, std::size_t operations) {
    for (std::size_t life = 0; life < lives; ++life) {
      if (below(2) == 0) {
        die(operations);
      } else {
        open();
        for (std::size_t i = 0; i < operations; ++i) operate();
        check();
      }
      open();
      check();
    }
  }

 private:
  static constexpr bool is_shared = log_type::policies::locking::shared_writers;

  void open() {
    log_ = std::make_unique<log_type>(dir_ / "log", options_);
    if (is_shared) other_ = std::make_unique<log_type>(dir_ / "log", options_);
  }
  /// Checks all that is there, through each, and closes.
  void check() {
    for (auto* each : {&log_, &other_}) {
      if (*each == nullptr) continue;
      require_same((*each)->snapshot(), model_);
      for (const auto& fault : (*each)->validate()) BOOST_ERROR(fault);
      each->reset();
    }
  }

  /// Does the operations in a process that then kills itself, and here on the model alone.
  void die(std::size_t operations) {
    const ::pid_t child = ::fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0) {
      try {
        open();
        for (std::size_t i = 0; i < operations; ++i) operate();
      } catch (...) {
        ::_exit(1);
      }
      ::raise(SIGKILL);
    }
    int ended = 0;
    BOOST_REQUIRE(::waitpid(child, &ended, 0) == child);
    BOOST_REQUIRE(WIFSIGNALED(ended));
    for (std::size_t i = 0; i < operations; ++i) operate();
  }

  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  std::int64_t next_time() {
    if (below(3000) == 0) return below(2) == 0 ? first_time : last_time;
    clock_ += static_cast<std::int64_t>(below(20));
    return below(5) == 0 ? clock_ - static_cast<std::int64_t>(below(2000)) : clock_;
  }

  bounds drawn_bounds() {
    const auto first = static_cast<std::int64_t>(below(static_cast<std::uint64_t>(clock_) + 40));
    const auto most = below(3) == 0 ? 5000U : 50U;
    return {first, first + static_cast<std::int64_t>(below(most))};
  }

  void operate() {
    if (is_shared && below(2) == 0) std::swap(log_, other_);
    const auto what = below(100);
    if (what < 80) return write(log_.get(), what);
    if (what < 86) return transact();
    if (what < 90) return maintain(what);
    const auto in = drawn_bounds();
    if (log_ != nullptr) require_same(log_->snapshot(), model_, in);
  }

  void maintain(std::uint64_t what) {
    if (log_ == nullptr) return;
    if (what < 88) {
      log_->flush();
    } else {
      log_->compact();
    }
  }

  /// Writes to a log or a transaction; null: to the model alone.
  template <class Target>
  void write(Target* to, std::uint64_t what) {
    if (what < 30) return append_one(to);
    if (what < 65) return append_batch(to, 1 + below(what == 50 ? 5000 : 200));
    erase(to, what < 79 ? drawn_bounds() : bounds{clock_ - 20, last_time});
  }

  /// Writes several times as one, or in vain.
  void transact() {
    const model before = model_;
    std::optional<typename log_type::transaction_type> all;
    if (log_ != nullptr) all.emplace(log_->begin());
    for (auto n = 1 + below(8); n != 0; --n) write(all ? &*all : nullptr, below(80));
    const bool takes_back = below(4) == 0;
    if (takes_back) model_ = before;
    if (all) takes_back ? all->rollback() : static_cast<void>(all->commit());
  }

  template <class Target>
  void append_one(Target* to) {
    const auto time = next_time();
    if (to != nullptr) to->append(time, next_value_);
    model_.append(time, next_value_++);
  }

  template <class Target>
  void append_batch(Target* to, std::size_t n) {
    rows batch;
    for (std::size_t i = 0; i < n; ++i) batch.emplace_back(next_time(), next_value_++);
    if (to != nullptr) to->append(batch);
    for (const auto& [time, value] : batch) model_.append(time, value);
  }

  template <class Target>
  void erase(Target* to, const bounds& in) {
    model_.erase(in);
    if (to == nullptr) return;
    if (in.last == last_time) {
      to->erase_since(in.first);
    } else {
      to->erase(in.first, in.last + 1);
    }
  }

  logdb::test::temp_dir dir_;
  std::mt19937_64 random_;
  typename log_type::options options_;
  std::int64_t clock_ = 0;
  value_type next_value_ = 0;
  model model_;
  std::unique_ptr<log_type> log_;    // null: where only the model lives
  std::unique_ptr<log_type> other_;  // of the same log; null: it is not shared
};

/// Tries seeds for some seconds.
template <class Log>
void try_seeds(std::uint64_t seconds) {
  const auto seed = from_environment("LOGDB_ORACLE_SEED", std::random_device{}());
  const std::chrono::seconds length{from_environment("LOGDB_ORACLE_SECONDS", seconds)};
  std::cout << "LOGDB_ORACLE_SEED=" << seed << std::endl;
  const auto end = std::chrono::steady_clock::now() + length;
  for (std::uint64_t i = 0; i < 2 || std::chrono::steady_clock::now() < end; ++i) {
    BOOST_TEST_CONTEXT("LOGDB_ORACLE_SEED=" << seed + i) { trial<Log>{seed + i}.run(6, 100); }
  }
}

BOOST_AUTO_TEST_SUITE(timelsm_durable_oracle)

BOOST_AUTO_TEST_CASE(whatever_is_done_a_time_log_agrees_with_a_sorted_list_after_each_open) {
  try_seeds<lone_log>(5);
}

BOOST_AUTO_TEST_CASE(whatever_two_do_by_turns_to_a_shared_time_log_it_agrees_with_a_sorted_list) {
  try_seeds<shared_log>(5);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
