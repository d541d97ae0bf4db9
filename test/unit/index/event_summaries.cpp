// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE index_event_summaries
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/async_wal.hpp>
#include <logdb/event_log.hpp>

#include "support/temp_dir.hpp"
#include "support/throws.hpp"
#include "unit/query/naive/random_query.hpp"

// An event log with summaries answers as one without, whatever became of them.
// LOGDB_ORACLE_QUERIES=N asks N queries of each log.

namespace {

using namespace logdb;
namespace fs = std::filesystem;
using test::throws;
using numbers = std::vector<std::uint64_t>;

event_log::options small(bool in_background = false) {
  event_log::options chosen;
  chosen.segment_bytes = 16u << 10;
  chosen.durability.staging_bytes = 32u << 10;
  chosen.index.stride_bytes = 512;
  chosen.index.check = event_check::none;
  chosen.index.summaries.in_background = in_background;
  chosen.index.summaries.block_bytes = 512;
  chosen.index.summaries.share_max = 100;
  return chosen;
}

std::size_t queries_wanted(std::size_t otherwise) {
  const char* const wanted = std::getenv("LOGDB_ORACLE_QUERIES");
  return wanted == nullptr ? otherwise : std::strtoull(wanted, nullptr, 10);
}

template <class Range>
numbers lsns(Range&& range) {
  numbers found;
  for (const record& each : range) found.push_back(each.lsn().value());
  return found;
}

/// Returns what a walk over all records finds, summaries or not.
numbers scanned(const event_log& events, const query::compiled_query& asked) {
  numbers found;
  const timestamp now = std::chrono::system_clock::now();
  for (const record& each : events.records()) {
    const query::event_site site{.appended = each.time(), .at = each.lsn(), .now = now};
    if (asked.matches(each.text(), site)) found.push_back(each.lsn().value());
  }
  return found;
}

struct summaries_fixture {
  test::temp_dir place;
  fs::path path = place / "events";
  test::naive::generator random{11};
  std::optional<event_log> events{std::in_place, path, small()};
  std::uint64_t skipped = 0;

  /// Appends random events: singly, in batches, and in batches with a segment of their own.
  void fill(int count) {
    for (int n = 0; n < count;) {
      const std::size_t drawn = random_() % 12 == 0 ? 400 : 1 + random_() % 20;
      std::vector<std::string> batch;
      for (std::size_t i = 0; i < drawn; ++i, ++n) batch.push_back(random.event());
      if (random_() % 2 == 0) {
        events->append(batch);
      } else {
        for (const auto& each : batch) events->append(each);
      }
    }
  }

  /// Asks random queries in each way, and compares with a scan.
  void ask(const event_log& of, std::size_t queries) {
    for (std::size_t i = 0; i < queries; ++i) {
      const auto asked = of.compile(random.query(2).text);
      require_same(of, asked);
    }
  }
  void require_same(const event_log& of, const query::compiled_query& asked) {
    const std::string text = to_string(asked.where());
    numbers expected = scanned(of, asked);
    BOOST_REQUIRE_MESSAGE(lsns(of.query(asked)) == expected, text);
    BOOST_REQUIRE_MESSAGE(of.count(asked) == expected.size(), text);
    const auto report = of.explain(asked);
    BOOST_REQUIRE_MESSAGE(report.matched == expected.size(), text);
    skipped += report.blocks_skipped;
    std::reverse(expected.begin(), expected.end());
    BOOST_REQUIRE_MESSAGE(lsns(of.query(asked, {.order = query_order::newest})) == expected, text);
    expected.resize(std::min<std::size_t>(expected.size(), 3));
    BOOST_REQUIRE_MESSAGE(
        lsns(of.query(asked, {.order = query_order::newest, .limit = 3})) == expected, text);
  }

  [[nodiscard]] std::vector<fs::path> files(const std::string& suffix) const {
    std::vector<fs::path> found;
    for (const auto& each : fs::directory_iterator{path}) {
      if (each.path().extension() == suffix) found.push_back(each.path());
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  void reopen(const event_log::options& chosen = small()) {
    events.reset();
    events.emplace(path, chosen);
  }

 private:
  std::minstd_rand random_{3};
};

std::string content(const fs::path& of) {
  std::ifstream in{of, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}
void put(const fs::path& into, const std::string& bytes) {
  fs::remove(into);  // what is mapped stays as it is
  std::ofstream{into, std::ios::binary} << bytes;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(event_summaries, summaries_fixture)

BOOST_AUTO_TEST_CASE(summarised_segments_answer_as_a_scan_does) {
  const std::size_t queries = queries_wanted(10);
  fill(1200);
  events->summarise();
  const auto made = events->index_stats();
  BOOST_TEST(made.segments > 3u);
  BOOST_TEST(made.summarised == made.segments);
  BOOST_TEST(made.bytes_behind == 0u);
  ask(*events, queries);
  BOOST_TEST(skipped > queries);

  fill(300);  // segments without a summary, and an active one
  ask(*events, queries);
  auto only = small();
  only.mode = open_mode::read_only;
  events->sync();
  event_log reader{path, only};
  BOOST_TEST(throws(errc::read_only, [&] { reader.summarise(); }));
  ask(reader, queries);
  fill(300);
  events->summarise();
  events->sync();
  ask(reader, queries);
  events->truncate_front(lsn{600});
  ask(*events, queries);
  reopen();
  skipped = 0;
  ask(*events, queries);
  BOOST_TEST(skipped > queries);
}

BOOST_AUTO_TEST_CASE(the_windows_of_times_and_lsns_exclude_blocks) {
  for (int n = 0; n < 2000; ++n) {
    events->append({{"ts", "2026-03-01T10:" + std::to_string(10 + n / 50) + ":00Z"}, {"n", n}});
  }
  events->summarise();
  for (const char* const text :
       {"_time:[2026-03-01T10:20 TO 2026-03-01T10:21}", "_lsn:[700 TO 800]", "n:[1 TO 9]"}) {
    const auto report = events->explain(text);
    BOOST_TEST(report.blocks_skipped * 10 > report.blocks * 7, text);
    BOOST_TEST(report.events < 1000u);
    require_same(*events, events->compile(text));
  }
  const auto window = events->explain("", {.from = *query::parse_time("2026-03-01T10:40:00Z")});
  BOOST_TEST(window.matched == 500u);
  BOOST_TEST(window.events < 1000u);
}

BOOST_AUTO_TEST_CASE(damage_in_any_part_of_a_summary_costs_a_scan_and_no_match) {
  fill(1500);
  events->truncate_front(lsn{900});
  events->summarise();
  events->close();
  const auto all = files(".sum");
  BOOST_REQUIRE(all.size() > 1u);
  const std::string good = content(all[0]);
  std::vector<std::string> bad{"", good.substr(0, 79), content(all[1]), good + good};
  for (std::size_t at = 0; at < good.size(); at += 1 + good.size() / 12) {
    bad.push_back(good);
    bad.back()[at] = static_cast<char>(bad.back()[at] ^ 1 << at % 8);
    bad.push_back(good.substr(0, at));
  }
  for (const std::string& each : bad) {
    put(all[0], each);
    reopen();
    ask(*events, queries_wanted(3));
  }
  BOOST_TEST(skipped > 0u);
}

BOOST_AUTO_TEST_CASE(a_summary_that_was_of_no_use_is_made_anew) {
  fill(1300);
  events->summarise();
  events->close();
  const auto all = files(".sum");
  const std::string good = content(all[0]);
  std::string bad = good;
  std::uint64_t fields = 0;  // where the part begins that names the paths: docs/format.md
  std::memcpy(&fields, good.data() + 80 + 24 + 8, sizeof fields);
  bad[fields + 5] = static_cast<char>(~bad[fields + 5]);
  for (const std::string& each : {bad, good.substr(0, 50)}) {
    put(all[0], each);
    reopen();
    require_same(*events, events->compile("a:x"));
    BOOST_TEST(events->index_stats().bytes_behind > 0u);
    events->summarise();
    BOOST_TEST((content(all[0]) == good));
    BOOST_TEST(events->index_stats().bytes_behind == 0u);
    skipped = 0;
    ask(*events, queries_wanted(5));
    BOOST_TEST(skipped > 0u);
    events->close();
  }
}

BOOST_AUTO_TEST_CASE(other_options_make_other_summaries_and_the_same_matches) {
  fill(1300);
  events->summarise();
  auto chosen = small();
  chosen.index.time_field = "a";
  reopen(chosen);
  ask(*events, queries_wanted(5));
  events->summarise();
  ask(*events, queries_wanted(5));
}

BOOST_AUTO_TEST_CASE(a_death_amid_a_summary_leaves_nothing_that_is_believed) {
  fill(1300);
  events->summarise();
  events->close();
  const auto all = files(".sum");
  const std::string good = content(all[0]);
  for (const std::size_t written : {std::size_t{0}, good.size() / 2, good.size()}) {
    fs::remove(all[0]);
    put(path / "summary.tmp", good.substr(0, written));
    reopen();
    ask(*events, queries_wanted(4));
    events->summarise();
    BOOST_TEST((content(all[0]) == good));
    BOOST_TEST(!fs::exists(path / "summary.tmp"));
    events->close();
  }
}

BOOST_AUTO_TEST_CASE(summaries_go_with_their_segments_whoever_gives_them_up) {
  fill(1500);
  events->summarise();
  const auto before = files(".sum").size();
  events->truncate_front(lsn{900});
  BOOST_TEST(files(".sum").size() < before);
  const auto between = files(".sum").size();
  events->close();
  {
    async_wal plain{path};
    BOOST_TEST(plain.verify().intact());
    BOOST_TEST(plain.records().begin()->lsn() > lsn{1});
    plain.truncate_front(lsn{1400});
  }
  BOOST_TEST(files(".sum").size() < between);
  for (auto each : files(".sum")) BOOST_TEST(fs::exists(each.replace_extension(".seg")));

  // One that a crash has left goes, too.
  put(path / "0000000000000001.sum", "left behind");
  reopen();
  events->summarise();
  BOOST_TEST(!fs::exists(path / "0000000000000001.sum"));
}

BOOST_AUTO_TEST_CASE(the_log_summarises_by_itself_and_stops_when_it_is_closed) {
  reopen(small(true));
  std::uint64_t segments = 0;
  while (segments < 4) {
    fill(100);
    segments = events->index_stats().segments;
  }
  while (events->index_stats().bytes_behind != 0) std::this_thread::yield();
  ask(*events, queries_wanted(5));
  BOOST_TEST(skipped > 0u);
  auto slow = small(true);
  slow.index.summaries.bytes_per_second = 1;
  for (const auto& each : files(".sum")) fs::remove(each);
  reopen(slow);
  fill(300);
  BOOST_TEST(events->index_stats().bytes_behind > 0u);
  events->close();
  BOOST_TEST(throws(errc::closed, [&] { events->summarise(); }));
}

BOOST_AUTO_TEST_CASE(a_segment_whose_summary_would_be_too_large_has_none) {
  auto chosen = small();
  chosen.index.summaries.share_max = 0.001;
  reopen(chosen);
  fill(1300);
  events->summarise();
  const auto made = events->index_stats();
  BOOST_TEST(made.without == made.segments);
  BOOST_TEST(made.bytes_behind == 0u);
  BOOST_TEST(files(".sum").empty());
  ask(*events, queries_wanted(4));
}

BOOST_AUTO_TEST_CASE(a_summary_of_a_copy_that_went_on_apart_is_not_believed) {
  fill(20);
  events->close();
  const fs::path other = place / "other";
  fs::copy(path, other);
  const auto go_on = [](const fs::path& in, const std::string& value) {
    event_log log{in, small()};
    for (int i = 0; i < 300; ++i) log.append({{"k", value}, {"n", 100 + i}});
    log.summarise();
  };
  go_on(path, "aaaa");
  go_on(other, "bbbb");
  const auto mine = files(".sum");
  BOOST_REQUIRE(!mine.empty());
  for (const fs::path& each : mine) put(each, content(other / each.filename()));
  reopen();
  for (const char* const text : {"k:aaaa", "k:bbbb", "n:101"}) {
    require_same(*events, events->compile(text));
  }
}

BOOST_AUTO_TEST_CASE(a_damaged_summary_is_mapped_once_however_often_it_is_asked) {
  fill(600);
  events->summarise();
  events->close();
  const auto all = files(".sum");
  BOOST_REQUIRE(!all.empty());
  const std::string good = content(all[0]);
  const auto mapped = [] {
    std::ifstream lines{"/proc/self/maps"};
    std::size_t found = 0;
    for (std::string line; std::getline(lines, line);) {
      found += line.find(".sum") != std::string::npos ? 1 : 0;
    }
    return found;
  };
  for (std::size_t at = 0; at < good.size(); at += 1 + good.size() / 16) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    put(all[0], bad);
    reopen();
    for (int i = 0; i < 20; ++i) (void)events->count("a:1 OR b:x");
    BOOST_TEST(mapped() <= all.size(), "byte " << at);
  }
}

BOOST_AUTO_TEST_CASE(a_segment_that_cannot_be_read_keeps_no_other_from_its_summary) {
  fill(1500);
  events->summarise();
  events->close();
  const std::size_t whole = files(".sum").size();
  for (const fs::path& each : files(".sum")) fs::remove(each);
  const auto segments = files(".seg");
  BOOST_REQUIRE(segments.size() > 4u);
  reopen();
  fs::resize_file(segments[2], 8u << 10);
  events->summarise();
  BOOST_TEST(files(".sum").size() == whole - 1);  // but for the one that it is, or is attached to
}

BOOST_AUTO_TEST_SUITE_END()
