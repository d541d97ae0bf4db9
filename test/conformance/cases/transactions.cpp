// SPDX-License-Identifier: BSL-1.0
/// @file
/// Conformance: transactions.

#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "conformance/suite.hpp"
#include "support/throws.hpp"

namespace logdb::test {

namespace {

const case_group group{"transactions"};

LOGDB_EACH_LOG(a_commit_shows_all_at_once) {
  fresh_log f{kind};
  fill(f.log, 1, 3);
  auto unit = f.log.begin();
  BOOST_TEST(unit.append(numbered(4)) == lsn{1});
  BOOST_TEST(unit.append(numbered(5, 8)) == lsn{5});
  BOOST_TEST(unit.size() == 5U);
  BOOST_TEST(f.log.last_lsn() == lsn{3});
  BOOST_TEST(unit.commit() == lsn{8});
  BOOST_TEST(texts(f.log.records()) == numbered(1, 8), boost::test_tools::per_element());
}

LOGDB_EACH_LOG(a_rollback_leaves_nothing) {
  fresh_log f{kind};
  fill(f.log, 1, 3);
  auto unit = f.log.begin();
  fill(unit, 100, 5000);
  unit.rollback();
  BOOST_TEST(f.log.append(numbered(4)) == lsn{4});
  BOOST_TEST(texts(f.log.records()) == numbered(1, 4), boost::test_tools::per_element());
}

LOGDB_EACH_LOG(the_destructor_rolls_back) {
  fresh_log f{kind};
  {
    auto small = f.log.begin();
    small.append("forgotten");
    auto large = f.log.begin();
    large.append(patterned(100000));
  }
  BOOST_TEST(f.log.last_lsn() == lsn{0});
  BOOST_TEST(f.log.append(numbered(1)) == lsn{1});
  BOOST_TEST(texts(f.log.records()) == numbered(1, 1), boost::test_tools::per_element());
}

LOGDB_EACH_LOG(an_empty_commit_appends_nothing) {
  fresh_log f{kind};
  BOOST_TEST(f.log.begin().commit() == lsn{0});
  f.log.append("one");
  BOOST_TEST(f.log.begin().commit() == lsn{1});
  BOOST_TEST(f.log.last_lsn() == lsn{1});
}

LOGDB_EACH_LOG(a_nested_one_takes_back_only_what_it_added) {
  fresh_log f{kind};
  auto outer = f.log.begin();
  outer.append(numbered(1));
  {
    auto inner = outer.begin();
    inner.append(numbered(2));
    {
      auto innermost = inner.begin();
      innermost.append("taken back");
      innermost.rollback();
    }
    inner.append(numbered(3));
    BOOST_TEST(inner.commit() == lsn{3});
  }
  {
    auto forgotten = outer.begin();
    forgotten.append("taken back, too");
  }
  outer.append(numbered(4));
  BOOST_TEST(outer.commit() == lsn{4});
  BOOST_TEST(texts(f.log.records()) == numbered(1, 4), boost::test_tools::per_element());
}

LOGDB_EACH_LOG(an_outer_rollback_takes_a_nested_commit_back) {
  fresh_log f{kind};
  auto outer = f.log.begin();
  auto inner = outer.begin();
  inner.append("committed, but only to the outer one");
  inner.commit();
  outer.rollback();
  BOOST_TEST(f.log.last_lsn() == lsn{0});
}

LOGDB_EACH_LOG(one_that_is_over_or_has_another_in_it_refuses) {
  fresh_log f{kind};
  auto outer = f.log.begin();
  auto inner = outer.begin();
  BOOST_TEST(throws(errc::invalid_argument, [&] { outer.append("x"); }));
  BOOST_TEST(throws(errc::invalid_argument, [&] { (void)outer.begin(); }));
  BOOST_TEST(throws(errc::invalid_argument, [&] { outer.commit(); }));
  BOOST_TEST(throws(errc::invalid_argument, [&] { outer.rollback(); }));
  inner.commit();
  outer.commit();
  BOOST_TEST(throws(errc::invalid_argument, [&] { outer.append("x"); }));
  BOOST_TEST(throws(errc::invalid_argument, [&] { inner.append(numbered(1, 2)); }));
  BOOST_TEST(throws(errc::invalid_argument, [&] { outer.commit(); }));
  BOOST_TEST(throws(errc::invalid_argument, [&] { outer.rollback(); }));
  BOOST_TEST(throws(errc::invalid_argument, [&] { (void)outer.records(); }));
  BOOST_TEST(throws(errc::invalid_argument, [&] { (void)outer.size(); }));
}

LOGDB_EACH_LOG(reads_inside_see_the_log_and_their_own_writes) {
  fresh_log f{kind};
  fill(f.log, 1, 10);
  auto unit = f.log.begin();
  fill(unit, 11, 20);
  const auto seen = unit.records();
  BOOST_TEST(texts(seen) == numbered(1, 20), boost::test_tools::per_element());
  BOOST_TEST(holds_lsns(seen, lsn{1}, lsn{21}));
  unit.append("later");
  BOOST_TEST(texts(seen).size() == 20U);
  BOOST_TEST(texts(f.log.records()).size() == 10U);
}

LOGDB_EACH_LOG(reads_inside_see_what_has_left_memory) {
  fresh_log f{kind};
  fill(f.log, 1, 10);
  auto unit = f.log.begin();
  fill(unit, 11, 4000);
  const auto before = unit.records();
  BOOST_TEST((texts(before) == numbered(1, 4000)));
  BOOST_TEST(holds_lsns(before, lsn{1}, lsn{4001}));
  fill(unit, 4001, 8000);
  BOOST_TEST((texts(before) == numbered(1, 4000)));
  BOOST_TEST((texts(unit.records()) == numbered(1, 8000)));
}

LOGDB_EACH_LOG(one_larger_than_staging_is_committed_whole) {
  fresh_log f{kind};
  fill(f.log, 1, 10);
  auto unit = f.log.begin();
  fill(unit, 11, 9000);
  BOOST_TEST(f.log.last_lsn() == lsn{10});
  BOOST_TEST(unit.commit() == lsn{9000});
  fill(f.log, 9001, 9100);
  BOOST_TEST((texts(f.log.records()) == numbered(1, 9100)));
  BOOST_TEST(holds_lsns(f.log.records(lsn{5000}, lsn{9050}), lsn{5000}, lsn{9050}));
  BOOST_TEST(f.log.snapshot().read(lsn{7654}).text() == numbered(7654));
  BOOST_TEST(f.log.verify().intact());
  f.reopen_if_it_lasts();
  if (kind.persistent) {
    BOOST_TEST((texts(f.log.records()) == numbered(1, 9100)));
  }
}

LOGDB_EACH_LOG(a_nested_rollback_reaches_what_has_left_memory) {
  fresh_log f{kind};
  auto outer = f.log.begin();
  fill(outer, 1, 3000);
  for (const std::uint64_t taken_back : {1U, 50U, 3000U, 6000U}) {
    auto inner = outer.begin();
    fill(inner, 1000000, 1000000 + taken_back);
    inner.rollback();
    BOOST_TEST(outer.size() == 3000U);
  }
  {
    auto inner = outer.begin();
    fill(inner, 3001, 5000);
    inner.commit();
  }
  fill(outer, 5001, 5010);
  BOOST_TEST((texts(outer.records()) == numbered(1, 5010)));
  BOOST_TEST(outer.commit() == lsn{5010});
  BOOST_TEST((texts(f.log.records()) == numbered(1, 5010)));
}

LOGDB_EACH_LOG(an_open_one_delays_nobody) {
  fresh_log f{kind};
  auto small = f.log.begin();
  small.append("small");
  auto large = f.log.begin();
  large.append(patterned(100000));
  fill(f.log, 1, 500);
  std::jthread{[&f] { fill(f.log, 501, 1000); }}.join();
  f.log.sync();
  BOOST_TEST((texts(f.log.records()) == numbered(1, 1000)));
  BOOST_TEST(large.commit() == lsn{1001});
  BOOST_TEST(small.commit() == lsn{1002});
  BOOST_TEST(f.log.snapshot().read(lsn{1002}).text() == "small");
}

LOGDB_EACH_LOG(large_ones_may_be_committed_in_any_order) {
  fresh_log f{kind};
  std::vector<tested_transaction> units;
  for (int i = 0; i < 3; ++i) units.push_back(f.log.begin());
  for (std::size_t i = 0; i < 3; ++i) units[i].append(std::string(50000, "abc"[i]));
  for (const std::size_t i : {2U, 0U, 1U}) units[i].commit();
  std::string order;
  for (const record& each : f.log.records()) order += each.text().front();
  BOOST_TEST(order == "cab");
  f.reopen_if_it_lasts();
  if (kind.persistent) {
    BOOST_TEST(holds_lsns(f.log.records(), lsn{1}, lsn{4}));
  }
}

LOGDB_EACH_LOG(units_of_many_threads_stay_whole) {
  fresh_log f{kind};
  {
    std::vector<std::jthread> writers;
    for (char name = 'a'; name < 'e'; ++name) {
      writers.emplace_back([&f, name] {
        for (std::size_t n = 0; n < 12; ++n) {
          auto unit = f.log.begin();
          for (std::size_t i = 0; i < 8; ++i)
            unit.append(std::string(n % 4 == 3 ? 3000 : 10, name));
          unit.commit();
        }
      });
    }
  }
  std::string order;
  for (const record& each : f.log.records()) order += each.text().front();
  BOOST_TEST(order.size() == 4U * 12 * 8);
  for (std::size_t i = 0; i < order.size(); i += 8) {
    BOOST_TEST(order.substr(i, 8) == std::string(8, order[i]));
  }
}

LOGDB_EACH_LOG(a_moved_one_goes_on_where_it_stands_now) {
  fresh_log f{kind};
  auto unit = f.log.begin();
  unit.append(numbered(1));
  auto moved = std::move(unit);
  moved.append(numbered(2));
  auto other = f.log.begin();
  other.append("overwritten, and so rolled back");
  other = std::move(moved);
  BOOST_TEST(other.commit() == lsn{2});
  BOOST_TEST(texts(f.log.records()) == numbered(1, 2), boost::test_tools::per_element());
}

LOGDB_EACH_LOG(closing_the_log_ends_what_was_not_committed) {
  fresh_log f{kind};
  auto small = f.log.begin();
  small.append("small");
  auto large = f.log.begin();
  large.append(patterned(100000));
  f.log.close();
  BOOST_TEST(throws(errc::closed, [&] { small.commit(); }));
  BOOST_TEST(throws(errc::closed, [&] { large.commit(); }));
}

LOGDB_EACH_LOG(one_outgrowing_memory_after_the_close_makes_no_file) {
  fresh_log f{kind};
  auto unit = f.log.begin();
  f.log.close();
  BOOST_TEST(throws(errc::closed, [&] { unit.append(patterned(100000)); }));
  BOOST_TEST(throws(errc::closed, [&] { fill(unit, 1, 5000); }));
}

}  // namespace

}  // namespace logdb::test
