// SPDX-License-Identifier: BSL-1.0
/// @file
/// Conformance: appending.

#include <array>
#include <string>
#include <thread>
#include <vector>

#include "conformance/suite.hpp"
#include "support/throws.hpp"

namespace logdb::test {

namespace {

const case_group group{"append"};

LOGDB_EACH_LOG(lsns_are_dense_and_begin_with_one) {
  fresh_log f{kind};
  for (std::uint64_t n = 1; n <= 30; ++n) BOOST_TEST(f.log.append(numbered(n)) == lsn{n});
  BOOST_TEST(f.log.first_lsn() == lsn{1});
  BOOST_TEST(f.log.last_lsn() == lsn{30});
  BOOST_TEST(texts(f.log.records()) == numbered(1, 30), boost::test_tools::per_element());
}

LOGDB_EACH_LOG(an_empty_record_is_a_record_too) {
  fresh_log f{kind};
  BOOST_TEST(f.log.append("") == lsn{1});
  BOOST_TEST(f.log.append(std::vector<std::string>{"", "x", ""}) == lsn{4});
  const std::vector<std::string> expected{"", "", "x", ""};
  BOOST_TEST(texts(f.log.records()) == expected, boost::test_tools::per_element());
}

LOGDB_EACH_LOG(the_argument_may_be_reused_at_once) {
  fresh_log f{kind};
  std::string text;
  for (std::uint64_t n = 1; n <= 20; ++n) {
    text = numbered(n);
    f.log.append(text);
    text.assign(text.size(), '#');
  }
  BOOST_TEST(texts(f.log.records()) == numbered(1, 20), boost::test_tools::per_element());
}

LOGDB_EACH_LOG(a_batch_gets_consecutive_lsns_and_returns_the_last) {
  fresh_log f{kind};
  f.log.append(numbered(1));
  BOOST_TEST(f.log.append(numbered(2, 9)) == lsn{9});
  BOOST_TEST(f.log.append(numbered(10)) == lsn{10});
  BOOST_TEST(texts(f.log.records()) == numbered(1, 10), boost::test_tools::per_element());
}

LOGDB_EACH_LOG(an_empty_batch_appends_nothing) {
  fresh_log f{kind};
  BOOST_TEST(f.log.append(std::vector<std::string>{}) == lsn{0});
  f.log.append("one");
  BOOST_TEST(f.log.append(std::vector<std::string>{}) == lsn{1});
  BOOST_TEST(f.log.last_lsn() == lsn{1});
}

LOGDB_EACH_LOG(a_record_larger_than_staging_comes_back_whole) {
  fresh_log f{kind};
  f.log.append("before");
  for (const std::size_t bytes : {7000U, 8192U, 9000U, 32768U, 100000U}) {
    f.log.append(patterned(bytes));
    const auto last = *f.log.records(f.log.last_lsn()).begin();
    BOOST_TEST((last.text() == patterned(bytes)));
  }
  BOOST_TEST(f.log.append("behind") == lsn{7});
  BOOST_TEST(f.log.verify().intact());
  BOOST_TEST(f.log.verify().records == 7U);
}

LOGDB_EACH_LOG(a_batch_larger_than_staging_comes_back_whole) {
  fresh_log f{kind};
  f.log.append(numbered(1, 3));
  BOOST_TEST(f.log.append(numbered(4, 20000)) == lsn{20000});
  BOOST_TEST(f.log.append(numbered(20001)) == lsn{20001});
  BOOST_TEST((texts(f.log.records()) == numbered(1, 20001)));
  BOOST_TEST(holds_lsns(f.log.records(lsn{15000}), lsn{15000}, lsn{20002}));
}

LOGDB_EACH_LOG(a_record_over_the_limit_is_refused_and_takes_no_lsn) {
  tested_options options;
  options.record_bytes_max = 100;
  fresh_log f{kind, options};
  f.log.append(std::string(100, 'x'));
  const auto failure = error_of([&] { f.log.append(std::string(101, 'x')); });
  BOOST_REQUIRE(failure);
  BOOST_TEST((failure->condition() == errc::record_too_large));
  BOOST_TEST(failure->path() == f.path);
  const std::vector<std::string> batch{"fits", std::string(101, 'x')};
  BOOST_TEST(throws(errc::record_too_large, [&] { f.log.append(batch); }));
  auto unit = f.log.begin();
  BOOST_TEST(throws(errc::record_too_large, [&] { unit.append(std::string(101, 'x')); }));
  BOOST_TEST(f.log.append("next") == lsn{2});
}

LOGDB_EACH_LOG(a_log_rolls_over_many_segments_without_a_seam) {
  fresh_log f{kind};
  fill(f.log, 1, 6000);
  BOOST_TEST(f.log.stats().segments > 8U);
  BOOST_TEST((texts(f.log.records()) == numbered(1, 6000)));
  const verification found = f.log.verify();
  BOOST_TEST(found.intact());
  BOOST_TEST(found.records == 6000U);
}

LOGDB_EACH_LOG(eight_threads_get_dense_lsns_and_keep_their_order) {
  constexpr std::uint64_t threads = 8;
  constexpr std::uint64_t each = 250;
  fresh_log f{kind};
  {
    std::vector<std::jthread> writers;
    for (std::uint64_t t = 0; t < threads; ++t) {
      writers.emplace_back([&f, t] {
        for (std::uint64_t n = 0; n < each; ++n) f.log.append(std::to_string(n * threads + t));
      });
    }
  }
  std::vector<std::uint64_t> next(threads, 0);
  std::uint64_t out_of_order = 0;
  for (const record& found : f.log.records()) {
    const std::uint64_t value = std::stoull(std::string{found.text()});
    out_of_order += value / threads != next[value % threads]++ ? 1 : 0;
  }
  BOOST_TEST(out_of_order == 0U);
  BOOST_TEST(next == std::vector<std::uint64_t>(threads, each), boost::test_tools::per_element());
  BOOST_TEST(holds_lsns(f.log.records(), lsn{1}, lsn{threads * each + 1}));
}

LOGDB_EACH_LOG(readers_beside_writers_see_a_growing_prefix) {
  fresh_log f{kind};
  const std::jthread writer{[&f] { fill(f.log, 1, 2000); }};
  bool dense = true;
  for (lsn before{}; before < lsn{2000};) {
    const auto seen = f.log.snapshot();
    dense = dense && seen.last_lsn() >= before &&
            holds_lsns(seen.records(), lsn{1}, seen.last_lsn() + 1);
    before = seen.last_lsn();
  }
  BOOST_TEST(dense);
}

}  // namespace

}  // namespace logdb::test
