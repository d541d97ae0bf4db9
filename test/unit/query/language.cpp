// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE language
#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/error.hpp>
#include <logdb/query/compile.hpp>

#include "unit/query/asked.hpp"

// What the examples of docs/events.md do not show of the language: bounds, expressions of C++, the
// text of a tree, traps, and threads.

namespace {

namespace query = logdb::query;
using logdb::errc;
using logdb::error;
using logdb::test::finds;
using logdb::test::found;
using logdb::test::noon;
using query::field;

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

/// Returns the byte at which a text is refused, or npos if it is none of a bad query.
std::size_t refused_at(const std::string& text) {
  try {
    query::parse(text);
  } catch (const error& failure) {
    if (failure.condition() == errc::bad_query && failure.offset()) return *failure.offset();
  }
  return std::string::npos;
}

bool refuses(const std::function<void()>& make, errc code) {
  try {
    make();
  } catch (const error& failure) {
    return failure.condition() == code;
  }
  return false;
}

/// Texts that are no query, and the byte at which that shows.
const std::vector<std::pair<std::string, std::size_t>> bad_queries{{"'open", 0},
                                                                   {"\"a\\", 0},
                                                                   {"\"a\\\\", 0},
                                                                   {"a:\"\\u12", 7},
                                                                   {"a:'open", 2},
                                                                   {"\"a\\q\"", 2},
                                                                   {"\"\\u12g4\"", 5},
                                                                   {"a:", 2},
                                                                   {"a: ", 3},
                                                                   {"a:()", 3},
                                                                   {"()", 1},
                                                                   {"(a", 2},
                                                                   {"a)", 1},
                                                                   {"a AND", 5},
                                                                   {"OR a", 0},
                                                                   {"a OR OR b", 5},
                                                                   {"NOT", 3},
                                                                   {"a:and", 2},
                                                                   {"a:[1 2]", 5},
                                                                   {"a:[1 TO 2", 9},
                                                                   {"a:[b TO c]", 3},
                                                                   {"a:[1 TO \"x\"]", 8},
                                                                   {"a:[\"b\" TO \"a\"]", 10},
                                                                   {"a>", 2},
                                                                   {"a>b*", 2},
                                                                   {"a>=null", 3},
                                                                   {"a=x*", 2},
                                                                   {"a=~x", 3},
                                                                   {"a=~\"[\"", 3},
                                                                   {"a=~\"(x)\\\\1\"", 3},
                                                                   {"a:b:c", 3},
                                                                   {"a..b:1", 0},
                                                                   {".a:1", 0},
                                                                   {"a.:1", 0},
                                                                   {"a*:1", 0},
                                                                   {"\"a\".b", 5},
                                                                   {"a:in()", 5},
                                                                   {"a:in(b", 6},
                                                                   {"a:in(b*)", 5},
                                                                   {"a:i(b", 5},
                                                                   {"a:i()", 4},
                                                                   {"a\\b", 2},
                                                                   {"a\\", 2},
                                                                   {"_time:soon", 6},
                                                                   {"_time:x*", 6},
                                                                   {"_time:i(x)", 8},
                                                                   {"_time=~\"x\"", 7},
                                                                   {"_time>\"now\"", 6},
                                                                   {"a>2026-02-29", 2},
                                                                   {"|", 1},
                                                                   {"| count by", 10},
                                                                   {"| top x a", 6},
                                                                   {"| top 0 a", 6},
                                                                   {"| newest", 8},
                                                                   {"| newest 1 2", 11},
                                                                   {"| histogram 1x", 12},
                                                                   {"| histogram 0m", 12},
                                                                   {"| stats", 7},
                                                                   {"| stats p101(a)", 8},
                                                                   {"| stats sum", 11},
                                                                   {"| stats sum(a", 13},
                                                                   {"| count | fields a", 10},
                                                                   {"| fields a | count", 13},
                                                                   {"| newest 1 | oldest 1", 13},
                                                                   {"a | b", 4},
                                                                   {"!=5", 1},
                                                                   {"a:[now TO now-1m]", 10},
                                                                   {"= 5", 0}};

/// Queries of every form.
const std::vector<std::string> queries{"",
                                       "*",
                                       "a",
                                       "-a",
                                       "a b OR c AND NOT (d OR e)",
                                       "NOT (a b)",
                                       "NOT NOT a",
                                       "a:(x OR y -z)",
                                       "\"and\":1",
                                       "\"by\":x",
                                       "\"_time\":x",
                                       "\"\".\"\":1",
                                       "\"a b\".\"c\\\"d\\u0007\":'x\"\\y'",
                                       "a:x\\ y",
                                       "a:\\-x",
                                       "a:~x",
                                       "a:=~x",
                                       "~x*",
                                       "\\-x*",
                                       "a:-5",
                                       "a:**",
                                       "a:i(*)",
                                       "i(*x)",
                                       "a:i(and)",
                                       "a:i(null)",
                                       "a:null",
                                       "a=null",
                                       "a:[* TO *]",
                                       "a:{1 TO 2}",
                                       "a<2",
                                       "a>='x'",
                                       "a>2026-03-01T10:00:00.5Z",
                                       "a>now-15m",
                                       "a:[now-1h TO now+1w]",
                                       "_time:15m",
                                       "_time:2026-03-01",
                                       "_time>1772359200",
                                       "_lsn:7",
                                       "_malformed:true",
                                       "_append>now",
                                       "a=~'x\\d'",
                                       "a!~'x'",
                                       "a:2026-03-01T10:00",
                                       "é:ü",
                                       "*.*:x",
                                       "a.*.b:*",
                                       "| count",
                                       "a | count by b.\"c d\", \"by\"",
                                       "| top 5 a",
                                       "| histogram 90m by a",
                                       "| stats count, p50(a), median(b), p99(a.b), sum(c) by d, e",
                                       "a | newest 100",
                                       "a | oldest 3 | fields a, \"b.c\"",
                                       "| newest 5 | stats max(a)"};

BOOST_AUTO_TEST_SUITE(language)

BOOST_AUTO_TEST_CASE(a_bad_query_is_refused_at_its_byte) {
  for (const auto& [text, byte] : bad_queries) {
    BOOST_TEST(refused_at(text) == byte, text << ": " << refused_at(text) << " != " << byte);
  }
}

BOOST_AUTO_TEST_CASE(an_error_shows_the_place_in_a_long_text) {
  const std::string text = repeated("é\t", 100) + "a:" + repeated(" ", 100) + ")";
  try {
    query::parse(text);
    BOOST_TEST(false);
  } catch (const error& failure) {
    const std::string shown = failure.what();
    const std::size_t line = shown.find('\n');
    BOOST_REQUIRE(line != std::string::npos);
    BOOST_TEST(shown.substr(0, line).size() < 200U);
    BOOST_TEST(shown.find('\t') == std::string::npos);
    BOOST_TEST(shown.find("^ column 303: expected a value") != std::string::npos, shown);
  }
}

BOOST_AUTO_TEST_CASE(a_query_has_bounds_and_no_recursion_goes_past_them) {
  BOOST_TEST(query::parse(repeated("(", 256) + "a" + repeated(")", 256)).where.depth() == 1U);
  BOOST_TEST(refused_at(repeated("(", 10000) + "a") == 257U);
  BOOST_TEST(refused_at(repeated("NOT ", 10000) + "a") != std::string::npos);
  BOOST_TEST(refused_at(repeated("a:(", 10000)) != std::string::npos);
  BOOST_TEST(query::parse(repeated("-", 255) + "a").where.depth() == 256U);
  BOOST_TEST(refused_at(repeated("-", 256) + "a") != std::string::npos);
  BOOST_TEST(query::parse(repeated("a ", 32768)).where.parts().size() == 32768U);
  BOOST_TEST(refused_at(repeated("a", 65537)) == 65536U);
  BOOST_TEST(refused_at(repeated("a.", 63) + "a:1") == std::string::npos);
  BOOST_TEST(refused_at(repeated("a.", 64) + "a:1") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_regular_expression_has_bounds) {
  const auto regex = [](const std::string& text) { return refused_at("a=~'" + text + "'"); };
  BOOST_TEST(regex(repeated("x", 1024)) == std::string::npos);
  BOOST_TEST(regex(repeated("x", 1025)) == 3U);
  BOOST_TEST(regex("((x{50}){50}){50}") == 3U);
  BOOST_TEST(regex("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}") == std::string::npos);
  BOOST_TEST(regex(repeated("(", 100) + "x" + repeated(")", 100)) == 3U);
  for (const std::string text :
       {"x(?=.*y)", "(?!x(?=y))", "(?=(x)?y)", "(?=x|(y{2}))", "(?=[[:alpha:])]x*)",
        "(?=[[.].])]x*)", "(?=\\c)x*)", "(?=[\\c])]x*)", "x**", "x++", "x{2}*", "(x)+?+", "x{2}{3}",
        "[x]??*"}) {
    BOOST_TEST(regex(text) == 3U, text);
  }
  for (const std::string text : {"(?!xy)(?=x|(y)).*", "(x(?=y))*", "(?=x)(?:(y)+)", "x*?y+?z??",
                                 "(x*)*", "(?=[[:alpha:]*+])x*", "[*+]*", "x\\*+", "x{2}?"}) {
    BOOST_TEST(regex(text) == std::string::npos, text);
  }
  const std::string value = "{\"a\":\"" + repeated("a", 60000) + "\"}";
  BOOST_TEST(!finds("a=~'(a+)+$x'", "{\"a\":\"" + repeated("a", 2000) + "\"}"));
  BOOST_TEST(finds("a=~'a$'", value));
  for (const std::size_t bytes : {0U, 250U, 256U, 257U, 1020U, 1024U, 1025U, 4096U, 4097U}) {
    const std::string event = "{\"a\":\"" + repeated("x", bytes) + "\"}";
    for (const std::string text : {"^x*$", "^x*x*$", "^(x*)*$", "x*.?.?$"}) {
      BOOST_TEST(finds("a=~'" + text + "'", event), text << bytes);
      BOOST_TEST(!finds("a=~'" + text + "y'", event), text << bytes);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_search_ends_soon_whatever_the_choices_of_a_regular_expression) {
  const std::string event = "{\"a\":\"" + repeated("x", 250) + "\",\"b\":\"y\"}";
  BOOST_TEST(!finds("a=~'" + repeated("(x|x)", 200) + "y'", event));
  BOOST_TEST(!finds("a=~'" + repeated("(x|xx)", 100) + "y'", event));
  BOOST_TEST(finds("a=~'^" + repeated("(x|xx)", 100) + "x*$'", event));
  BOOST_TEST(!finds("a=~'" + repeated("(|)", 300) + "y'", R"({"a":"","b":"y"})"));
}

BOOST_AUTO_TEST_CASE(a_value_too_long_for_a_regular_expression_is_counted) {
  const query::compiled_query asked = query::compile("a=~\"x\"");
  query::match_counts counts;
  BOOST_TEST(asked.matches("{\"a\":\"" + repeated("x", 65536) + "\"}", {}, &counts));
  BOOST_TEST(!asked.matches("{\"a\":\"" + repeated("x", 65537) + "\"}", {}, &counts));
  BOOST_TEST(!asked.matches(R"({"a":"y"})", {}, &counts));
  BOOST_TEST(counts.regex_skipped == 1U);
  BOOST_TEST(counts.excluded == 1U);
}

BOOST_AUTO_TEST_CASE(a_literal_is_required_only_where_every_match_has_it) {
  using query::detail::regex_literal;
  const std::vector<std::pair<std::string, std::string>> cases{{"retry [0-9]+ of 5", "retry "},
                                                               {"abc|def", ""},
                                                               {"(abc)?de", "de"},
                                                               {"abc*", "ab"},
                                                               {"ab+cd", "ab"},
                                                               {"ab{0,2}c", "a"},
                                                               {"a\\.b", "a.b"},
                                                               {"\\x41bcd", ""},
                                                               {"[abc]def", "def"},
                                                               {"[]abc]d", ""},
                                                               {"(a|b)cd", "cd"},
                                                               {"^abc$", "abc"},
                                                               {"ab?", "a"},
                                                               {"x(?!abc)yz", "yz"},
                                                               {"a\\dbc", "bc"}};
  for (const auto& [regex, literal] : cases) BOOST_TEST(regex_literal(regex) == literal, regex);
}

BOOST_AUTO_TEST_CASE(expressions_of_cpp_make_the_tree_that_their_text_makes) {
  const std::vector<std::pair<query::expression, std::string>> cases{
      {field("level") == "ERROR" && field("ms") > 10, "level=\"ERROR\" AND ms>10"},
      {!(field("a") == 1) || field("b") != true, "NOT a=1 OR b!=true"},
      {field("ms").between(1, 5), "ms:[1 TO 5]"},
      {field("ms").within(1.5, 5U), "ms:[1.5 TO 5}"},
      {field("a").exists() && field("a") != nullptr, "a:* AND NOT a:null"},
      {field("msg").has("no space") || query::contains("x"), "msg:\"no space\" OR \"x\""},
      {field("host").like("web-?*"), "host:web-?*"},
      {field("host").like("web\\*"), "host=\"web*\""},
      {field("host").like("*"), "host:*"},
      {field("msg").matches("[0-9]+ of 5"), "msg=~\"[0-9]+ of 5\""},
      {field("level").equals_any_case("error"), "level:i(error)"},
      {field("s").in({"api", "auth", 5}), "s:in(\"api\", \"auth\", 5)"},
      {field("_time") >= noon(), "_time>=2026-03-01T12:00"},
      {field("_time") < "2026-03-01", "_time<2026-03-01"},
      {field("a.\"b.c\".*") <= std::string{"x"}, "a.\"b.c\".*<='x'"},
      {field("n") == std::numeric_limits<std::uint64_t>::max(), "n=18446744073709551615"},
      {field("n") > std::numeric_limits<std::int64_t>::min(), "n>-9223372036854775808"}};
  for (const auto& [made, text] : cases) {
    BOOST_TEST(same(made, query::parse(text).where), to_string(made) << " is not " << text);
    BOOST_TEST(same(made, query::parse(to_string(made)).where), to_string(made));
  }
}

BOOST_AUTO_TEST_CASE(an_expression_that_is_no_query_is_refused) {
  BOOST_TEST(refuses([] { field("a..b"); }, errc::bad_query));
  BOOST_TEST(refuses([] { field("a b"); }, errc::bad_query));
  BOOST_TEST(refuses([] { (void)field("a").matches("("); }, errc::bad_query));
  BOOST_TEST(refuses([] { (void)field("a").between(2, 1); }, errc::bad_query));
  BOOST_TEST(refuses([] { (void)field("a").in({}); }, errc::bad_query));
  BOOST_TEST(refuses([] { (void)(field("_time") > "soon"); }, errc::bad_query));
  BOOST_TEST(refuses([] { (void)(field("a") == std::numeric_limits<double>::infinity()); },
                     errc::invalid_argument));
  query::expression deep = field("a") == 1;
  BOOST_TEST(refuses(
      [&deep] {
        for (int i = 0; i < 300; ++i) deep = !deep;
      },
      errc::bad_query));
  BOOST_TEST(deep.depth() == query::query_depth_max);
}

BOOST_AUTO_TEST_CASE(a_tree_is_printed_as_text_that_reads_as_the_same_tree) {
  for (const std::string& text : queries) {
    const query::parsed_query parsed = query::parse(text);
    const std::string printed = to_string(parsed);
    BOOST_TEST((query::parse(printed) == parsed), text << " was printed as " << printed);
  }
  BOOST_TEST(to_string(query::parse("level:(ERROR or WARN) -service:mailer | count by host")) ==
             "(level=ERROR OR level=WARN) AND NOT service=mailer | count by host");
  BOOST_TEST(!(query::parse("a:1") == query::parse("a:\"1\"")));
  BOOST_TEST(!(query::parse("a | newest 1") == query::parse("a | newest 2")));
}

BOOST_AUTO_TEST_CASE(a_word_in_parentheses_or_a_group_is_what_it_is_elsewhere) {
  BOOST_TEST(finds("ms:([1 TO 5] OR >100)", R"({"ms":200})"));
  BOOST_TEST(!finds("ms:([1 TO 5] OR >100)", R"({"ms":50})"));
  BOOST_TEST(finds("a:(null OR in(x, y))", R"({"a":"y"})"));
  BOOST_TEST(finds("a:(NULL OR IN(x, y)) a:In(y) a:I(Y) I(Y)", R"({"a":"y"})"));
  BOOST_TEST(finds("a:((x OR y) AND NOT z)", R"({"a":"x"})"));
  BOOST_TEST(finds("a : x AND b != y", R"({"a":"x"})"));
  BOOST_TEST(finds("i:5 in:6", R"({"i":5,"in":6})"));
}

BOOST_AUTO_TEST_CASE(what_excludes_never_decides) {
  // the value escaped in one event and not in the other; the flat name, and its text as a value
  BOOST_TEST(found("a:/x", {R"({"a":"/x"})", R"({"a":"\/x"})", R"({"\u0061":"\u002fx"})"}) ==
             "1 2 3");
  BOOST_TEST(found("NOT a:x", {R"({"a":"\u0078"})", R"({"b":"x"})", R"({"a":"y"})"}) == "2 3");
  BOOST_TEST(found("\"k\":v", {R"({"k":"v"})", R"({"k" : "v"})", R"({"v":"k"})"}) == "1 2");
  BOOST_TEST(found("a:x OR b:1", {R"({"b":1.0})", R"({"c":"x"})"}) == "1");
  BOOST_TEST(found("_malformed:false a:x", {R"({"a":"x"})", R"({"a":"x")"}) == "1");
  BOOST_TEST(found("a:null", {R"({"a":null})", R"({"b":null,"a":1})"}) == "1");
}

BOOST_AUTO_TEST_CASE(a_fault_at_the_end_of_a_record_leaves_it_no_fields) {
  BOOST_TEST(found("a:1 OR b:1", {R"({"a":1})", R"({"a":1)", R"({"a":1}})", R"({"a":1} x)"}) ==
             "1");
  BOOST_TEST(found("NOT a:1", {R"({"a":1,)", ""}) == "1 2");
  BOOST_TEST(found("", {"", "x", "{}"}) == "1 2 3");
  BOOST_TEST(found("a:1 OR b:x", {std::string_view{}}).empty());
  BOOST_TEST(found("a!=1", {std::string_view{}}) == "1");
}

BOOST_AUTO_TEST_CASE(one_query_is_asked_by_many_threads) {
  const query::compiled_query asked = query::compile("a:x* b=~'[0-9]+' i(z) _time:15m");
  std::vector<std::size_t> counts(4, 0);
  std::vector<std::thread> threads;
  for (std::size_t& count : counts) {
    threads.emplace_back([&count, asked] {
      for (int i = 0; i < 500; ++i) {
        const std::string event = "{\"a\":\"x\\u0079\",\"b\":\"" + std::to_string(i) +
                                  (i % 2 == 0 ? "\",\"c\":\"Z\"}" : "\"}");
        count += asked.matches(event, {.appended = noon(), .now = noon()}) ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::size_t count : counts) BOOST_TEST(count == 250U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
