// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE oracle
#include <cstddef>
#include <cstdlib>
#include <string>

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

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
