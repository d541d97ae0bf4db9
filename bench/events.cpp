// SPDX-License-Identifier: BSL-1.0
/// @file
/// JSON events of 250 bytes: appends, checked and not, and questions, answered by a scan of
/// an event_log, by grep, ripgrep, jq, SQLite and DuckDB. One thread, all in the page cache.

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/async_wal.hpp>
#include <logdb/event_log.hpp>

#include "event_peers.hpp"
#include "events_data.hpp"
#include "support.hpp"
#include "targets.hpp"

namespace {

namespace fs = std::filesystem;

// ---- appending

/// Events in memory, one behind the other, a line each.
struct lines_in_memory {
  explicit lines_in_memory(std::uint64_t events) {
    for (std::uint64_t i = 0; i < events; ++i) {
      bench::write_event(bench::event_facts{i}, text);
      text += '\n';
      ends.push_back(text.size());
    }
  }

  /// Calls `each` for the events of one of so many threads.
  template <class Each>
  void for_share(int thread, int threads, Each each) const {
    const std::size_t share = ends.size() / static_cast<std::size_t>(threads);
    const std::size_t first = share * static_cast<std::size_t>(thread);
    std::size_t begin = first == 0 ? 0 : ends[first - 1];
    for (std::size_t i = first; i < first + share; ++i) {
      each(std::string_view{text}.substr(begin, ends[i] - begin - 1));
      begin = ends[i];
    }
  }

  std::string text{};
  std::vector<std::size_t> ends{};  // behind each line
};

/// Appends all events to a fresh log, on so many threads; closing is not timed.
template <class Log>
double append_all(const lines_in_memory& events, bench::work_directory& work, int threads,
                  const typename Log::options& options = {}) {
  const fs::path path = work.fresh();
  double seconds = 0;
  {
    Log log{path, options};
    seconds = bench::once_on_each(threads, [&](int thread) {
      events.for_share(thread, threads, [&log](std::string_view event) { log.append(event); });
    });
    bench::require(log.last_lsn().value() == events.ends.size(), "an append was lost");
  }
  fs::remove_all(path);
  return static_cast<double>(events.ends.size()) / seconds;
}

double append_lines(const lines_in_memory& events, bench::work_directory& work) {
  const fs::path path = work.fresh();
  double seconds = 0;
  {
    logdb::event_log log{path};
    const auto start = bench::steady::now();
    const auto report = log.append_lines(events.text);
    seconds = bench::seconds_since(start);
    bench::require(report.appended == events.ends.size(), "a line was lost");
  }
  fs::remove_all(path);
  return static_cast<double>(events.ends.size()) / seconds;
}

void append(const bench::options& options, bench::work_directory& work, bench::targets& targets) {
  const lines_in_memory events{options.quick ? 50'000u : 400'000u};
  logdb::event_log::options unchecked;
  unchecked.index.check = logdb::event_check::none;
  const auto seen = bench::compare(
      "append, " +
          bench::fixed(
              static_cast<double>(events.text.size()) / static_cast<double>(events.ends.size()) - 1,
              0) +
          " bytes",
      {{"async_wal", [&] { return append_all<logdb::async_wal>(events, work, 1); }},
       {"check = none", [&] { return append_all<logdb::event_log>(events, work, 1, unchecked); }},
       {"checked", [&] { return append_all<logdb::event_log>(events, work, 1); }},
       {"checked, 2 threads", [&] { return append_all<logdb::event_log>(events, work, 2); }},
       {"append_lines", [&] { return append_lines(events, work); }}},
      options.rounds);
  targets.at_least("append of events, check = none, of async_wal", seen.ratio(1, 0), 0.95,
                   bench::as_ratio);
  targets.at_least("append of events, checked", seen.median_of(2), 3e6, bench::as_rate);
  targets.at_least("the same, 2 threads", seen.median_of(3), 4.5e6, bench::as_rate);
}

// ---- asking

/// The same events in every store that is here.
class stores {
 public:
  stores(std::uint64_t events, bench::work_directory& work)
      : events_{events}, few_{std::min<std::uint64_t>(events, 200'000)} {
    fs::create_directories(folder_ = work.fresh());
    lines_ = folder_ / "events.jsonl";
    few_lines_ = folder_ / "few.jsonl";
#if defined(LOGDB_BENCH_SQLITE)
    if (events <= 2'000'000) {  // it takes minutes to index more
      sqlite_ = std::make_unique<bench::sqlite_events>(folder_ / "base");
    }
#else
    std::puts("left out: SQLite; `apt-get install libsqlite3-dev`");
#endif
    load();
    if (bench::duckdb_events::is_here()) {
      duckdb_ = std::make_unique<bench::duckdb_events>(LOGDB_BENCH_PEERS "/duckdb.js", lines_);
    } else {
      std::puts("left out: DuckDB; `npm install @duckdb/node-api`, and NODE_PATH=…/node_modules");
    }
    has_ripgrep_ = is_here("rg", "ripgrep");
    has_jq_ = is_here("jq", "jq");
  }

  [[nodiscard]] const logdb::event_log& log() const { return *log_; }
  [[nodiscard]] const fs::path& lines() const { return lines_; }

  /// Lists who is asked a question, each with the events a second that it went through; a file's
  /// yardstick comes first. All must agree with the log.
  std::vector<bench::contestant> asked(const bench::event_question& what, std::uint64_t found) {
    std::vector<bench::contestant> all;
    if (what.grep.empty()) {
      all.push_back({"all records", [this] {
                       return rate(
                           events_, [this] { return walk(); }, events_);
                     }});
    } else {
      all.push_back({"grep -c", command("LC_ALL=C grep -c ", what.grep, lines_, found, events_)});
    }
    all.push_back({"event_log", [this, what, found] {
                     return rate(
                         events_, [&] { return ask_log(what.logdb); }, found);
                   }});
    if (!what.grep.empty() && has_ripgrep_) {
      all.push_back({"rg -c", command("rg --no-config -j1 --include-zero -c ", what.grep, lines_,
                                      found, events_)});
    }
    if (!what.jq.empty() && has_jq_) {
      const std::string program = "'reduce (inputs | select(" + what.jq + ")) as $e (0; . + 1)'";
      const std::uint64_t few = bench::number_from("jq -n " + program + " " + few_lines_.string());
      all.push_back({"jq", command("jq -n ", program, few_lines_, few, few_)});
    }
    add_bases(all, what, found);
    return all;
  }

  /// Answers a question by the log: how many, or the largest number of an aggregate.
  std::uint64_t ask_log(const std::string& query) const {
    if (query.find('|') == query.npos) return log_->count(query);
    std::uint64_t most = 0;
    const logdb::query::answer answer = log_->aggregate(query);
    for (const auto& row : answer.rows) most = std::max(most, row.count);
    for (const auto& series : answer.series) {
      for (const std::uint64_t count : series.counts) most = std::max(most, count);
    }
    return most;
  }

 private:
  static bool is_here(const std::string& command, const std::string& package) {
    if (bench::succeeds("command -v " + command)) return true;
    std::printf("left out: %s; `apt-get install %s`\n", command.c_str(), package.c_str());
    return false;
  }

  void load() {
    std::ofstream out{lines_, std::ios::binary};
    std::ofstream few{few_lines_, std::ios::binary};
    log_ = std::make_unique<logdb::event_log>(folder_ / "log");
    std::string piece;
    for (std::uint64_t i = 0; i < events_; ++i) {
      const std::size_t begin = piece.size();
      bench::write_event(bench::event_facts{i}, piece);
#if defined(LOGDB_BENCH_SQLITE)
      if (sqlite_ != nullptr) sqlite_->add(std::string_view{piece}.substr(begin));
#endif
      piece += '\n';
      if (i < few_) few << std::string_view{piece}.substr(begin);
      if (piece.size() < (4u << 20) && i + 1 < events_) continue;
      out << piece;
      log_->append_lines(piece);
      piece.clear();
    }
    log_->sync();
    bench::require(out.flush() && few.flush(), "the lines could not be written");
#if defined(LOGDB_BENCH_SQLITE)
    if (sqlite_ != nullptr) sqlite_->finish();
#endif
  }

  /// Reads all records, every checksum verified.
  std::uint64_t walk() const {
    std::uint64_t objects = 0;
    for (const auto& event : log_->records()) objects += event.text().starts_with('{') ? 1 : 0;
    return objects;
  }

  /// Returns the events a second of an answer, which has to be right.
  template <class Answer>
  static double rate(std::uint64_t events, Answer answer, std::uint64_t expected) {
    const auto start = bench::steady::now();
    const std::uint64_t found = answer();
    const double seconds = bench::seconds_since(start);
    bench::require(found == expected, "an answer differs");
    return static_cast<double>(events) / seconds;
  }

  static std::function<double()> command(const std::string& begin, const std::string& words,
                                         const fs::path& file, std::uint64_t expected,
                                         std::uint64_t events) {
    const std::string whole = begin + words + " " + file.string();
    return [whole, expected, events] {
      return rate(
          events, [&] { return bench::number_from(whole); }, expected);
    };
  }

  void add_bases(std::vector<bench::contestant>& all, const bench::event_question& what,
                 std::uint64_t found) {
#if defined(LOGDB_BENCH_SQLITE)
    if (!what.sql.empty() && sqlite_ != nullptr) {
      all.push_back({"SQLite, indexed", [this, what, found] {
                       return rate(
                           events_, [&] { return sqlite_->ask(what.sql); }, found);
                     }});
    }
#endif
    if (what.duckdb.empty() || duckdb_ == nullptr) return;
    all.push_back({"DuckDB", [this, what, found] {
                     const auto [number, seconds] = duckdb_->ask(what.duckdb);
                     bench::require(number == found, "DuckDB's answer differs");
                     return static_cast<double>(events_) / seconds;
                   }});
  }

  std::uint64_t events_;
  std::uint64_t few_;  // for jq
  fs::path folder_{};
  fs::path lines_{};
  fs::path few_lines_{};
  std::unique_ptr<logdb::event_log> log_{};
  bool has_ripgrep_ = false;
  bool has_jq_ = false;
  std::unique_ptr<bench::duckdb_events> duckdb_{};
#if defined(LOGDB_BENCH_SQLITE)
  std::unique_ptr<bench::sqlite_events> sqlite_{};
#endif
};

const std::vector<bench::event_question>& questions() {
  static const std::vector<bench::event_question> all{
      {"rare value", "trace:04068d29a33a4564", R"(-F '"trace":"04068d29a33a4564"')",
       R"(.trace=="04068d29a33a4564")",
       "SELECT count(*) FROM e WHERE j->>'trace'='04068d29a33a4564'",
       "SELECT count(*) FROM e WHERE trace='04068d29a33a4564'"},
      {"absent value", "trace:ffff8d29a33a4564", R"(-F '"trace":"ffff8d29a33a4564"')"},
      {"frequent value", "service:api", R"(-F '"service":"api"')", R"(.service=="api")",
       "SELECT count(*) FROM e WHERE j->>'service'='api'",
       "SELECT count(*) FROM e WHERE service='api'"},
      {"two fields", "level:ERROR service:api", R"('"level":"ERROR","service":"api"')",
       R"(.level=="ERROR" and .service=="api")",
       "SELECT count(*) FROM e WHERE j->>'level'='ERROR' AND j->>'service'='api'",
       "SELECT count(*) FROM e WHERE level='ERROR' AND service='api'"},
      {"number range", "ms>=900", R"('"ms":9[0-9][0-9],')", ".ms>=900",
       "SELECT count(*) FROM e WHERE j->>'ms'>=900", "SELECT count(*) FROM e WHERE ms>=900"},
      {"phrase", "\"connection reset by peer\"", "-F 'connection reset by peer'",
       R"(.msg|contains("connection reset by peer"))", "",
       "SELECT count(*) FROM e WHERE contains(msg, 'connection reset by peer')"},
      {"count by level", "| count by level", "", "",
       "SELECT max(n) FROM (SELECT count(*) n FROM e GROUP BY j->>'level')",
       "SELECT max(n) FROM (SELECT count(*) n FROM e GROUP BY level)"},
      {"errors by minute", "level:ERROR | histogram 1m", "", "", "",
       "SELECT max(n) FROM (SELECT count(*) n FROM e WHERE level='ERROR' "
       "GROUP BY time_bucket(INTERVAL 1 minute, ts))"},
  };
  return all;
}

/// Judges a question that has a target of its own while it is answered by a scan.
void judge(const std::string& title, const bench::results& seen, bench::targets& targets) {
  if (title != "frequent value" && title != "number range") return;
  targets.at_least(title + ", counted by a scan, of grep -c", seen.ratio(1, 0), 1, bench::as_ratio);
}

void newest(const stores& all, int rounds, bench::targets& targets) {
  const auto times = [](auto answer) {
    const auto start = bench::steady::now();
    bench::require(answer() == 100, "an answer differs");
    return 1 / bench::seconds_since(start);
  };
  const std::string grep =
      "tac " + all.lines().string() + R"( | LC_ALL=C grep -m 100 -F '"service":"api"' | wc -l)";
  const auto seen = bench::compare(
      "newest 100",
      {{"tac | grep -m 100", [&] { return times([&] { return bench::number_from(grep); }); }},
       {"event_log",
        [&] {
          return times([&] {
            std::uint64_t found = 0;
            for (const auto& event : all.log().query("service:api | newest 100")) {
              found += event.size() != 0 ? 1 : 0;
            }
            return found;
          });
        }}},
      rounds);
  targets.at_most("newest 100 of a frequent value", 1000 / seen.median_of(1), 1, bench::as_ms);
}

void ask(const bench::options& options, bench::work_directory& work, bench::targets& targets) {
  const std::uint64_t standard = options.quick ? 100'000 : 1'000'000;
  const std::uint64_t events = options.events != 0 ? options.events : standard;
  stores all{events, work};
  std::printf("%llu events; answered by one thread, warm: all are in the page cache\n\n",
              static_cast<unsigned long long>(events));
  for (const bench::event_question& each : questions()) {
    const std::uint64_t found = all.ask_log(each.logdb);
    const std::string title = each.title + " (" + std::to_string(found) + ")";
    judge(each.title, bench::compare(title, all.asked(each, found), options.rounds), targets);
  }
  newest(all, options.rounds, targets);
}

}  // namespace

int main(int count, char** words) {
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  auto options = bench::parse(count, words);
  if (options.rounds == 7) options.rounds = 5;
  bench::work_directory work{options};
  bench::targets targets;
  append(options, work, targets);
  ask(options, work, targets);
}
