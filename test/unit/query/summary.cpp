// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE summary
#include "unit/query/summary.hpp"

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/query/summary/bytes/packed.hpp>

#include "unit/query/naive/random_query.hpp"

// Summaries: what they leave out has no match, whatever is asked and however they were made; damage
// is found. LOGDB_ORACLE_QUERIES=N asks N queries, as the oracle does.

namespace {

namespace naive = logdb::test::naive;
namespace query = logdb::query;
using logdb::test::summarised;

/// A budget that everything fits.
constexpr double unbounded = 1e6;

/// Blocks of one event each.
query::summary_options one_a_block() { return {.block_bytes = 1, .summary_share_max = unbounded}; }

/// The same, with everything in the filter.
query::summary_options filtered() {
  auto options = one_a_block();
  options.coded_values_max = 0;
  return options;
}

std::string blocks(std::string_view asked, std::vector<std::string> events,
                   const query::summary_options& options = one_a_block()) {
  return summarised{std::move(events), options}.blocks(asked);
}

std::vector<std::string> random_events(naive::generator& random, std::size_t count) {
  std::vector<std::string> events;
  for (std::size_t i = 0; i < count; ++i) events.push_back(random.event());
  return events;
}

std::size_t queries_wanted(std::size_t otherwise) {
  const char* const wanted = std::getenv("LOGDB_ORACLE_QUERIES");
  return wanted == nullptr ? otherwise : std::strtoull(wanted, nullptr, 10);
}

struct tally {
  std::size_t blocks = 0;
  std::size_t left_out = 0;
  std::uint64_t counted = 0;  // matches, by codes alone
};

/// Asks random queries of random events, summarised in one way.
void ask(naive::generator& random, const query::summary_options& options, std::size_t queries,
         tally& of) {
  const summarised segment{random_events(random, 60), options};
  const auto view = segment.view();
  BOOST_REQUIRE(view);
  for (std::size_t i = 0; i < queries; ++i) {
    const std::string text = random.query(2).text;
    const auto asked = query::compile(text);
    const auto plan = query::plan_blocks(*view, asked.where(), logdb::test::noon());
    BOOST_REQUIRE(plan);
    const auto missed = missed_match(segment, asked, *view, *plan);
    BOOST_REQUIRE_MESSAGE(!missed, text + " does not read the block of " + missed.value_or(""));
    of.blocks += plan->blocks();
    of.left_out += plan->blocks() - plan->count();

    auto left = *plan;
    const auto counted = query::count_by_codes(*view, asked.where(), logdb::test::noon(), left);
    BOOST_REQUIRE_MESSAGE(
        counted == logdb::test::matches_between(segment, asked, *view, *plan, left),
        text + " counts others than it finds");
    of.counted += counted;
  }
}

BOOST_AUTO_TEST_SUITE(summary)

BOOST_AUTO_TEST_CASE(blocks_that_a_random_query_leaves_out_hold_no_match) {
  naive::generator random{1};
  const std::size_t rounds = queries_wanted(1000) / 25;
  for (const std::size_t values : {255u, 4u, 0u}) {
    for (const std::size_t bytes : {1u, 300u}) {
      tally of;
      for (std::size_t i = 0; i < rounds; ++i) {
        ask(random,
            {.block_bytes = bytes, .coded_values_max = values, .summary_share_max = unbounded}, 25,
            of);
      }
      BOOST_TEST_MESSAGE(of.left_out << " of " << of.blocks << " blocks left out");
      BOOST_TEST(of.left_out * (bytes == 1 ? 4 : 12) > of.blocks);
      if (values > 0) BOOST_TEST(of.counted > 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_left_out_and_no_match_with_it) {
  naive::generator random{2};
  std::size_t smaller = 0;
  for (std::size_t i = 0; i < queries_wanted(1000) / 25; ++i) {
    const auto events = random_events(random, 60);
    query::summary_options options{.block_bytes = 300, .segment_fields_max = 1 + i % 9};
    options.coded_values_max = i % 5;
    options.summary_share_max = 0.5 + 0.25 * static_cast<double>(i % 16);
    options.fields_max = 2 + i % 7;
    options.name_bytes_max = 1 + i % 3;
    const summarised segment{events, options};
    std::size_t raw = 0;
    for (const auto& event : events) raw += event.size();
    BOOST_TEST(static_cast<double>(segment.bytes.size()) <=
               options.summary_share_max * static_cast<double>(raw));
    if (segment.bytes.empty()) continue;
    ++smaller;
    for (std::size_t n = 0; n < 25; ++n) {
      const auto asked = query::compile(random.query(2).text);
      const auto view = segment.view();
      const auto plan = query::plan_blocks(*view, asked.where(), logdb::test::noon());
      BOOST_REQUIRE(plan);
      const auto missed = missed_match(segment, asked, *view, *plan);
      BOOST_REQUIRE_MESSAGE(!missed, to_string(asked.where()) << " misses " << missed.value_or(""));
    }
  }
  BOOST_TEST(smaller > 0u);
}

BOOST_AUTO_TEST_CASE(a_value_is_found_however_it_is_written_and_asked_for) {
  for (const auto& options : {one_a_block(), filtered()}) {
    const std::vector<std::string> numbers{R"({"a":250})",   R"({"a":2.5e2})", R"({"a":250.0})",
                                           R"({"a":"250"})", R"({"a":251})",   R"({"a":[1,250]})"};
    BOOST_TEST(blocks("a:250", numbers, options) == "0 1 2 3 5");
    const std::vector<std::string> texts{R"({"a":"ERROR"})",      R"({"a":"\u0045RROR"})",
                                         R"({"\u0061":"ERROR"})", R"({"a" : "ERROR"})",
                                         R"({"a":"INFO"})",       R"({"b":"ERROR"})",
                                         R"({"ERROR":"a"})",      R"({"a":"x","a":"ERROR"})"};
    BOOST_TEST(blocks("a:ERROR", texts, options) == "0 1 2 3 7");
    BOOST_TEST(blocks("a:i(error)", texts, options) == "0 1 2 3 7");
    BOOST_TEST(blocks("ERROR", texts, options) == "0 1 2 3 5 7");
  }
}

BOOST_AUTO_TEST_CASE(a_word_is_asked_for_only_where_it_must_stand_whole) {
  const std::vector<std::string> events{R"({"m":"no space left"})", R"({"m":"nospace left over"})",
                                        R"({"m":"space"})", R"({"m":7})"};
  BOOST_TEST(blocks("m:\"space left\"", events, filtered()) == "0");
  BOOST_TEST(blocks("m:\"left\"", events, filtered()) == "0 1");
  BOOST_TEST(blocks("m:no*left*", events, filtered()) == "0 1 2");
  BOOST_TEST(blocks("m:*space left*", events, filtered()) == "0 1 2");
  BOOST_TEST(blocks("m:no\\ sp*", events, filtered()) == "0");
  BOOST_TEST(blocks("m:'space'", events, filtered()) == "0 2");
  BOOST_TEST(blocks("m=~\"o space l\"", events, filtered()) == "0 2");
  BOOST_TEST(blocks("m=~\"pace le\"", events, filtered()) == "0 1 2");
}

BOOST_AUTO_TEST_CASE(a_query_that_negates_or_is_open_reads_no_filter) {
  const summarised segment{{R"({"a":"x","n":1,"m":"y z"})", R"({"a":"y","n":2,"m":"z"})"},
                           filtered()};
  for (const char* const text : {"NOT a:x", "a!=x", "-x", "NOT (a:x OR m:\"y\")", "a:*", "n>1",
                                 "n:[* TO 1]", "", "a:null", "_lsn>1", "a>\"x\"", "_time<now"}) {
    query::plan_counts counts;
    (void)segment.blocks(text, &counts);
    BOOST_TEST(counts.filter_rows == 0u, text);
  }
  query::plan_counts counts;
  BOOST_TEST(segment.blocks("a:x", &counts) == "0");
  BOOST_TEST(counts.filter_rows > 0u);
  BOOST_TEST(segment.blocks("NOT a:x") == "0 1");
  BOOST_TEST(segment.blocks("NOT a:none") == "0 1");
}

BOOST_AUTO_TEST_CASE(numbers_times_and_lsns_leave_blocks_out) {
  const std::vector<std::string> events{R"({"n":1,"ts":"2026-03-01T10:00:00Z"})",
                                        R"({"n":[5,2000],"ts":"2026-03-01T11:00:00Z"})",
                                        R"({"n":"7"})", R"({"n":18446744073709551615})", "no JSON"};
  for (const auto& options : {one_a_block(), filtered()}) {
    BOOST_TEST(blocks("n>1000", events, options) == "1 3");
    BOOST_TEST(blocks("n<=1", events, options) == "0");
    BOOST_TEST(blocks("n:18446744073709551615", events, options) == "3");
    BOOST_TEST(blocks("_time<2026-03-01T10:30", events, options) == "0");
    BOOST_TEST(blocks("_time:[2026-03-01T10:30 TO 2026-03-01T11:00]", events, options) == "1");
    BOOST_TEST(blocks("_time:15m", events, options) == "2 3 4");
    BOOST_TEST(blocks("_malformed:true", events, options) == "4");
    BOOST_TEST(blocks("n:*", events, options) == "0 1 2 3");
  }
  BOOST_TEST(blocks("_lsn:[5 TO 6]", events) == "0 1");
}

BOOST_AUTO_TEST_CASE(a_path_means_nested_and_flat_names_and_what_lies_below) {
  const std::vector<std::string> events{R"({"a":{"b":{"c":1}}})", R"({"a.b":{"c":1}})",
                                        R"({"a":{"b":null}})",    R"({"ab":1})",
                                        R"({"a":{"x":{"c":1}}})", R"({"a":[]})"};
  BOOST_TEST(blocks("a.b.c:1", events) == "0 1");
  BOOST_TEST(blocks("a.b:*", events) == "0 1");
  BOOST_TEST(blocks("a:*", events) == "0 1 2 4");
  BOOST_TEST(blocks("a.*.c:1", events) == "0 1 4");
  BOOST_TEST(blocks("none:1", events) == "");
}

BOOST_AUTO_TEST_CASE(paths_that_are_not_summarised_are_read) {
  auto options = one_a_block();
  options.segment_fields_max = 1;
  const std::vector<std::string> events{R"({"a":1})", R"({"a":2})", R"({"a":1,"b":1})"};
  BOOST_TEST(blocks("b:1", events, options) == "2");
  BOOST_TEST(blocks("a:1", events, options) == "0 2");
  BOOST_TEST(blocks("c:1", events, options) == "2");
  options = filtered();
  options.name_bytes_max = 1;
  BOOST_TEST(blocks("a:1", {R"({"\u0061":1})", R"({"a":2})"}, options) == "0");
  BOOST_TEST(blocks("a.b:1", {R"({"a":{"b":1}})", R"({"a.b":1})", "{}"}, options) == "0 1");
  BOOST_TEST(blocks("aa:1", {R"({"aa":1})", R"({"a":2})"}, options) == "0");
  BOOST_TEST(blocks("a:*", {R"({"a":{"bb":1}})", R"({"a":2})", "{}"}, options) == "0 1");
  options.fields_max = 1;
  BOOST_TEST(blocks("a:7", events, options) == "2");
}

BOOST_AUTO_TEST_CASE(a_block_says_where_it_stands_and_whether_it_is_plain) {
  const summarised segment{{R"({"a":1})", R"({"a":"\n"})", R"({"a":1.0})", "{}", R"({"a":1)"},
                           one_a_block()};
  const auto view = segment.view();
  BOOST_REQUIRE(view);
  BOOST_TEST(view->blocks() == 5u);
  BOOST_TEST(view->records() == 5u);
  std::string plain;
  for (std::size_t i = 0; i < view->blocks(); ++i) {
    const auto block = view->block(i);
    BOOST_TEST(block.offset == 100 * i);
    BOOST_TEST(block.first == logdb::lsn{5 + i});
    BOOST_TEST(block.records == 1u);
    plain += (block.flags & query::block_flag::plain) != 0 ? '+' : '-';
  }
  BOOST_TEST(plain == "+--+-");
}

BOOST_AUTO_TEST_CASE(a_summary_of_another_segment_or_of_other_options_is_not_believed) {
  const summarised segment{{R"({"a":1})"}, one_a_block()};
  BOOST_TEST(segment.view().has_value());
  for (int what = 0; what < 5; ++what) {
    auto other = segment.identity;
    if (what == 0) other.store[0] = std::byte{1};
    if (what == 1) ++other.segment;
    if (what == 2) ++other.salt;
    if (what == 3) ++other.end_offset;
    if (what == 4) ++other.options;
    BOOST_TEST(!query::summary_view::open(segment.bytes, other));
  }
  BOOST_TEST(query::options_hash({}) != query::options_hash({.time_field = "at"}));
}

BOOST_AUTO_TEST_CASE(a_flipped_or_missing_byte_leaves_nothing_out_that_matches) {
  for (const auto& options : {one_a_block(), filtered()}) {
    summarised segment{{R"({"a":"x","n":1})", R"({"a":"y z","n":[2]})", R"({"b":true})"}, options};
    const auto whole = segment.bytes;
    const std::vector<std::string> asked{"a:x", "n:2", "a:\"z\"", "b:true", "n>1", "_lsn:6", "b:*"};
    const auto all_right = [&] {
      const auto view = segment.view();
      for (const std::string& text : asked) {
        const auto ready = query::compile(text);
        const auto plan =
            view ? query::plan_blocks(*view, ready.where(), logdb::test::noon()) : std::nullopt;
        if (plan && missed_match(segment, ready, *view, *plan)) return false;
      }
      return true;
    };
    for (std::size_t at = 0; at < whole.size(); ++at) {
      segment.bytes[at] ^= std::byte{1} << at % 8;
      BOOST_REQUIRE_MESSAGE(all_right(), "byte " << at);
      segment.bytes[at] = whole[at];
    }
    while (!segment.bytes.empty()) {
      segment.bytes.pop_back();
      BOOST_REQUIRE(!segment.view() || all_right());
    }
  }
}

BOOST_AUTO_TEST_CASE(a_packed_column_gives_back_what_it_was_made_of) {
  std::mt19937_64 random{3};
  for (const unsigned bits : {0u, 1u, 7u, 8u, 13u, 31u, 57u, 63u, 64u}) {
    for (const std::size_t count : {0u, 1u, 255u, 256u, 257u, 700u}) {
      std::vector<std::uint64_t> values(count, 5);
      for (auto& value : values) value += bits == 0 ? 0 : random() >> (64 - bits);
      query::detail::byte_sink out;
      query::detail::packed_writer{values}.write(out);
      const auto view = query::detail::packed_view::open(out.bytes(), count);
      BOOST_REQUIRE(view);
      std::vector<std::uint64_t> read(count);
      view->read(0, read);
      BOOST_TEST(read == values);
      if (bits == 0) BOOST_TEST(out.size() == 5 + (count + 255) / 256 * 6);
      BOOST_TEST(!query::detail::packed_view::open(out.bytes(), count + 257).has_value());
      if (bits > 0 && count > 0) {
        out.bytes().pop_back();
        BOOST_TEST(!query::detail::packed_view::open(out.bytes(), count).has_value());
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
