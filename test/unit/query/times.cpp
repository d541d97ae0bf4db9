// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE times
#include <string_view>

#include <boost/test/unit_test.hpp>

#include <logdb/error.hpp>
#include <logdb/query/compile.hpp>

#include "unit/query/asked.hpp"

// Which field has the time of an event, and what reads as a time.

namespace {

namespace query = logdb::query;
using logdb::test::noon;

BOOST_AUTO_TEST_SUITE(times)

BOOST_AUTO_TEST_CASE(the_time_is_that_of_the_first_field_that_reads_as_one) {
  const auto at = [](std::string_view event, const query::compile_options& options) {
    return query::compile("_time:2026-03-01T10:00", options)
        .matches(event, {.appended = noon(), .now = noon()});
  };
  BOOST_TEST(at(R"({"time":"2026-03-01T11:00:00Z","ts":"2026-03-01T10:00:00Z"})", {}));
  BOOST_TEST(at(R"({"@timestamp":["later","2026-03-01T10:00:00Z"]})", {}));
  BOOST_TEST(at(R"({"ts":true,"timestamp":1772359200})", {}));
  BOOST_TEST(!at(R"({"at":"2026-03-01T10:00:00Z"})", {}));
  BOOST_TEST(at(R"({"at":{"x":"2026-03-01T10:00:00Z"},"ts":1})", {.time_field = "at.x"}));
  BOOST_TEST(!at(R"({"ts":"2026-03-01T10:00:00Z"})", {.time_field = "at.x"}));
  BOOST_CHECK_THROW(query::compile("a", {.time_field = "a..b"}), logdb::error);
}

BOOST_AUTO_TEST_CASE(what_reads_as_a_time_and_what_does_not) {
  const auto seconds = [](std::string_view text) {
    const auto time = query::parse_time(text);
    return time ? time->time_since_epoch().count() / 1000000000 : -1;
  };
  BOOST_TEST(seconds("1970-01-01") == 0);
  BOOST_TEST(seconds("2026-03-01 10:00:00z") == 1772359200);
  BOOST_TEST(seconds("2026-03-01T10:00+23:59") == 1772359200 - 86340);
  BOOST_TEST(seconds("2017-01-01T05:29:60+05:30") == 1483228800);
  BOOST_TEST(seconds("2024-02-29T00:00:00.123456789123Z") == 1709164800);
  for (const std::string_view none :
       {"", "2026", "2026-3-1", "2026-02-29", "2026-13-01", "2026-03-01T", "2026-03-01T10",
        "2026-03-01T24:00", "2026-03-01T10:60", "2026-03-01T10:00:61", "2026-03-01T10:00:60Z",
        "2026-03-01T10:00:00.", "2026-03-01T10:00:00+1", "2026-03-01T10:00:00 Z", "1600-01-01",
        "2300-01-01", "2026-03-01T10:00:00Zx", "now"}) {
    BOOST_TEST(!query::parse_time(none).has_value(), none);
  }
  const auto number = [](std::string_view text) {
    const auto time = query::number_time(text);
    return time ? time->time_since_epoch().count() : -1;
  };
  BOOST_TEST(number("1772359200") == 1772359200000000000);
  BOOST_TEST(number("1772359200.25") == 1772359200250000000);
  BOOST_TEST(number("1772359200123") == 1772359200123000000);
  BOOST_TEST(number("1772359200123456") == 1772359200123456000);
  BOOST_TEST(number("1772359200123456789") == 1772359200123456789);
  BOOST_TEST(number("-1.5") == -1500000000);
  BOOST_TEST(number("1.5e3") == 1500000000000);
  BOOST_TEST(!query::number_time("18446744073709551615").has_value());
  BOOST_TEST(!query::number_time("99999999999").has_value());
  BOOST_TEST(!query::number_time("1e400").has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
