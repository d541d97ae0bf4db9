// SPDX-License-Identifier: BSL-1.0
// What a transaction of a time log reads: the log's rows, and over them its own. LOGDB_ORACLE_SEED
// repeats the random run.
#define BOOST_TEST_MODULE timelsm_transaction_reads
#include <cstdlib>
#include <iostream>
#include <new>
#include <optional>
#include <random>
#include <string>

#include <logdb/memory_timelog.hpp>
#include <logdb/timelog.hpp>

#include "support.hpp"
#include "support/failing_new.hpp"
#include "support/temp_dir.hpp"

namespace {

using namespace timelsm_test;  // NOLINT: a test
using logdb::test::failing_allocation;
using logdb::test::temp_dir;
using number_log = logdb::basic_timelog<value_type>;
using memory_log = logdb::basic_memory_timelog<value_type>;

BOOST_AUTO_TEST_SUITE(timelsm_transaction_reads)

BOOST_AUTO_TEST_CASE(a_transaction_reads_its_own_rows_among_those_of_the_log) {
  const temp_dir dir;
  number_log log{dir / "log"};
  log.append(rows{{1, 10}, {3, 30}, {5, 50}});
  auto whole = log.begin();
  BOOST_TEST((listed(whole.all()) == rows{{1, 10}, {3, 30}, {5, 50}}));
  whole.append(3, 31);
  whole.append(0, 1);
  BOOST_TEST((listed(whole.all()) == rows{{0, 1}, {1, 10}, {3, 30}, {3, 31}, {5, 50}}));
  BOOST_TEST((listed(whole.range(1, 5)) == rows{{1, 10}, {3, 30}, {3, 31}}));
  BOOST_TEST((listed(whole.backward(1, 5)) == rows{{3, 31}, {3, 30}, {1, 10}}));
  BOOST_TEST((listed(whole.at(3)) == rows{{3, 30}, {3, 31}}));
  BOOST_TEST((listed_spans(whole.spans(0, 2)) == rows{{0, 1}, {1, 10}}));
  BOOST_TEST(whole.count(0, 4) == 4U);
  BOOST_TEST(whole.size() == 2U);  // writes; rows are counted by their range
  BOOST_TEST(whole.front()->value == 1U);
  BOOST_TEST(whole.back()->value == 50U);
  BOOST_TEST(whole.next_time(1).value() == 3);
  BOOST_TEST(whole.prev_time(1).value() == 0);
  BOOST_TEST(whole.aggregate(0, 10, 10).front().sum == 122.0);
  BOOST_TEST((listed(log.all()) == rows{{1, 10}, {3, 30}, {5, 50}}));
}

BOOST_AUTO_TEST_CASE(a_deletion_hides_what_was_written_before_it_and_nothing_else) {
  const temp_dir dir;
  number_log log{dir / "log"};
  log.append(rows{{1, 10}, {3, 30}, {5, 50}});
  log.erase(5);
  auto whole = log.begin();
  whole.append(3, 31);
  whole.erase(3, 6);
  BOOST_TEST((listed(whole.all()) == rows{{1, 10}}));
  whole.append(4, 40);
  const auto seen = whole.snapshot();
  whole.append(3, 32);
  whole.erase(1);
  BOOST_TEST((listed(whole.all()) == rows{{3, 32}, {4, 40}}));
  BOOST_TEST((listed(seen.all()) == rows{{1, 10}, {4, 40}}));
  // Whatever comes into the log until the commit is before it.
  log.append(rows{{3, 33}, {9, 90}});
  BOOST_TEST((listed(whole.all()) == rows{{3, 32}, {4, 40}, {9, 90}}));
  BOOST_TEST(whole.count(0, 9) == 2U);
  whole.commit();
  BOOST_TEST((listed(log.all()) == rows{{3, 32}, {4, 40}, {9, 90}}));
  BOOST_TEST((listed(seen.all()) == rows{{1, 10}, {4, 40}}));
}

/// A transaction of a log beside a model of both, with everything drawn from a seed.
template <class Log>
class trial {
  using transaction = typename Log::transaction_type;

 public:
  explicit trial(std::uint64_t seed) : random_{seed} {}

  void run() {
    for (int i = 0; i < 150; ++i) {
      operate();
      if (below(2) == 0) ask();
    }
    while (!open_.empty()) end(true);
    require_same(log_.snapshot(), known_);
  }

 private:
  /// What a transaction saw.
  struct held {
    snapshot_type seen;
    model wanted;
  };
  /// A transaction, and what it shows less its own writes and those of transactions around it.
  struct begun {
    transaction unit;
    std::size_t writes = 0;  // that there were when it began
  };
  struct write {
    bool erases = false;
    bounds hidden{};
    rows put{};
  };

  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  std::int64_t drawn_time() {
    if (below(50) == 0) return below(2) == 0 ? first_time : last_time;
    return static_cast<std::int64_t>(below(300)) - 100;
  }
  bounds drawn_bounds() {
    const std::int64_t from = drawn_time();
    if (below(30) == 0) return {};
    return {from, from > last_time - 40 ? from : from + static_cast<std::int64_t>(below(40))};
  }
  rows drawn_rows() {
    rows made(below(30) == 0 ? 3000 : 1 + below(40));
    for (auto& one : made) one = {drawn_time(), next_value_++};
    return made;
  }

  static void apply(model& to, const write& what) {
    if (what.erases) to.erase(what.hidden);
    for (const auto& [time, value] : what.put) to.append(time, value);
  }
  template <class Target>
  write write_to(Target& target) {
    if (below(3) == 0) {
      const bounds in = drawn_bounds();
      in.last == last_time ? target.erase_since(in.first) : target.erase(in.first, in.last + 1);
      return {true, in, {}};
    }
    const rows some = drawn_rows();
    below(2) == 0 ? (void)target.append(some) : append_each(target, some);
    return {false, {}, some};
  }
  template <class Target>
  static void append_each(Target& target, const rows& some) {
    for (const auto& [time, value] : some) target.append(time, value);
  }

  void operate() {
    const auto what = below(20);
    if (what < 8 && !open_.empty()) return writes_.push_back(write_to(open_.back().unit));
    if (what < 12) return apply(known_, write_to(log_));
    if (what < 15) return begin();
    if (what == 15) return log_.flush();
    if (what == 16) return below(4) == 0 ? log_.compact() : (void)log_.maintain();
    if (what == 17) return hold();
    if (!open_.empty()) end(below(2) == 0);
  }
  void begin() {
    if (open_.size() == 4) return;
    transaction next = open_.empty() ? log_.begin() : open_.back().unit.begin();
    open_.push_back({std::move(next), writes_.size()});
  }
  void end(bool commits) {
    begun last = std::move(open_.back());
    open_.pop_back();
    if (!commits) {
      if (below(2) == 0) last.unit.rollback();
      writes_.resize(last.writes);
      return;
    }
    last.unit.commit();
    if (!open_.empty()) return;
    for (const auto& each : writes_) apply(known_, each);
    writes_.clear();
  }
  void hold() {
    if (open_.empty()) return;
    if (held_) require_same(held_->seen, held_->wanted);
    held_.emplace(held{open_.back().unit.snapshot(), wanted()});
  }

  [[nodiscard]] model wanted() const {
    model all = known_;
    for (const auto& each : writes_) apply(all, each);
    return all;
  }
  void ask() {
    if (open_.empty()) return require_same(log_.snapshot(), known_, drawn_bounds());
    const auto& asked = open_[below(open_.size())].unit;
    const model all = wanted();
    const snapshot_type seen = asked.snapshot();
    require_same(seen, all, drawn_bounds());
    const bounds one = bounds{drawn_time(), 0};
    BOOST_REQUIRE(listed(asked.at(one.first)) == all.within({one.first, one.first}));
    if (below(4) == 0) require_same(seen, all);
  }

  static typename Log::options small() {
    typename Log::options chosen;
    chosen.index = small_options();
    return chosen;
  }

  std::mt19937_64 random_;
  temp_dir dir_;
  Log log_{dir_ / "log", small()};
  model known_;                // of the log
  std::vector<begun> open_;    // the innermost last
  std::vector<write> writes_;  // theirs
  std::optional<held> held_;
  value_type next_value_ = 0;
};

BOOST_AUTO_TEST_CASE(whatever_transactions_do_they_agree_with_a_sorted_list) {
  const char* const given = std::getenv("LOGDB_ORACLE_SEED");
  const std::uint64_t seed = given == nullptr ? std::random_device{}() : std::stoull(given);
  std::cout << "LOGDB_ORACLE_SEED=" << seed << std::endl;
  for (std::uint64_t i = 0; i < 30; ++i) {
    BOOST_TEST_CONTEXT("LOGDB_ORACLE_SEED=" << seed + i) {
      trial<number_log>{seed + i}.run();
      trial<memory_log>{seed + i}.run();
    }
  }
}

/// Does something with every allocation of it failing once, in turn; returns how many there were.
template <class Work, class Look>
long fail_each(Work work, Look look) {
  for (long passed = 0;; ++passed) {
    bool failed = false;
    {
      const failing_allocation fails{passed};
      try {
        work();
      } catch (const std::bad_alloc&) {
        failed = true;
      }
      if (!failed && !fails.has_failed()) return passed;
    }
    BOOST_REQUIRE(failed);
    look();
  }
}

BOOST_AUTO_TEST_CASE(a_read_without_memory_leaves_the_transaction_as_it_was) {
  const temp_dir dir;
  number_log log{dir / "log"};
  log.append(rows{{1, 10}, {3, 30}, {5, 50}});
  log.erase(5);
  auto whole = log.begin();
  const rows some{{4, 40}, {2, 20}, {4, 41}};
  std::optional<snapshot_type> seen;
  for (int i = 0; i < 5; ++i) {
    whole.erase(0, 4);
    whole.append(some);
    const auto look = [&] { BOOST_REQUIRE(whole.size() == 2U * static_cast<unsigned>(i + 1)); };
    BOOST_TEST(fail_each([&] { seen.emplace(whole.snapshot()); }, look) > 3);
    BOOST_TEST(seen->count(4, 5) == 2U * static_cast<unsigned>(i + 1));
    BOOST_TEST((listed(seen->range(0, 4)) == rows{{2, 20}}));
  }
}

BOOST_AUTO_TEST_CASE(a_write_without_memory_is_not_read) {
  const temp_dir dir;
  number_log log{dir / "log"};
  log.append(rows{{1, 10}, {3, 30}});
  auto whole = log.begin();
  rows wanted{{1, 10}, {2, 20}, {3, 30}};
  whole.append(2, 20);
  const auto look = [&] { BOOST_REQUIRE(listed(whole.all()) == wanted); };
  look();
  for (value_type i = 0; i < 40; ++i) {
    fail_each([&] { whole.append(4, i); }, look);
    wanted.emplace_back(4, i);
    look();
  }
  BOOST_TEST(fail_each([&] { whole.begin().append(5, 50); }, look) > 0);
  BOOST_TEST(fail_each([&] { whole.erase(1, 4); }, [] {}) >= 0);
  wanted.erase(wanted.begin(), wanted.begin() + 3);
  look();
}

template <class Log>
void require_all_or_nothing(Log& log) {
  rows held;
  for (int round = 0; round < 6; ++round) {
    auto whole = log.begin();
    rows wanted;
    for (int i = 0; i < 200; ++i) {
      // Each tenth deletion reaches the end of the rows in order, and late rows fill their room.
      i % 10 == 0 ? whole.erase_since(i) : whole.erase(i);
      whole.append(i % 3 == 0 ? i : 1000 + i, static_cast<value_type>(round * 1000 + i));
    }
    for (const auto& [time, value] : whole.all()) wanted.emplace_back(time, value);
    const auto look = [&] { BOOST_REQUIRE(listed(log.all()) == held); };
    BOOST_TEST(fail_each([&] { whole.commit(); }, look) > 10);
    BOOST_TEST((listed(log.all()) == wanted));
    BOOST_TEST(log.validate().empty());
    held = wanted;
  }
}

std::size_t rows_of(const logdb::timelsm::tree<value_type>& stored) {
  std::size_t all = 0;
  for (const auto& each : stored.l1) all += each.size;
  for (const auto& run : stored.l0) {
    for (const auto& each : run) all += each.size;
  }
  return all;
}

BOOST_AUTO_TEST_CASE(
    a_checkpoint_covers_only_what_maintenance_without_memory_has_put_into_the_tree) {
  auto options = small_options();
  options.maintenance = logdb::maintenance_mode::by_hand;
  bool failed = true;
  for (long passed = 0; failed; ++passed) {
    index_type rows{options};
    for (int i = 0; i < 200; ++i) rows.append(i * 7919 % 1000, static_cast<value_type>(i));
    (void)rows.mark([] {});
    {
      const failing_allocation fails{passed};
      try {
        (void)rows.maintain();
      } catch (const std::bad_alloc&) {
        // The next one does it.
      }
      failed = failing_allocation::has_failed();
    }
    BOOST_TEST(rows_of(*rows.reach_mark()) == 200U, "allocation " << passed);
  }
}

BOOST_AUTO_TEST_CASE(a_commit_without_memory_has_changed_nothing) {
  const temp_dir dir;
  number_log::options options;
  options.index = small_options();
  options.index.maintenance = logdb::maintenance_mode::by_hand;
  number_log log{dir / "log", options};
  require_all_or_nothing(log);
  memory_log::options same;
  same.index = options.index;
  memory_log in_memory{"log", same};
  require_all_or_nothing(in_memory);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
