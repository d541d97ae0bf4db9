// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE oracle
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/query/aggregate.hpp>
#include <logdb/query/compile.hpp>

#include "unit/query/asked.hpp"
#include "unit/query/naive/random_aggregate.hpp"
#include "unit/query/naive/random_query.hpp"

// Random queries of random events find what an evaluator finds that was written apart from the
// library. LOGDB_ORACLE_QUERIES=N asks N queries, from a seed of the clock, instead of those here.

namespace {

namespace naive = logdb::test::naive;
namespace query = logdb::query;
using logdb::test::noon;

struct tally {
  std::size_t asked = 0;
  std::size_t found = 0;
};

/// Asks one query of so many events.
void ask(naive::generator& random, std::size_t events, tally& of) {
  const naive::asked question = random.query();
  const query::parsed_query parsed = query::parse(question.text);
  const std::string printed = to_string(parsed);
  BOOST_REQUIRE_MESSAGE(query::parse(printed) == parsed, question.text + "\n" + printed);
  const query::compiled_query ready = query::compile(question.text);
  for (std::size_t i = 0; i < events; ++i) {
    const std::string event = random.event();
    const auto appended = noon() - std::chrono::minutes{i % 2};
    const bool found =
        ready.matches(event, {.appended = appended, .at = logdb::lsn{i}, .now = noon()});
    const naive::site told{static_cast<long double>(appended.time_since_epoch().count()),
                           static_cast<long double>(i),
                           static_cast<long double>(noon().time_since_epoch().count())};
    BOOST_REQUIRE_MESSAGE(found == question.holds(naive::read_event(event), told),
                          question.text + "\n" + event + (found ? "\nfound" : "\nnot found"));
    ++of.asked;
    of.found += found ? 1 : 0;
  }
}

long double real_of(const query::json_number& of) {
  switch (of.kind) {
    case query::json_number::form::integer: return static_cast<long double>(of.integer);
    case query::json_number::form::natural: return static_cast<long double>(of.natural);
    case query::json_number::form::real: return static_cast<long double>(of.real);
  }
  return 0;
}

std::string key_of(const query::answer_value& of) {
  using enum query::answer_value::kind;
  switch (of.is) {
    case number: return of.number.beyond ? "b" + of.text : naive::key_of_number(real_of(of.number));
    case text: return "s" + of.text;
    case true_: return "true";
    case false_: return "false";
    case absent: break;
  }
  return "absent";
}

std::vector<std::string> keys_of(const std::vector<query::answer_value>& of) {
  std::vector<std::string> keys;
  for (const query::answer_value& value : of) keys.push_back(key_of(value));
  return keys;
}

/// Returns whether a figure is what the naive one is; sums of doubles depend on their order.
bool is_same(const query::answer_value& figure, const std::optional<long double>& expected) {
  if (!expected) return figure.is == query::answer_value::kind::absent;
  if (figure.is != query::answer_value::kind::number) return false;
  const long double real = real_of(figure.number);
  return real == *expected || std::fabs(real - *expected) <= 1e-14L * std::fabs(*expected);
}

void compare_rows(const query::answer& answer, const naive::groups& expected,
                  const naive::asked_aggregate& asked) {
  BOOST_REQUIRE(answer.rows.size() == expected.size());
  std::uint64_t before = UINT64_MAX;
  for (const query::answer_row& row : answer.rows) {
    const auto group = expected.find(keys_of(row.values));
    BOOST_REQUIRE(group != expected.end());
    BOOST_REQUIRE(row.count == group->second.size());
    BOOST_REQUIRE(row.count <= before);
    before = row.count;
    for (std::size_t i = 0; i < asked.figures.size(); ++i) {
      const auto& [function, path] = asked.figures[i];
      BOOST_REQUIRE_MESSAGE(is_same(row.figures.at(i), figure_of(function, group->second, path)),
                            function << " is " << row.figures[i].text);
    }
  }
}

void compare_series(const query::answer& answer, const naive::groups& expected,
                    std::int64_t width) {
  BOOST_REQUIRE(answer.series.size() == expected.size());
  for (const query::answer_series& series : answer.series) {
    naive::groups::key_type key;
    if (expected.begin()->first.size() == 1) key.push_back(key_of(series.value));
    const auto group = expected.find(key);
    BOOST_REQUIRE(group != expected.end());
    std::vector<std::uint64_t> counts(answer.buckets);
    for (const naive::found_event* each : group->second) {
      const auto bucket = std::floor(each->time / static_cast<long double>(width));
      const auto first = static_cast<long double>(answer.begin.time_since_epoch().count()) /
                         static_cast<long double>(width);
      ++counts.at(static_cast<std::size_t>(bucket - first));
    }
    BOOST_REQUIRE(series.counts == counts);
  }
}

/// Asks one aggregate over so many events, those around which it is drawn.
void ask_aggregate(naive::aggregate_generator& random, std::size_t events) {
  const naive::asked where = random.query(1);
  const naive::asked_aggregate asked = random.aggregate();
  const std::string text = where.text + " | " + asked.text;
  const query::compiled_query ready = query::compile(text);
  query::aggregator counting{ready, {.buckets_max = SIZE_MAX, .cells_max = SIZE_MAX}};
  std::vector<naive::found_event> found;
  const auto now = static_cast<long double>(noon().time_since_epoch().count());
  std::string all;
  for (std::size_t i = 0; i < events; ++i) {
    std::string event = random.event();
    const query::event_site site{.appended = noon(), .at = logdb::lsn{i}, .now = noon()};
    const naive::site told{now, static_cast<long double>(i), now};
    auto tree = naive::read_event(event);
    const long double time = naive::event_time(tree, told);
    // A histogram has all the buckets between its ends: these lie within a month of noon.
    if (asked.width != 0 && std::fabs(time - now) > 2.6e15L) continue;
    if (!ready.matches(event, site)) continue;
    counting.add(event, site);
    found.push_back({std::move(tree), time});
    all += '\n' + event;
  }
  BOOST_TEST_CONTEXT(text << all) {
    const naive::groups expected = naive::grouped(found, asked.by);
    const query::answer answer = counting.result();
    if (asked.width == 0) return compare_rows(answer, expected, asked);
    if (!found.empty()) compare_series(answer, expected, asked.width);
  }
}

/// Returns how many queries are asked, and from which seed.
std::pair<std::size_t, unsigned> wanted(std::size_t otherwise) {
  const char* const queries = std::getenv("LOGDB_ORACLE_QUERIES");
  if (queries == nullptr) return {otherwise, 1u};
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  BOOST_TEST_MESSAGE("seed " << static_cast<unsigned>(now));
  return {std::strtoull(queries, nullptr, 10), static_cast<unsigned>(now)};
}

BOOST_AUTO_TEST_SUITE(oracle)

BOOST_AUTO_TEST_CASE(random_aggregates_come_to_what_the_naive_ones_come_to) {
  const auto [queries, seed] = wanted(500);
  naive::aggregate_generator random{seed};
  for (std::size_t i = 0; i < queries; i += 4) ask_aggregate(random, 24);
}

BOOST_AUTO_TEST_CASE(random_queries_find_exactly_what_the_naive_evaluator_finds) {
  const auto [queries, seed] = wanted(1500);
  naive::generator random{seed};
  tally of;
  for (std::size_t i = 0; i < queries; ++i) ask(random, 12, of);
  BOOST_TEST_MESSAGE(of.found << " of " << of.asked << " found");
  BOOST_TEST(of.found * 20 > of.asked);
  BOOST_TEST((of.asked - of.found) * 20 > of.asked);
}

/// Asks a query of an event that has to be read for it, and returns whether it was not.
bool is_excluded(std::string_view text, std::string_view event) {
  query::match_counts counts;
  BOOST_TEST(!query::compile(text).matches(event, {}, &counts), text << " of " << event);
  return counts.excluded == 1;
}

BOOST_AUTO_TEST_CASE(a_value_that_is_looked_for_is_found_however_it_is_written) {
  for (const char* const event :
       {R"({"ms":250})", R"({"ms" : 2.5e2 })", R"({"ms":"ms","ms":250.0})", R"({"ms":[1,[250]]})",
        R"({"x":{"ms":1},"ms":250})", R"({"ms":{"ms":1},"ms":250})", R"({"m\u0073":250})",
        R"({"ms":"\u0032\u0035\u0030"})", "{\"ms\"\n:\t\"250\"\r}"}) {
    BOOST_TEST(query::compile("ms:250").matches(event, {}), event);
    BOOST_TEST(query::compile("ms:(7 OR 250) x!=1").matches(event, {}), event);
  }
  BOOST_TEST(query::compile("a.ms>9").matches(R"({"a.ms":10})", {}));
  BOOST_TEST(query::compile("*.ms<now").matches(R"({"a":{"ms":"2020-01-01"}})", {.now = noon()}));
  BOOST_TEST(query::compile("ms:null").matches(R"({"ms":null})", {}));
  BOOST_TEST(query::compile("ms:false").matches(R"({"ms":false})", {}));
  BOOST_TEST(query::compile("ms:\"\"").matches(R"({"ms":""})", {}));
}

BOOST_AUTO_TEST_CASE(an_event_without_the_value_is_not_read_unless_it_has_a_backslash) {
  BOOST_TEST(is_excluded("ms>=900", R"({"ms":12,"msg":"ms 901","bytes":950})"));
  BOOST_TEST(is_excluded("level:ERROR ms>1", R"({"level":"INFO","ms":7,"msg":"ERROR"})"));
  BOOST_TEST(is_excluded("level:(ERROR OR WARN)", R"({"level":"INFO"})"));
  BOOST_TEST(is_excluded("ms>=900", R"({"ms":{"ms":12}})"));
  BOOST_TEST(is_excluded("ms>=900", "{\"ms\""));
  BOOST_TEST(!is_excluded("ms>=900", R"({"ms":12,"msg":"\\"})"));
  BOOST_TEST(!is_excluded("ms>=900", R"({"ms":[12]})"));
  BOOST_TEST(!is_excluded("NOT ms<900", R"({"ms":12})"));
  BOOST_TEST(!is_excluded("ms>=900", R"({"x.ms":950})"));
}

BOOST_AUTO_TEST_CASE(bytes_are_found_at_each_place_and_none_behind_the_end) {
  for (std::size_t wanted = 1; wanted < 40; ++wanted) {
    const std::string bytes = std::string(wanted - 1, 'a') + 'b';
    for (std::size_t size = 0; size < 80; ++size) {
      const auto whole = std::make_unique<char[]>(size);  // whose end a sanitizer watches
      for (std::size_t place = 0; place + wanted <= size; ++place) {
        std::fill_n(whole.get(), size, 'a');
        whole[place + wanted - 1] = 'b';
        const std::string_view text{whole.get(), size};
        BOOST_REQUIRE(query::detail::find_bytes(text, bytes) == text.find(bytes));
        BOOST_REQUIRE(query::detail::find_bytes(text, bytes, place + 1) == text.npos);
        BOOST_REQUIRE(query::detail::find_bytes(text.substr(0, size - 1), bytes) ==
                      text.substr(0, size - 1).find(bytes));
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
