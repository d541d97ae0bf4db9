// SPDX-License-Identifier: BSL-1.0
/// @file
/// The durable time index: appends of one thread and of several, what it takes on disk, its open,
/// reads from cold; beside the peers that are installed.

#include <cstdint>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <utility>
#include <vector>

#include <logdb/logdb.hpp>

#include "support.hpp"
#include "targets.hpp"
#include "time_data.hpp"
#include "time_peers.hpp"
#include "yardstick.hpp"

namespace {

using namespace bench;  // NOLINT: a benchmark

using durable_time_log = logdb::basic_timelog<std::uint64_t>;
using synced_time_log = durable_time_log::with<logdb::Durability<logdb::Fsync>>;

/// Measures appends that are durable: soon, under Async, and when they return, under Fsync.
class durable_appends {
 public:
  durable_appends(const options& chosen, targets& judged)
      : options_{chosen}, targets_{judged}, work_{chosen} {}

  void run() {
    std::vector<contestant> all;
    std::vector<time_pairs> rows;
    const std::size_t count = rows_wanted(options_.quick);
    for (const auto& one : arrivals) rows.push_back(make_rows(count, one.how));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      all.push_back({arrivals[i].name, [this, &given = rows[i]] { return in_batches(given); }});
    }
    const auto seen = compare("batches of 1,000 (Async)", all, options_.rounds, 0);
    for (std::size_t i = 0; i < arrivals.size(); ++i) {
      targets_.at_least(std::string{"durable batches of 1,000, "} + arrivals[i].name,
                        seen.median_of(i), arrivals[i].wanted / 2, as_rate);
    }
    one_by_one(rows.front());
    synced(rows.front());
  }

 private:
  double in_batches(const time_pairs& rows) {
    durable_time_log log{work_.fresh()};
    const auto start = steady::now();
    append_all(log, rows);
    const double rate = static_cast<double>(rows.size()) / seconds_since(start);
    require(log.size() == rows.size(), "the log lost rows");
    return rate;
  }

  void one_by_one(const time_pairs& rows) {
    const std::size_t some = rows.size() / 4;
    std::vector<contestant> all;
    for (const int threads : {1, 2, 4}) {
      all.push_back({std::to_string(threads) + " threads", [this, &rows, some, threads] {
                       return by_threads<durable_time_log>(rows, some, threads);
                     }});
    }
    const auto seen = compare("rows one by one (Async)", all, options_.rounds);
    targets_.at_least("durable single appends", seen.median_of(0), 25e6, as_rate);
    targets_.at_least("of 4 threads beside 1", seen.median_of(2) / seen.median_of(0), 0.5,
                      as_ratio);
  }

  void synced(const time_pairs& rows) {
    std::vector<contestant> all;
    for (const int threads : {1, 8, 64}) {
      const std::size_t some =
          static_cast<std::size_t>(options_.quick ? 100 : 2000) * static_cast<std::size_t>(threads);
      all.push_back({std::to_string(threads) + " threads", [this, &rows, some, threads] {
                       return by_threads<synced_time_log>(rows, some, threads);
                     }});
    }
    compare("rows one by one (Fsync)", all, options_.rounds);
  }

  /// Appends rows one by one; of each thread those behind the other's.
  template <class Log>
  double by_threads(const time_pairs& rows, std::size_t count, int threads) {
    Log log{work_.fresh()};
    const std::size_t share = count / static_cast<std::size_t>(threads);
    const double seconds = once_on_each(threads, [&](int thread) {
      const std::size_t first = share * static_cast<std::size_t>(thread);
      for (const auto& [time, value] : std::span{rows}.subspan(first, share)) {
        log.append(time, value);
      }
    });
    const std::size_t written = share * static_cast<std::size_t>(threads);
    require(log.size() == written, "the log lost rows");
    return static_cast<double>(written) / seconds;
  }

  const options& options_;
  targets& targets_;
  work_directory work_;
};

/// Returns what the files of a directory take on disk, room taken ahead included.
std::uint64_t taken_on_disk(const std::filesystem::path& directory) {
  std::uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator{directory}) {
    struct stat found {};
    detail::check(::stat(entry.path().c_str(), &found) == 0, "stat");
    bytes += static_cast<std::uint64_t>(found.st_blocks) * 512;
  }
  return bytes;
}

/// Drops the files from the page cache: those of a closed log, which are on disk.
void forget_files(const std::filesystem::path& directory) {
  for (const auto& entry : std::filesystem::directory_iterator{directory}) {
    const detail::raw_file file{entry.path(), 0};
    ::posix_fadvise(file.descriptor(), 0, 0, POSIX_FADV_DONTNEED);
  }
}

/// Measures rows that stand in the log, in one directory.
class stored_rows {
 public:
  stored_rows(const options& chosen, const time_pairs& rows, targets& judged)
      : rows_{rows}, questions_{chosen.quick ? 1000U : 20'000U}, targets_{judged}, work_{chosen} {}

  void run() {
    const auto path = work_.fresh();
    write(path, batch_rows, "batches of 1,000");
    read(path);
    const auto singles = work_.fresh();
    write(singles, 1, "one by one");
  }

 private:
  static double ms_since(steady::time_point start) { return 1e3 * seconds_since(start); }

  void write(const std::filesystem::path& path, std::size_t batch, const char* how) {
    const auto start = steady::now();
    {
      durable_time_log log{path};
      append_all(log, rows_, batch);
    }
    std::printf("%s, durable, the close included: %s rows a second\n", how,
                rate_text(static_cast<double>(rows_.size()) / seconds_since(start)).c_str());
    const durable_time_log log{path};
    const auto each = [this](std::uint64_t bytes) {
      return static_cast<double>(bytes) / static_cast<double>(rows_.size());
    };
    const double used = each(log.verify().bytes);
    std::printf("on disk %.2f bytes a row, and %.2f of room taken ahead\n", used,
                each(taken_on_disk(path)) - used);
    targets_.at_most(std::string{"bytes on disk a row, "} + how, used, 10, as_bytes);
    require(log.size() == rows_.size(), "the log lost rows");
  }

  /// Opens it with nothing in the page cache and asks, twice each: the second time the blocks are
  /// in memory.
  void read(const std::filesystem::path& path) {
    const auto times = draw_times(rows_, questions_);
    read(path, "points", [&](const auto& log) { return ask(log, times); });
    read(path, "rows by spans", [this](const auto& log) { return scan(log); });
    std::printf("\n");
  }

  template <class Ask>
  static void read(const std::filesystem::path& path, const char* what, Ask ask_for) {
    forget_files(path);
    const auto start = steady::now();
    const durable_time_log log{path};
    const double opened = ms_since(start);
    const auto figures = log.index_stats();
    std::printf("open %.2f ms: %zu rows in %zu blocks; %llu bytes read, %llu rows replayed\n",
                opened, figures.stored_rows, figures.stored_blocks,
                static_cast<unsigned long long>(figures.bytes_opened),
                static_cast<unsigned long long>(figures.rows_replayed));
    const double first = ask_for(log);
    const double second = ask_for(log);
    std::printf("%s %s a second, then %s\n", what, rate_text(first).c_str(),
                rate_text(second).c_str());
  }

  static double ask(const durable_time_log& log, const std::vector<std::int64_t>& times) {
    const auto start = steady::now();
    std::uint64_t sum = 0;
    for (const auto time : times) sum += sum_rows(log.at(time));
    require(sum != 1, "the rows are others");
    return static_cast<double>(times.size()) / seconds_since(start);
  }

  [[nodiscard]] double scan(const durable_time_log& log) const {
    const auto start = steady::now();
    const auto sum = sum_spans(log.spans());
    const double rate = static_cast<double>(rows_.size()) / seconds_since(start);
    require(sum == sum_spans(log.spans()), "the rows are others");
    return rate;
  }

  const time_pairs& rows_;
  std::size_t questions_;
  targets& targets_;
  work_directory work_;
};

void run(const options& chosen) {
  targets judged;
  durable_appends{chosen, judged}.run();
  const auto rows = make_rows(rows_wanted(chosen.quick), arrivals.front().how);
  stored_rows{chosen, rows, judged}.run();
  time_peers{chosen}.run();
}

}  // namespace

int main(int count, char** words) {
  auto chosen = parse(count, words);
  if (chosen.rounds == 7) chosen.rounds = 5;
  try {
    run(chosen);
  } catch (const std::exception& failure) {
    std::printf("failed  %s\n", failure.what());
    return 1;
  }
}
