// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE index_events
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/async_wal.hpp>
#include <logdb/event_log.hpp>

#include "support/temp_dir.hpp"
#include "support/throws.hpp"

namespace {

using namespace logdb;
using namespace std::string_literals;
using test::error_of;
using test::throws;

/// An event log in a directory of its own, with little staging.
struct events_fixture {
  test::temp_dir place;
  event_log::options options;
  event_log events{place / "events", small()};

  event_log::options& small() {
    options.durability.staging_bytes = 32u << 10;
    return options;
  }
  void reopen() {
    events.close();
    events = event_log{place / "events", options};
  }
  void choose(event_check check, event_utf8 utf8) {
    options.index.check = check;
    options.index.utf8 = utf8;
    reopen();
  }
};

template <class Records>
std::vector<std::string> texts(Records&& records) {
  std::vector<std::string> out;
  for (const record& each : records) out.emplace_back(each.text());
  return out;
}

const std::vector<std::pair<std::string, std::uint64_t>> bad_events = {
    {"", 0},
    {"  ", 2},
    {"[]", 0},
    {"22", 0},
    {"null", 0},
    {"{} {}", 3},
    {R"({"a":1,})", 7},
    {R"({"a":NaN})", 5},
    {R"({"a":1 /**/})", 7},
    {"{\"a\":\"\t\"}", 6},
    {R"({"a")", 4},
    {R"({"a":01})", 6},
    {"\xEF\xBB\xBF{}", 0},
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(event_logs, events_fixture)

BOOST_AUTO_TEST_CASE(an_event_comes_back_byte_for_byte) {
  const std::vector<std::string> written = {"{}", R"( {"a" : 1.0, "a": 1e0, "\u0061":"\/"} )",
                                            "{\"b\":\"\xFF\"}", R"({"c":"\ud800"})"};
  BOOST_TEST(events.append(written[0]) == lsn{1});
  BOOST_TEST(events.append(std::vector<std::string>{written.begin() + 1, written.end()}) == lsn{4});
  reopen();
  BOOST_TEST(texts(events.records()) == written, boost::test_tools::per_element());
  BOOST_TEST(events.read(lsn{2}).text() == written[1]);
  BOOST_TEST((events.find_time(timestamp{}) == lsn{1}));
}

BOOST_AUTO_TEST_CASE(what_is_no_event_is_refused_with_its_byte_and_nothing_is_appended) {
  for (const auto& [text, byte] : bad_events) {
    const auto alone = error_of([&, &bad = text] { events.append(bad); });
    BOOST_REQUIRE(alone);
    BOOST_TEST((alone->condition() == errc::bad_event));
    BOOST_TEST((alone->offset() == byte), text);
    const std::vector<std::string> batch = {R"({"a":1})", text, "{}"};
    const auto second = error_of([&] { events.append(batch); });
    BOOST_TEST((second->offset() == byte), text);
    BOOST_TEST(std::string{second->what()}.starts_with("event 2 of the batch: expected "));
  }
  BOOST_TEST(events.last_lsn() == lsn{0});
}

BOOST_AUTO_TEST_CASE(a_transaction_checks_too_and_keeps_what_it_had) {
  auto unit = events.begin();
  unit.append(R"({"a":1})");
  BOOST_TEST(throws(errc::bad_event, [&] { unit.append("nope"); }));
  BOOST_TEST(unit.append_lines("{\"a\":2}\n{\"a\":\n").refused_total == 1u);
  auto inner = unit.begin();
  BOOST_TEST(inner.append({{"a", 3}}) == lsn{3});
  inner.commit();
  BOOST_TEST(unit.commit() == lsn{3});
  const std::vector<std::string> expected = {R"({"a":1})", R"({"a":2})", R"({"a":3})"};
  BOOST_TEST(texts(events.records()) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(lines_are_events_without_what_separates_them) {
  const auto report = events.append_lines(
      "\xEF\xBB\xBF{\"a\":1}\r\n\n  \t\r\n {\"a\":2} \n{\"a\":tru}\n\xEF\xBB\xBF{}\n{\"a\":3}"s);
  BOOST_TEST((report.first == lsn{1} && report.last == lsn{3}));
  BOOST_TEST(report.appended == 3u);
  const std::vector<std::string> expected = {R"({"a":1})", R"( {"a":2} )", R"({"a":3})"};
  BOOST_TEST(texts(events.records()) == expected, boost::test_tools::per_element());
  BOOST_TEST(report.refused_total == 2u);
  BOOST_REQUIRE(report.refused.size() == 2u);
  BOOST_TEST(report.refused[0].line == 5u);
  BOOST_TEST(report.refused[0].byte == 8u);
  BOOST_TEST(report.refused[0].reason == "true, false or null");
  BOOST_TEST(report.refused[1].line == 6u);
  BOOST_TEST(report.refused[1].byte == 0u);
}

BOOST_AUTO_TEST_CASE(a_last_line_that_is_cut_is_refused_by_name) {
  const auto report = events.append_lines("{}\n{\"a\":\"b");
  BOOST_TEST(report.appended == 1u);
  BOOST_TEST(report.refused.at(0).byte == 7u);
  BOOST_TEST(report.refused.at(0).reason.starts_with("the rest of the line, which was cut: "));
  // one that has its end was not cut
  BOOST_TEST(!events.append_lines("{\"a\":\"b\n").refused.at(0).reason.starts_with("the rest"));
}

BOOST_AUTO_TEST_CASE(the_first_lines_that_were_refused_are_kept_and_all_are_counted) {
  std::string text;
  for (int n = 0; n < 100; ++n) text += "[]\n{}\n";
  const auto report = events.append_lines(text);
  BOOST_TEST(report.refused.size() == 64u);
  BOOST_TEST(report.refused.back().line == 127u);
  BOOST_TEST(report.refused_total == 100u);
  BOOST_TEST(report.appended == 100u);
}

BOOST_AUTO_TEST_CASE(many_lines_are_several_batches_and_a_line_that_is_too_long_is_refused) {
  options.record_bytes_max = 40'000;
  reopen();
  std::string text;
  std::vector<std::string> expected;
  for (std::size_t n = 0; n < 60; ++n) {
    expected.push_back(R"({"a":")" + std::string(n * n * 10, 'x') + "\"}");
    text += expected.back() + "\n";
  }
  text += R"({"b":")" + std::string(40'000, 'x') + "\"}\n";
  const auto report = events.append_lines(text);
  BOOST_TEST((report.first == lsn{1} && report.last == lsn{60}));
  BOOST_TEST(texts(events.records()) == expected, boost::test_tools::per_element());
  BOOST_TEST(report.refused.at(0).byte == 40'000u);
  BOOST_TEST(report.refused.at(0).line == 61u);
}

BOOST_AUTO_TEST_CASE(no_line_at_all_appends_nothing) {
  for (const auto text : {"", "\n\r\n", "\xEF\xBB\xBF"}) {
    const auto report = events.append_lines(text);
    BOOST_TEST((!report.first && !report.last && report.appended + report.refused_total == 0));
  }
}

BOOST_AUTO_TEST_CASE(events_for_a_log_that_takes_none_are_refused_whatever_they_are) {
  event_log::options only_read;
  only_read.mode = open_mode::read_only;
  event_log reader{place / "events", only_read};
  auto open = events.begin();
  events.close();
  for (const auto text : {"", "no JSON", "{}"}) {
    BOOST_TEST(throws(errc::read_only, [&] { reader.append_lines(text); }));
    BOOST_TEST(throws(errc::closed, [&] { events.append_lines(text); }));
    BOOST_TEST(throws(errc::closed, [&] { open.append_lines(text); }));
    BOOST_TEST(throws(errc::read_only, [&] { reader.append(text); }));
    BOOST_TEST(throws(errc::closed, [&] { events.append(text); }));
    BOOST_TEST(throws(errc::closed, [&] { events.append(std::vector<std::string>{text}); }));
    BOOST_TEST(throws(errc::closed, [&] { open.append(text); }));
  }
}

BOOST_AUTO_TEST_CASE(an_event_can_be_made_of_values) {
  events.append({{"level", "INFO"}, {"ms", 12}});
  events.append({{"a", nullptr},
                 {"b", true},
                 {"c", -0.5},
                 {"d", std::numeric_limits<std::uint64_t>::max()},
                 {"e\n\x01", "\"\\\x1F\xC3\xA9"s},
                 {"f", {{"g", {{"h", 1e300}}}, {"i", event_array{1, "x", event_array{}}}}},
                 {"j", event_object{}}});
  event_object built;
  built.add("n", std::numeric_limits<std::int64_t>::min()).add("f", 1.5f);
  events.append(built);
  events.append(std::vector{built, event_object{}});
  events.append({});
  const std::string both = R"({"n":-9223372036854775808,"f":1.5})";
  const std::vector<std::string> expected = {
      R"({"level":"INFO","ms":12})",
      R"({"a":null,"b":true,"c":-0.5,"d":18446744073709551615,"e\n\u0001":"\"\\\u001f)"
      "\xC3\xA9"
      R"(","f":{"g":{"h":1e+300},"i":[1,"x",[]]},"j":{}})",
      both,
      both,
      "{}",
      "{}"};
  BOOST_TEST(texts(events.records()) == expected, boost::test_tools::per_element());
  for (const double number : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    BOOST_TEST(throws(errc::invalid_argument, [&] { events.append({{"a", number}}); }));
  }
}

BOOST_AUTO_TEST_CASE(without_a_check_anything_is_taken) {
  choose(event_check::none, event_utf8::refuse);
  for (const auto& [text, byte] : bad_events) events.append(text);
  BOOST_TEST(events.last_lsn() == lsn{bad_events.size()});
  BOOST_TEST(events.append_lines("[]\n}").appended == 2u);
}

BOOST_AUTO_TEST_CASE(strings_that_are_not_unicode_are_refused_if_so_chosen) {
  choose(event_check::on_append, event_utf8::refuse);
  const std::pair<std::string, std::size_t> cases[] = {
      {"{\"a\":\"\xFF\"}", 6},
      {"{\"a\":\"12345678\xC3\"}", 14},
      {"{\"\xC0\x80\":1}", 2},
      {"{\"a\":\"\xED\xA0\x80\"}", 6},
      {"{\"a\":\"\xF4\x90\x80\x80\"}", 6},
      {R"({"a":"\\\ud800"})", 8},
      {R"({"a":"\udc00\ud800"})", 6},
      {R"({"a":"\ud800\u0041"})", 6},
  };
  for (const auto& [text, byte] : cases) {
    const auto thrown = error_of([&, &bad = text] { events.append(bad); });
    BOOST_REQUIRE(thrown);
    BOOST_TEST((thrown->offset() == byte), text);
  }
  events.append("{\"a\":\"\xF4\x8F\xBF\xBF\xED\x9F\xBF\xE2\x82\xAC\xC3\xA9 \\ud83d\\ude00\\n\"}");
  BOOST_TEST(events.last_lsn() == lsn{1});
}

BOOST_AUTO_TEST_CASE(a_directory_is_an_event_log_and_a_wal_in_both_directions) {
  events.append({{"a", 1}});
  events.close();
  {
    async_wal wal{place / "events"};
    BOOST_TEST(wal.read(lsn{1}).text() == R"({"a":1})");
    wal.append("not JSON");
    wal.append(R"({"a":2})");
  }
  events = event_log{place / "events", options};
  BOOST_TEST(events.append({{"a", 3}}) == lsn{4});
  const std::vector<std::string> expected = {R"({"a":1})", "not JSON", R"({"a":2})", R"({"a":3})"};
  BOOST_TEST(texts(events.records()) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_options_of_the_segments_are_those_of_a_wal) {
  options.index.stride_bytes = 1;
  BOOST_TEST(throws(errc::invalid_argument, [&] { event_log{place / "other", options}; }));
}

BOOST_AUTO_TEST_CASE(the_field_of_the_time_is_a_path) {
  for (const char* const path : {"a..b", "a b", "a:", "_time"}) {
    event_log::options chosen;
    chosen.index.time_field = path;
    BOOST_TEST(throws(errc::invalid_argument, [&] { event_log{place / "other", chosen}; }), path);
  }
}

BOOST_AUTO_TEST_SUITE_END()
