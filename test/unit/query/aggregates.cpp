// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE aggregates
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/error.hpp>
#include <logdb/query/aggregate.hpp>
#include <logdb/query/fields.hpp>

#include "unit/query/asked.hpp"
#include "unit/query/shown.hpp"

namespace {

namespace query = logdb::query;
using logdb::errc;
using logdb::error;
using logdb::test::noon;
using logdb::test::shown;
using events = std::vector<std::string>;

/// Returns the answer of a query over those of the events that it finds.
std::string answer(std::string_view text, const events& of,
                   const query::aggregate_options& options = {}) {
  const query::compiled_query asked = query::compile(text);
  query::aggregator counting{asked, options};
  logdb::lsn at{1};
  for (const std::string& event : of) {
    const query::event_site site{.appended = noon(), .at = at, .now = noon()};
    if (asked.matches(event, site)) counting.add(event, site);
    ++at;
  }
  return shown(counting.result());
}

bool too_large(std::string_view text, const events& of, const query::aggregate_options& options) {
  try {
    answer(text, of, options);
  } catch (const error& failure) {
    return failure.condition() == errc::too_large;
  }
  return false;
}

BOOST_AUTO_TEST_SUITE(aggregates)

BOOST_AUTO_TEST_CASE(events_are_counted_by_the_values_of_a_field_the_largest_first) {
  const events of{R"({"level":"ERROR","service":"api"})",
                  R"({"level":"ERROR","service":"auth"})",
                  R"({"level":"ERROR"})",
                  R"({"level":"INFO","service":"api"})",
                  R"({"level":"ERROR","service":"api"})",
                  R"({"level":"ERROR","service":null})",
                  R"({"level":"ERROR","service":{}})"};
  BOOST_TEST(answer("level:ERROR | count by service", of) == "absent 3; \"api\" 2; \"auth\" 1; ");
  BOOST_TEST(answer("level:ERROR | top 2 service", of) == "absent 3; \"api\" 2; ");
  BOOST_TEST(answer("level:ERROR | count", of) == "6; ");
  BOOST_TEST(answer("level:ERROR", of) == "6; ");
  BOOST_TEST(answer("level:NONE | count", of) == "0; ");
  BOOST_TEST(answer("level:NONE | count by service", of).empty());
}

BOOST_AUTO_TEST_CASE(numbers_are_one_group_by_value_and_apart_from_strings) {
  BOOST_TEST(
      answer("| count by a",
             {R"({"a":250})", R"({"a":250.0})", R"({"a":2.5e2})", R"({"a":"250"})", R"({"a":true})",
              R"({"a":"true"})", R"({"a":-0})", R"({"a":0.0})", R"({"a":1e400})", R"({"a":1e401})",
              R"({"a":0.5})", R"({"a":false})", R"({"a":"\u0032\u0035\u0030"})"}) ==
      "250 3; 0 2; \"250\" 2; 0.5 1; 1e400 1; 1e401 1; \"true\" 1; false 1; true 1; ");
}

BOOST_AUTO_TEST_CASE(an_event_with_several_values_counts_for_each_once) {
  const events of{R"({"a":["x","y","x"],"b":[1,2]})", R"({"a":"x","a":"z","b":2.0})",
                  R"({"a":[{"c":1}],"b":[]})"};
  BOOST_TEST(answer("| count by a", of) == "\"x\" 2; \"y\" 1; \"z\" 1; absent 1; ");
  BOOST_TEST(answer("| count by a, b", of) ==
             "\"x\" 2 2; \"x\" 1 1; \"y\" 1 1; \"y\" 2 1; \"z\" 2 1; absent absent 1; ");
}

BOOST_AUTO_TEST_CASE(a_histogram_has_its_empty_buckets_and_a_series_a_value) {
  const events of{R"({"service":"api","ts":"2026-03-01T10:00:59Z","level":"INFO"})",
                  R"({"service":"api","ts":"2026-03-01T10:03:00Z","level":"ERROR"})",
                  R"({"service":"api","ts":"2026-03-01T10:00:00Z","level":"INFO"})",
                  R"({"service":"auth","ts":"2026-03-01T09:00:00Z"})",
                  R"({"service":"api","ts":"2026-03-01T11:01:30+01:00"})"};
  BOOST_TEST(answer("service:api | histogram 1m by level", of) ==
             "2026-03-01T10:00:00Z \"ERROR\": 0 0 0 1; \"INFO\": 2 0 0 0; absent: 0 1 0 0; ");
  BOOST_TEST(answer("service:api | histogram 2m", of) == "2026-03-01T10:00:00Z absent: 3 1; ");
  BOOST_TEST(answer("service:none | histogram 1m", of) == "absent:; ");
  BOOST_TEST(answer("| histogram 1d", {"{}"}) == "2026-03-01T00:00:00Z absent: 1; ");
  BOOST_TEST(answer("| histogram 1h", {R"({"ts":"1969-12-31T23:30:00Z"})", R"({"ts":0})"}) ==
             "1969-12-31T23:00:00Z absent: 1 1; ");
}

BOOST_AUTO_TEST_CASE(figures_are_of_the_numbers_and_absent_where_there_are_none) {
  const events of{R"({"service":"api","http":{"method":"GET"},"ms":10})",
                  R"({"service":"api","http":{"method":"GET"},"ms":[30,"20"]})",
                  R"({"service":"api","http.method":"GET","ms":20})",
                  R"({"service":"api","http":{"method":"POST"},"ms":"slow"})"};
  BOOST_TEST(answer("service:api | stats count, p50(ms), p99(ms), max(ms) by http.method", of) ==
             "\"GET\" 3 3 20 30 30; \"POST\" 1 1 absent absent absent; ");
  BOOST_TEST(answer("| stats sum(ms), avg(ms), min(ms), median(ms), distinct(ms), p0(ms)", of) ==
             "4 60 20 10 20 5 10; ");
  BOOST_TEST(answer("| stats avg(none), sum(none), distinct(none), count", of) ==
             "4 absent absent 0 4; ");
  BOOST_TEST(answer("none:x | stats count, sum(ms)", of) == "0 0 absent; ");
}

BOOST_AUTO_TEST_CASE(a_sum_of_integers_is_exact_beyond_64_bits) {
  BOOST_TEST(answer("| stats sum(a)", {R"({"a":[18446744073709551615,18446744073709551615]})"}) ==
             "1 36893488147419103230; ");
  BOOST_TEST(answer("| stats sum(a)", {R"({"a":[-9223372036854775808,-9223372036854775808]})"}) ==
             "1 -18446744073709551616; ");
  BOOST_TEST(answer("| stats sum(a), avg(a)", {R"({"a":[9007199254740993,-9007199254740992]})"}) ==
             "1 1 0.5; ");
  BOOST_TEST(answer("| stats sum(a), max(a)", {R"({"a":[1.5,2]})"}) == "1 3.5 2; ");
}

BOOST_AUTO_TEST_CASE(a_sum_of_what_no_double_is_near_is_infinite_and_of_both_signs_absent) {
  BOOST_TEST(answer("| stats sum(a), avg(a)", {R"({"a":[1e400,1]})"}) == "1 inf inf; ");
  BOOST_TEST(answer("| stats sum(a), avg(a)", {R"({"a":[-1e400,1e308]})"}) == "1 -inf -inf; ");
  BOOST_TEST(answer("| stats sum(a), avg(a)", {R"({"a":[1e400,-1e400]})"}) == "1 absent absent; ");
  BOOST_TEST(answer("| stats sum(a), max(a)", {R"({"a":[1e-400,2]})"}) == "1 2 2; ");
}

BOOST_AUTO_TEST_CASE(a_percentile_is_the_value_of_the_nearest_rank) {
  std::string all = "{\"a\":[100";
  for (int i = 1; i < 100; ++i) all += ',' + std::to_string(i);
  all += "]}";
  BOOST_TEST(answer("| stats p1(a), p50(a), p99(a), p100(a), p0(a)", {all}) == "1 1 50 99 100 1; ");
  BOOST_TEST(answer("| stats p50(a), p51(a)", {R"({"a":[4,1,3,2]})"}) == "1 2 3; ");
  BOOST_TEST(answer("| stats p50(a)", {R"({"a":[9007199254740993,9007199254740992,1]})"}) ==
             "1 9007199254740992; ");
}

BOOST_AUTO_TEST_CASE(what_is_no_field_is_counted_by_too) {
  BOOST_TEST(answer("| count by _malformed", {"{}", "{", "{}"}) == "false 2; true 1; ");
  BOOST_TEST(answer("| stats max(_lsn)", {"{}", "{}"}) == "2 2; ");
  BOOST_TEST(answer("| count by _time", {R"({"ts":0})", "{}"}) ==
             "\"1970-01-01T00:00:00Z\" 1; \"2026-03-01T12:00:00Z\" 1; ");
  BOOST_TEST(answer("| count by a", {R"({"a":1)", R"({"a":1})"}) == "1 1; absent 1; ");
}

BOOST_AUTO_TEST_CASE(an_answer_over_a_limit_is_refused) {
  const events of{R"({"a":1,"ts":0})", R"({"a":2,"ts":60})", R"({"a":3,"ts":3600})"};
  BOOST_TEST(!too_large("| count by a", of, {.groups_max = 3}));
  BOOST_TEST(too_large("| count by a", of, {.groups_max = 2}));
  BOOST_TEST(!too_large("| histogram 1m", of, {.buckets_max = 61}));
  BOOST_TEST(too_large("| histogram 1m", of, {.buckets_max = 60}));
  BOOST_TEST(too_large("| histogram 1s", {R"({"ts":0})", R"({"ts":99999999})"}, {}));
  BOOST_TEST(!too_large("| histogram 1m by a", of, {.cells_max = 183}));
  BOOST_TEST(too_large("| histogram 1m by a", of, {.cells_max = 182}));
  BOOST_TEST(!too_large("| stats p50(a), distinct(a)", of, {.quantile_bytes_max = 2000}));
  BOOST_TEST(too_large("| stats p50(a)", of, {.quantile_bytes_max = 100}));
  BOOST_TEST(too_large("| stats distinct(a)", of, {.quantile_bytes_max = 100}));
}

BOOST_AUTO_TEST_CASE(fields_show_the_values_of_paths_as_they_are_written) {
  const auto shown = [](std::string_view text, std::string_view event) {
    const query::field_view fields{query::compile(text)};
    const std::string made = fields.text(event, {.appended = noon(), .at = logdb::lsn{7}});
    BOOST_TEST(bool(query::check_event(made)), made);
    return made;
  };
  const auto event = R"({"a":{"b":[2.50,{"c":1},"x\u0079"]},"a.b":null,"q\"":true,"e":{},"f":[]})";
  BOOST_TEST(shown("| fields a.b", event) == R"({"a.b":[2.50,"x\u0079",null]})");
  BOOST_TEST(shown("| fields e, none, f, \"q\\\"\"", event) == R"({"e":{},"f":[],"q\"":true})");
  BOOST_TEST(shown("| fields a.*.c, *", event) == R"({"a.*.c":1,"*":[null,true,{},[]]})");
  BOOST_TEST(shown("| fields _time, _lsn, _malformed, _append, a", "{\"a\":1") ==
             R"({"_time":"2026-03-01T12:00:00Z","_lsn":7,"_malformed":true,)"
             R"("_append":"2026-03-01T12:00:00Z"})");
  BOOST_TEST(shown("| fields _time", R"({"ts":0})") == R"({"_time":"1970-01-01T00:00:00Z"})");
  BOOST_TEST(query::field_view{query::compile("a | newest 3")}.is_empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
