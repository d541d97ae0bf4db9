// SPDX-License-Identifier: BSL-1.0
/// @file
/// The time index in memory: appends, scans, ranges, points, counts, deletes, a reader beside a
/// writer; beside a sorted vector and std::multimap.

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <logdb/logdb.hpp>

#include "support.hpp"
#include "targets.hpp"
#include "time_data.hpp"

namespace {

using bench::append_all;
using bench::plain_arrays;
using bench::sum_rows;
using bench::sum_spans;
using bench::time_pair;
using bench::time_pairs;
using log_type = logdb::basic_memory_timelog<std::uint64_t>;

/// Keeps what a run computed, so that the compiler does not leave it out.
std::atomic<std::uint64_t> kept_result = 0;

std::unique_ptr<log_type> make_log(
    logdb::maintenance_mode mode = logdb::maintenance_mode::background) {
  log_type::options chosen;
  chosen.index.maintenance = mode;
  return std::make_unique<log_type>("bench", chosen);
}

/// Runs a piece of work that does `count` of something; returns how many a second.
template <class Work>
double rate_of(std::size_t count, Work work) {
  const auto start = bench::steady::now();
  kept_result += work();
  return static_cast<double>(count) / bench::seconds_since(start);
}

// --- appending -----------------------------------------------------------------------------------

/// Does it twice and measures the second time. Before, a virtual machine has to get the memory from
/// its host: that takes several times as long as the work.
template <class Ingest>
auto warmed(Ingest ingest) {
  return [ingest] { return ingest(), ingest(); };
}

double ingest(const time_pairs& rows, std::size_t batch) {
  const auto log = make_log();
  const double rate = rate_of(rows.size(), [&] {
    append_all(*log, rows, batch);
    log->flush();
    return 0U;
  });
  bench::require(log->size() == rows.size(), "the index lost rows");
  return rate;
}

double ingest_sorted_vector(const time_pairs& rows) {
  return rate_of(rows.size(), [&] {
    time_pairs sorted;
    for (const auto& row : rows) sorted.push_back(row);
    std::ranges::stable_sort(sorted, {}, &time_pair::first);
    return sorted.back().second;
  });
}

double ingest_multimap(const time_pairs& rows) {
  return rate_of(rows.size(), [&] {
    std::multimap<std::int64_t, std::uint64_t> sorted;
    for (const auto& row : rows) sorted.emplace_hint(sorted.end(), row);
    return sorted.size();
  });
}

void measure_ingest(const bench::options& options, std::size_t rows, bench::targets& targets) {
  for (const auto& one : bench::arrivals) {
    const auto data = bench::make_rows(rows, one.how);
    std::vector<bench::contestant> all{
        {"batches of 1,000", warmed([&] { return ingest(data, 1000); })},
        {"batches of 10,000", warmed([&] { return ingest(data, 10'000); })},
        {"vector, sorted at the end", warmed([&] { return ingest_sorted_vector(data); })},
    };
    if (!one.how.shuffled) {
      all.push_back({"std::multimap", warmed([&] { return ingest_multimap(data); })});
    }
    const auto seen =
        bench::compare(std::string{"rows appended, "} + one.name, all, options.rounds);
    targets.at_least(std::string{"batches of 1,000, "} + one.name, seen.median_of(0), one.wanted,
                     bench::as_rate);
  }
}

void measure_singles(const bench::options& options, const time_pairs& rows,
                     bench::targets& targets) {
  const auto singles = [&rows] {
    const auto log = make_log();
    return rate_of(rows.size(), [&] {
      for (const auto& [time, value] : rows) log->append(time, value);
      return 0U;
    });
  };
  const auto seen = bench::compare("rows appended one by one", {{"append(time, value)", singles}},
                                   options.rounds);
  targets.at_least("single appends", seen.median_of(0), 50e6, bench::as_rate);

  const auto log = make_log();
  bench::histogram latencies;
  for (const auto& [time, value] : rows) {
    const auto before = bench::steady::now();
    log->append(time, value);
    latencies.add(static_cast<std::uint64_t>((bench::steady::now() - before).count()));
  }
  const double clock = bench::clock_cost_ns();
  const auto at = [&](double share) { return static_cast<double>(latencies.percentile_ns(share)); };
  std::printf(
      "an append, the clock's %.0f ns included: p50 %.0f, p99 %.0f, p99.9 %.0f, max %.0f ns\n\n",
      clock, at(0.5), at(0.99), at(0.999), static_cast<double>(latencies.max_ns()));
  targets.at_most("append p50 beside the clock", std::max(at(0.5) - clock, 0.0), 20, bench::as_ns);
  targets.at_most("append p99 beside the clock", std::max(at(0.99) - clock, 0.0), 60, bench::as_ns);
  targets.at_most("append p99.9", at(0.999), 500, bench::as_ns);
  targets.at_most("append, the worst", static_cast<double>(latencies.max_ns()) / 1e6, 1,
                  bench::as_ms);
}

// --- reading -------------------------------------------------------------------------------------

/// Is what a state of the log was asked.
struct read_figures {
  double scan, spans, plain, range, range_spans, plain_range, short_range, point, plain_point,
      count, most, previous, held;
};

/// Asks a question about each of many times; returns how many a second.
template <class Ask>
double ask_each(const std::vector<std::int64_t>& times, Ask ask) {
  return rate_of(times.size(), [&] {
    std::uint64_t all = 0;
    for (const auto time : times) all += ask(time);
    return all;
  });
}

read_figures read_once(const log_type& log, const plain_arrays& plain, const time_pairs& rows,
                       std::size_t questions) {
  const auto times = bench::draw_times(rows, questions);
  const auto wide = bench::width_of(rows, 1000);
  const auto narrow = bench::width_of(rows, 11);
  read_figures now{};
  now.scan = rate_of(rows.size(), [&] { return sum_rows(log.all()); });
  now.spans = rate_of(rows.size(), [&] { return sum_spans(log.spans()); });
  now.plain = rate_of(rows.size(), [&] { return plain.sum(0, plain.times.size()); });
  now.range = ask_each(times, [&](auto t) { return sum_rows(log.range(t, t + wide)); });
  now.range_spans = ask_each(times, [&](auto t) { return sum_spans(log.spans(t, t + wide)); });
  now.plain_range = ask_each(times, [&](auto t) { return plain.sum_within(t, t + wide); });
  now.short_range = ask_each(times, [&](auto t) { return sum_rows(log.range(t, t + narrow)); });
  now.point = ask_each(times, [&](auto t) { return sum_rows(log.at(t)); });
  now.plain_point = ask_each(times, [&](auto t) { return plain.sum_within(t, t + 1); });
  now.count = ask_each(times, [&](auto t) { return log.count(t, t + 100 * wide); });
  now.most = ask_each(times, [&](auto) { return static_cast<std::uint64_t>(*log.max_time()); });
  now.previous = ask_each(
      times, [&](auto t) { return static_cast<std::uint64_t>(log.prev_time(t).value_or(0)); });
  now.held = ask_each(times, [&](auto) { return log.snapshot().seen().seen.rows; });
  return now;
}

/// Takes the median of each figure over the rounds.
read_figures read_many(const log_type& log, const plain_arrays& plain, const time_pairs& rows,
                       const bench::options& options) {
  std::vector<read_figures> all;
  for (int i = 0; i < options.rounds; ++i) {
    all.push_back(read_once(log, plain, rows, options.quick ? 10'000 : 200'000));
  }
  read_figures medians{};
  const auto take = [&](double read_figures::*figure) {
    std::vector<double> seen;
    for (const auto& one : all) seen.push_back(one.*figure);
    medians.*figure = bench::median(seen);
  };
  for (auto figure :
       {&read_figures::scan, &read_figures::spans, &read_figures::plain, &read_figures::range,
        &read_figures::range_spans, &read_figures::plain_range, &read_figures::short_range,
        &read_figures::point, &read_figures::plain_point, &read_figures::count, &read_figures::most,
        &read_figures::previous, &read_figures::held}) {
    take(figure);
  }
  return medians;
}

std::string as_ns_each(double rate) { return bench::fixed(1e9 / rate, 0) + " ns"; }

void judge_reads(const std::string& state, const read_figures& now, double share,
                 bench::targets& targets) {
  const auto at_least = [&](const char* what, double seen, double wanted) {
    targets.at_least(state + ", " + what, seen, wanted * share, bench::as_rate);
  };
  at_least("scan by iterator", now.scan, 300e6);
  at_least("1,000-row ranges by iterator", now.range, 400e3);
  at_least("1,000-row ranges by spans", now.range_spans, 1.2e6);
  at_least("points", now.point, 2.5e6);
  at_least("count", now.count, 1e6);
  at_least("max_time", now.most, 1e6);
  at_least("prev_time", now.previous, 1e6);
  if (share < 1) return;
  targets.at_least(state + ", scan by spans beside plain arrays", now.spans / now.plain, 0.95,
                   bench::as_ratio);
  targets.at_most(state + ", a snapshot", 1e9 / now.held, 100, bench::as_ns);
}

class read_table {
 public:
  void row(const std::string& state, const read_figures& now) {
    scans_.row({state, bench::rate_text(now.scan), bench::rate_text(now.spans),
                bench::rate_text(now.plain), bench::rate_text(now.range),
                bench::rate_text(now.range_spans), bench::rate_text(now.plain_range),
                bench::rate_text(now.short_range), bench::rate_text(now.point),
                bench::rate_text(now.plain_point)});
    times_.row({state, as_ns_each(now.count), as_ns_each(now.most), as_ns_each(now.previous),
                as_ns_each(now.held)});
  }
  void print() const {
    scans_.print();
    times_.print();
  }

 private:
  bench::table scans_{{"reads a second", "rows", "rows by spans", "two plain arrays",
                       "1,000-row ranges", "by spans", "plain arrays", "11-row ranges", "points",
                       "plain arrays"}};
  bench::table times_{{"one takes", "count", "max_time", "prev_time", "snapshot"}};
};

void measure_deletes(const time_pairs& rows, log_type& log, bench::targets& targets) {
  auto times = bench::draw_times(rows, 100'000);
  const double rate = ask_each(times, [&](auto time) {
    log.erase(time, time + 50);
    return 0U;
  });
  std::printf("deletes: %s a second, %zu fragments are kept\n\n", bench::rate_text(rate).c_str(),
              log.stats().tombstones);
  targets.at_least("100,000 deletes", rate, 1e6, bench::as_rate);
}

void measure_reads(const bench::options& options, const time_pairs& rows, bench::targets& targets) {
  const plain_arrays plain{rows};
  read_table table;
  const auto log = make_log();
  append_all(*log, rows);
  log->flush();
  const auto flushed = read_many(*log, plain, rows, options);
  table.row("flushed", flushed);
  judge_reads("flushed", flushed, 1, targets);
  log->compact();
  const auto compacted = read_many(*log, plain, rows, options);
  table.row("compacted", compacted);
  judge_reads("compacted", compacted, 1, targets);
  const auto figures = log->stats();
  const auto each = [&](std::size_t bytes) {
    return static_cast<double>(bytes) / static_cast<double>(rows.size());
  };
  targets.at_most("memory a row at rest", each(figures.memory_bytes), 20, bench::as_bytes);
  targets.at_most("memory a row at the peak", each(figures.memory_bytes_peak), 24, bench::as_bytes);

  const auto kept = make_log(logdb::maintenance_mode::none);
  append_all(*kept, rows);
  kept->compact();
  measure_deletes(rows, *kept, targets);
  const auto deleted = read_many(*kept, plain, rows, options);
  table.row("100,000 deletes kept", deleted);
  judge_reads("100,000 deletes kept", deleted, 0.5, targets);
  table.print();
}

// --- a reader beside a writer --------------------------------------------------------------------

void measure_beside(const time_pairs& rows, bench::targets& targets) {
  const auto log = make_log();
  std::atomic<bool> written = false;
  std::uint64_t scanned = 0;
  double scanning = 0;
  std::jthread reader{[&] {
    const auto start = bench::steady::now();
    while (!written) {
      for (const auto& span : log->spans()) scanned += span.size();
      kept_result += sum_rows(log->until(0));
      std::uint64_t seen = 0;
      for (const auto [time, value] : log->all()) kept_result.store(value), ++seen;
      scanned += seen;
    }
    scanning = bench::seconds_since(start);
  }};
  const double wrote = rate_of(rows.size(), [&] {
    append_all(*log, rows);
    return 0U;
  });
  written = true;
  reader.join();
  const double read = static_cast<double>(scanned) / scanning;
  std::printf("a writer beside a reader: %s rows a second written, %s scanned\n\n",
              bench::rate_text(wrote).c_str(), bench::rate_text(read).c_str());
  targets.at_least("a writer beside a reader", wrote, 30e6, bench::as_rate);
  targets.at_least("a reader beside a writer", read, 200e6, bench::as_rate);
}

void run(const bench::options& options) {
  const std::size_t count = bench::rows_wanted(options.quick);
  bench::targets targets;
  const auto rows = bench::make_rows(count, {.late_share = 0.07, .late_max = 500'000});
  measure_ingest(options, count, targets);
  measure_singles(options, rows, targets);
  measure_reads(options, rows, targets);
  measure_beside(rows, targets);
}

}  // namespace

int main(int count, char** words) {
  auto options = bench::parse(count, words);
  if (options.rounds == 7) options.rounds = 5;
  try {
    run(options);
  } catch (const std::exception& failure) {
    std::printf("failed  %s\n", failure.what());
    return 1;
  }
}
