// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE oracle
#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include <boost/test/unit_test.hpp>

#include <logdb/query/compile.hpp>

#include "unit/query/asked.hpp"
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

BOOST_AUTO_TEST_SUITE(oracle)

BOOST_AUTO_TEST_CASE(random_queries_find_exactly_what_the_naive_evaluator_finds) {
  const char* const wanted = std::getenv("LOGDB_ORACLE_QUERIES");
  const auto seed =
      wanted == nullptr
          ? 1u
          : static_cast<unsigned>(std::chrono::steady_clock::now().time_since_epoch().count());
  const std::size_t queries = wanted == nullptr ? 1500 : std::strtoull(wanted, nullptr, 10);
  BOOST_TEST_MESSAGE("seed " << seed);
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
