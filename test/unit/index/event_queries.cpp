// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE index_event_queries
#include <algorithm>
#include <cstdint>
#include <random>
#include <ranges>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/async_wal.hpp>
#include <logdb/event_log.hpp>

#include "support/temp_dir.hpp"
#include "support/throws.hpp"

namespace {

using namespace logdb;
using namespace std::chrono_literals;
using query::field;
using test::throws;

const query_options newest{.order = query_order::newest};

/// An event log in a directory of its own, whose segments and index are small.
struct queried_fixture {
  test::temp_dir place;
  event_log::options options = small();
  event_log events{place / "events", options};

  static event_log::options small() {
    event_log::options chosen;
    chosen.segment_bytes = 16u << 10;
    chosen.durability.staging_bytes = 32u << 10;
    chosen.index.stride_bytes = 512;
    return chosen;
  }
  /// Appends events numbered from 1 on: singly, in batches, and in transactions too large for one.
  void fill(int count) {
    std::mt19937 random{7};
    for (int n = 1; n <= count;) {
      const auto drawn = static_cast<int>(random() % 9 == 0 ? 400 : 1 + random() % 20);
      const int most = std::min(count - n + 1, drawn);
      std::vector<event_object> batch;
      for (int i = 0; i < most; ++i, ++n) {
        batch.push_back({{"n", n}, {"level", n % 3 == 0 ? "ERROR" : "INFO"}, {"tens", n / 10}});
      }
      random() % 2 == 0 ? events.append(batch) : append_each(batch);
    }
  }
  lsn append_each(const std::vector<event_object>& batch) {
    lsn last;
    for (const auto& each : batch) last = events.append(each);
    return last;
  }
};

template <class Range>
std::vector<std::uint64_t> lsns(Range&& range) {
  std::vector<std::uint64_t> found;
  for (const record& each : range) found.push_back(each.lsn().value());
  return found;
}

using numbers = std::vector<std::uint64_t>;

timestamp at(std::int64_t seconds) { return timestamp{std::chrono::seconds{seconds}}; }

}  // namespace

BOOST_FIXTURE_TEST_SUITE(event_queries, queried_fixture)

BOOST_AUTO_TEST_CASE(a_query_finds_every_match_in_either_order_up_to_its_limit) {
  fill(4000);
  numbers expected;
  for (std::uint64_t n = 3; n <= 4000; n += 3) expected.push_back(n);
  const auto all = events.query("level:ERROR");
  BOOST_TEST(lsns(all) == expected);
  BOOST_TEST(lsns(all) == expected);  // again
  BOOST_TEST(lsns(events.query("level:ERROR", {.limit = 5})) == (numbers{3, 6, 9, 12, 15}));
  numbers backwards = expected;
  std::ranges::reverse(backwards);
  BOOST_TEST(lsns(events.query("level:ERROR", newest)) == backwards);
  for (const std::uint64_t limit : {0u, 1u, 7u, 500u, 5000u}) {
    numbers first = backwards;
    first.resize(std::min<std::size_t>(limit, first.size()));
    const query_options how{.order = query_order::newest, .limit = limit};
    BOOST_TEST(lsns(events.query("level:ERROR", how)) == first);
  }
  BOOST_TEST(events.count("level:ERROR") == 1333u);
  events.close();
  events = event_log{place / "events", options};
  BOOST_TEST(lsns(events.query("level:ERROR", newest)) == backwards);
}

BOOST_AUTO_TEST_CASE(the_order_and_the_limit_may_stand_in_the_query) {
  fill(100);
  BOOST_TEST(lsns(events.query("level:ERROR | newest 3")) == (numbers{99, 96, 93}));
  BOOST_TEST(lsns(events.query("level:ERROR | oldest 2", newest)) == (numbers{3, 6}));
  BOOST_TEST(lsns(events.query("| newest 9", {.limit = 2})) == (numbers{100, 99}));
  BOOST_TEST(events.count("level:ERROR | count") == 33u);
  BOOST_TEST(events.count("level:ERROR | newest 4") == 4u);
}

BOOST_AUTO_TEST_CASE(an_aggregate_is_over_the_events_that_a_query_finds) {
  fill(100);
  const auto levels = events.aggregate("n<=90 | count by level");
  BOOST_REQUIRE(levels.rows.size() == 2u);
  BOOST_TEST(levels.rows[0].values.at(0).text == "INFO");
  BOOST_TEST(levels.rows[0].count == 60u);
  BOOST_TEST(levels.rows[1].count == 30u);
  const auto last = events.aggregate("level:ERROR | newest 3 | stats count, min(n), max(n)");
  BOOST_TEST(last.rows.at(0).figures.at(1).text == "93");
  BOOST_TEST(last.rows.at(0).figures.at(2).text == "99");
  BOOST_TEST(events.aggregate("level:ERROR").rows.at(0).count == 33u);
  BOOST_TEST(events.aggregate("| histogram 1w").series.at(0).counts.back() > 0u);
  BOOST_TEST(throws(errc::too_large,
                    [&] { (void)events.aggregate("| count by n", {}, {.groups_max = 99}); }));
  BOOST_TEST(throws(errc::bad_query, [&] { (void)events.aggregate("| fields n"); }));
}

BOOST_AUTO_TEST_CASE(what_is_no_query_for_events_is_refused) {
  for (const auto text : {"level:", "a | count by b", "a | count"}) {
    BOOST_TEST(throws(errc::bad_query, [&] { (void)events.query(text); }), text);
  }
  BOOST_TEST(throws(errc::bad_query, [&] { (void)events.count("a | top 3 b"); }));
  BOOST_TEST(throws(errc::bad_query, [&] { (void)events.tail("a | newest 3"); }));
}

BOOST_AUTO_TEST_CASE(an_export_shows_the_fields_that_a_query_names) {
  fill(30);
  std::string lines;
  const auto add = [&lines](std::string_view line) { lines += line; };
  BOOST_TEST(events.export_lines("level:ERROR | newest 2 | fields n, none, _lsn", add) == 2u);
  BOOST_TEST(lines == "{\"n\":30,\"_lsn\":30}\n{\"n\":27,\"_lsn\":27}\n");
  BOOST_TEST(lsns(events.query("n>29 | fields n")) == numbers{30});
}

BOOST_AUTO_TEST_CASE(a_query_may_be_text_an_expression_or_compiled) {
  fill(30);
  const auto condition = field("level") == "ERROR" && field("n") > 20;
  const auto compiled = events.compile("level=ERROR n>20");
  const numbers expected{21, 24, 27, 30};
  BOOST_TEST(lsns(events.query(condition)) == expected);
  BOOST_TEST(lsns(events.query(compiled)) == expected);
  BOOST_TEST(events.count(events.compile(condition)) == 4u);
  BOOST_TEST(events.count(std::string{"n>20"}) == 10u);
  BOOST_TEST(events.count("") == 30u);
}

BOOST_AUTO_TEST_CASE(matches_are_those_of_the_moment_and_stay_readable) {
  fill(30);
  const auto before = events.query("level:ERROR");
  const auto back = events.query("level:ERROR", newest);
  fill(2000);
  const lsn first = events.truncate_front(events.last_lsn() + 1);
  BOOST_TEST(first > lsn{30});
  BOOST_TEST(lsns(before).size() == 10u);
  std::vector<record> kept;
  for (const record& each : back) kept.push_back(each);
  events.close();
  BOOST_TEST(lsns(before).size() == 10u);
  BOOST_TEST(kept.front().text() == R"({"n":30,"level":"ERROR","tens":3})");
  BOOST_TEST(throws(errc::closed, [&] { (void)events.query("level:ERROR"); }));
}

BOOST_AUTO_TEST_CASE(a_window_is_half_open_and_of_the_time_of_events) {
  for (const int second : {100, 130, 110, 120}) events.append({{"ts", 1'000'000'000 + second}});
  events.append({{"other", 1}});  // has that of its append
  const query_options window{.from = at(1'000'000'110), .to = at(1'000'000'130)};
  BOOST_TEST(lsns(events.query("", window)) == (numbers{3, 4}));
  BOOST_TEST(lsns(events.query("NOT ts:1000000110", window)) == (numbers{4}));
  BOOST_TEST(events.count("", {.from = at(1'000'000'120)}) == 3u);
  BOOST_TEST(events.count("", {.to = at(1'000'000'110)}) == 1u);
  BOOST_TEST(events.count("", {.from = at(2), .to = at(1)}) == 0u);
  BOOST_TEST(lsns(events.query("| newest 1", window)) == (numbers{4}));
}

BOOST_AUTO_TEST_CASE(the_field_of_the_time_may_be_named) {
  options.index.time_field = "meta.when";
  events.close();
  events = event_log{place / "events", options};
  events.append(R"({"ts":2000000000,"meta":{"when":1000000000}})");
  BOOST_TEST(events.count("_time:2001-09-09T01:46:40") == 1u);
  BOOST_TEST(events.count("", {.to = at(1'000'000'001)}) == 1u);
}

BOOST_AUTO_TEST_CASE(records_that_are_no_event_are_found_as_such) {
  events.close();
  {
    async_wal wal{place / "events"};
    wal.append("text");
    wal.append(R"({"a":1})");
    wal.append("[1]");
  }
  events = event_log{place / "events", options};
  BOOST_TEST(lsns(events.query("NOT a:1", newest)) == (numbers{3, 1}));
  BOOST_TEST(lsns(events.query("_malformed:true")) == (numbers{1, 3}));
  BOOST_TEST(events.count("*") == 3u);
}

BOOST_AUTO_TEST_CASE(a_tail_gives_what_is_there_and_what_comes_each_once) {
  fill(300);
  std::stop_source stop;
  auto tail = events.tail("level:ERROR", lsn{1}, stop.get_token());
  numbers found;
  std::jthread writer{[&] {
    for (int n = 301; n <= 600; ++n) {
      events.append({{"n", n}, {"level", n % 3 == 0 ? "ERROR" : "INFO"}});
    }
  }};
  for (const record& each : tail) {
    found.push_back(each.lsn().value());
    if (found.size() == 200) stop.request_stop();
  }
  numbers expected;
  for (std::uint64_t n = 3; n <= 600; n += 3) expected.push_back(n);
  BOOST_TEST(found == expected);
}

BOOST_AUTO_TEST_CASE(a_tail_may_begin_behind_what_is_there) {
  fill(30);
  std::stop_source stop;
  auto tail = events.tail(field("level") == "ERROR", events.last_lsn() + 1, stop.get_token());
  events.append({{"level", "ERROR"}});
  stop.request_stop();
  BOOST_TEST(lsns(tail) == (numbers{31}));
}

BOOST_AUTO_TEST_CASE(a_stop_ends_a_search) {
  fill(3000);
  for (const auto order : {query_order::oldest, query_order::newest}) {
    std::stop_source stop;
    std::size_t found = 0;
    for (const record& each : events.query("n>0", {.order = order, .stop = stop.get_token()})) {
      found += each.lsn().value() != 0;
      stop.request_stop();
    }
    BOOST_TEST(found < 1000u);
  }
}

BOOST_AUTO_TEST_CASE(an_explanation_says_what_an_answer_took) {
  fill(300);
  const auto report = events.explain("level:ERROR", {.from = at(0)});
  BOOST_TEST(report.query == "level=ERROR AND _time>=1970-01-01T00:00:00Z");
  BOOST_TEST(report.events == 300u);
  BOOST_TEST(report.matched == 100u);
  BOOST_TEST(report.excluded <= 200u);
  BOOST_TEST(report.segments >= 1u);
  std::uint64_t bytes = 0;
  for (const record& each : events.records()) bytes += each.size();
  BOOST_TEST(report.bytes == bytes);
}

BOOST_AUTO_TEST_CASE(lines_go_out_as_they_can_come_in_again) {
  events.append("{\"a\":\n \"x\\n\"\r\n}");
  events.append({{"b", 1}});
  std::string out;
  BOOST_TEST(events.export_lines("", [&](std::string_view line) { out += line; }) == 2u);
  BOOST_TEST(out == "{\"a\":  \"x\\n\"  }\n{\"b\":1}\n");
  BOOST_TEST(events.append_lines(out).appended == 2u);
}

BOOST_AUTO_TEST_CASE(a_log_that_is_only_read_is_asked_beside_its_writer) {
  options.mode = open_mode::read_only;
  event_log reader{place / "events", options};
  fill(300);
  events.sync();
  BOOST_TEST(reader.count("level:ERROR") == 100u);
  BOOST_TEST(lsns(reader.query("level:ERROR | newest 2")) == (numbers{300, 297}));
  BOOST_TEST(throws(errc::read_only, [&] { reader.append({{"a", 1}}); }));
}

BOOST_AUTO_TEST_CASE(an_empty_log_has_no_match) {
  BOOST_TEST(lsns(events.query("")).empty());
  BOOST_TEST(lsns(events.query("", newest)).empty());
  BOOST_TEST(events.count("*") == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
