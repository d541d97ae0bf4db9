// SPDX-License-Identifier: BSL-1.0
/// @file
/// Conformance: tails and cursors.

#include <array>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "conformance/suite.hpp"
#include "support/throws.hpp"

namespace logdb::test {

namespace {

const case_group group{"tailing"};

LOGDB_EACH_LOG(a_tail_gives_what_is_there_and_then_what_comes) {
  fresh_log f{kind};
  fill(f.log, 1, 100);
  const std::jthread writer{[&f] { fill(f.log, 101, 1500); }};
  std::vector<std::string> seen;
  for (const record& each : f.log.tail()) {
    seen.emplace_back(each.text());
    if (each.lsn() == lsn{1500}) break;
  }
  BOOST_TEST((seen == numbered(1, 1500)));
}

LOGDB_EACH_LOG(a_tail_begins_where_it_is_told) {
  fresh_log f{kind};
  fill(f.log, 1, 50);
  std::stop_source stop;
  stop.request_stop();
  BOOST_TEST(texts_of(f.log.tail(lsn{41}, stop.get_token())) == numbered(41, 50),
             boost::test_tools::per_element());
  BOOST_TEST(texts_of(f.log.tail(lsn{51}, stop.get_token())).empty());
  BOOST_TEST(texts_of(f.log.tail(lsn{0}, stop.get_token())).size() == 50U);
}

LOGDB_EACH_LOG(a_tail_from_a_record_to_come_waits_for_it) {
  fresh_log f{kind};
  fill(f.log, 1, 10);
  const std::jthread writer{[&f] { fill(f.log, 11, 60); }};
  auto tail = f.log.tail(lsn{51});
  BOOST_TEST(tail.begin()->text() == numbered(51));
}

LOGDB_EACH_LOG(a_stop_ends_a_tail_that_waits) {
  fresh_log f{kind};
  fill(f.log, 1, 10);
  std::stop_source stop;
  std::jthread stopper;
  std::uint64_t seen = 0;
  for (const record& each : f.log.tail(lsn{1}, stop.get_token())) {
    ++seen;
    if (each.lsn() == lsn{10}) stopper = std::jthread{[&stop] { stop.request_stop(); }};
  }
  BOOST_TEST(seen == 10U);
}

LOGDB_EACH_LOG(closing_the_log_ends_a_tail_behind_the_last_record) {
  fresh_log f{kind};
  fill(f.log, 1, 10);
  std::jthread closer;
  std::vector<std::string> seen;
  for (const record& each : f.log.tail()) {
    seen.emplace_back(each.text());
    if (each.lsn() == lsn{5}) {
      closer = std::jthread{[&f] {
        fill(f.log, 11, 20);
        f.log.close();
      }};
    }
  }
  BOOST_TEST(seen == numbered(1, 20), boost::test_tools::per_element());
}

LOGDB_EACH_LOG(several_tails_see_the_same) {
  fresh_log f{kind};
  std::array<std::vector<std::string>, 3> seen;
  {
    std::vector<std::jthread> readers;
    for (auto& mine : seen) {
      readers.emplace_back([tail = f.log.tail(), &mine] { mine = texts_of(tail); });
    }
    fill(f.log, 1, 800);
    f.log.close();
  }
  for (const auto& each : seen) BOOST_TEST((each == numbered(1, 800)));
}

LOGDB_EACH_LOG(a_cursor_goes_on_behind_what_was_acknowledged) {
  fresh_log f{kind};
  fill(f.log, 1, 20);
  auto mailer = f.log.cursor("mailer");
  BOOST_TEST(mailer.name() == "mailer");
  BOOST_TEST(mailer.next() == lsn{1});
  mailer.acknowledge(lsn{7});
  BOOST_TEST(mailer.next() == lsn{8});
  BOOST_TEST(texts(mailer.records()) == numbered(8, 20), boost::test_tools::per_element());
  BOOST_TEST(f.log.cursor("mailer").next() == lsn{8});
  BOOST_TEST(f.log.cursor("other").next() == lsn{1});
  mailer.acknowledge(lsn{3});
  BOOST_TEST(mailer.next() == lsn{4});
  BOOST_TEST(f.log.append("no lsn was used up") == lsn{21});
}

LOGDB_EACH_LOG(a_cursor_can_be_tailed_and_acknowledged_meanwhile) {
  fresh_log f{kind};
  auto place = f.log.cursor("place");
  fill(f.log, 1, 5);
  place.acknowledge(lsn{2});
  std::stop_source stop;
  std::vector<std::string> seen;
  for (const record& each : place.tail(stop.get_token())) {
    seen.emplace_back(each.text());
    place.acknowledge(each.lsn());
    if (each.lsn() == lsn{5}) fill(f.log, 6, 9);
    if (each.lsn() == lsn{9}) stop.request_stop();
  }
  BOOST_TEST(seen == numbered(3, 9), boost::test_tools::per_element());
  BOOST_TEST(place.next() == lsn{10});
}

LOGDB_EACH_LOG(a_cursor_needs_a_name_of_1_to_255_bytes) {
  fresh_log f{kind};
  BOOST_TEST(throws(errc::invalid_argument, [&] { (void)f.log.cursor(""); }));
  BOOST_TEST(throws(errc::invalid_argument, [&] { (void)f.log.cursor(std::string(256, 'n')); }));
  f.log.append("one");
  f.log.cursor(std::string(255, 'n')).acknowledge(lsn{1});
  BOOST_TEST(f.log.cursor(std::string(255, 'n')).next() == lsn{2});
}

}  // namespace

}  // namespace logdb::test
