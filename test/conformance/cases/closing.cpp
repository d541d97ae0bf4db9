// SPDX-License-Identifier: BSL-1.0
/// @file
/// Conformance: the end of a log.

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "conformance/suite.hpp"
#include "support/throws.hpp"

namespace logdb::test {

namespace {

const case_group group{"closing"};

/// Returns the names of the verbs that do not throw errc::closed, each followed by a blank.
std::string verbs_that_work(tested_log& log) {
  std::string working;
  const auto expect_closed = [&working](const char* verb, auto call) {
    if (!throws(errc::closed, call)) working += std::string{verb} + " ";
  };
  expect_closed("append", [&] { log.append("x"); });
  expect_closed("batch", [&] { log.append(numbered(1, 3)); });
  expect_closed("empty_batch", [&] { log.append(std::vector<std::string>{}); });
  expect_closed("large_record", [&] { log.append(patterned(100000)); });
  expect_closed("begin", [&] { (void)log.begin(); });
  expect_closed("records", [&] { (void)log.records(); });
  expect_closed("records_from", [&] { (void)log.records(lsn{1}); });
  expect_closed("records_from_to", [&] { (void)log.records(lsn{1}, lsn{2}); });
  expect_closed("tail", [&] { (void)log.tail(); });
  expect_closed("cursor", [&] { (void)log.cursor("c"); });
  expect_closed("snapshot", [&] { (void)log.snapshot(); });
  expect_closed("sync", [&] { log.sync(); });
  expect_closed("wait_durable", [&] { log.wait_durable(lsn{1}); });
  expect_closed("first_lsn", [&] { (void)log.first_lsn(); });
  expect_closed("last_lsn", [&] { (void)log.last_lsn(); });
  expect_closed("durable_lsn", [&] { (void)log.durable_lsn(); });
  expect_closed("loss_window", [&] { (void)log.loss_window(); });
  expect_closed("truncate_front", [&] { log.truncate_front(lsn{1}); });
  expect_closed("recovery", [&] { (void)log.recovery(); });
  expect_closed("stats", [&] { (void)log.stats(); });
  expect_closed("verify", [&] { (void)log.verify(); });
  return working;
}

LOGDB_EACH_LOG(every_verb_of_a_closed_log_throws_closed) {
  fresh_log f{kind};
  fill(f.log, 1, 10);
  f.log.close();
  BOOST_TEST(verbs_that_work(f.log) == "");
}

LOGDB_EACH_LOG(every_verb_of_a_moved_from_log_throws_closed) {
  fresh_log f{kind};
  fill(f.log, 1, 10);
  tested_log moved{std::move(f.log)};
  BOOST_TEST(verbs_that_work(f.log) == "");
  BOOST_TEST(texts(moved.records()) == numbered(1, 10), boost::test_tools::per_element());
  f.log.close();
  f.log = std::move(moved);
  BOOST_TEST(f.log.append(numbered(11)) == lsn{11});
}

LOGDB_EACH_LOG(closing_again_does_nothing) {
  fresh_log f{kind};
  fill(f.log, 1, 10);
  f.log.close();
  f.log.close();
  BOOST_TEST(throws(errc::closed, [&] { f.log.append("x"); }));
}

LOGDB_EACH_LOG(a_cursor_of_a_closed_log_throws_closed) {
  fresh_log f{kind};
  fill(f.log, 1, 10);
  auto place = f.log.cursor("place");
  f.log.close();
  BOOST_TEST(throws(errc::closed, [&] { place.acknowledge(lsn{3}); }));
  BOOST_TEST(throws(errc::closed, [&] { (void)place.next(); }));
}

LOGDB_EACH_LOG(what_was_read_before_the_close_stays_readable) {
  fresh_log f{kind};
  fill(f.log, 1, 500);
  const auto all = f.log.records();
  f.log.close();
  BOOST_TEST((texts(all) == numbered(1, 500)));
}

LOGDB_EACH_LOG(threads_that_append_while_it_closes_are_told) {
  fresh_log f{kind};
  std::atomic<std::uint64_t> accepted = 0;
  std::atomic<int> told = 0;
  {
    std::vector<std::jthread> writers;
    for (int t = 0; t < 4; ++t) {
      writers.emplace_back([&] {
        const auto write = [&] {
          for (;;) {
            f.log.append("x");
            ++accepted;
          }
        };
        told += throws(errc::closed, write) ? 1 : 0;
      });
    }
    while (accepted.load() < 100) std::this_thread::yield();
    f.log.close();
  }
  BOOST_TEST(told == 4);
  if (kind.persistent) {
    f.log = kind.open(f.path, f.options);
    BOOST_TEST(f.log.last_lsn() == lsn{accepted.load()});
  }
}

}  // namespace

}  // namespace logdb::test
