// SPDX-License-Identifier: BSL-1.0
/// @file
/// Replay of a log with every checksum verified: 100 and 128 bytes, in one process and in four.

#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <logdb/logdb.hpp>

#include "support.hpp"
#include "targets.hpp"
#include "yardstick.hpp"

namespace {

/// Is what replays everything once; returns the records that it saw.
using replayer = std::function<std::uint64_t()>;

double rate_here(const replayer& replay, std::uint64_t records) {
  const auto start = bench::steady::now();
  bench::require(replay() == records, "the replay lost records");
  return static_cast<double>(records) / bench::seconds_since(start);
}

/// Waits for the start, replays, ends the process with 0 when nothing was lost.
[[noreturn]] void replay_in_child(const replayer& replay, std::uint64_t records, int start) {
  char ignored = 0;
  static_cast<void>(!::read(start, &ignored, 1));
  bool good = false;
  try {
    good = replay() == records;
  } catch (...) {
  }
  ::_exit(good ? 0 : 1);
}

/// Replays in `processes` processes at once. @return  records a second of all together
double rate_in_processes(const replayer& replay, std::uint64_t records, int processes) {
  int start[2];
  bench::detail::check(::pipe(start) == 0, "pipe");
  std::vector<pid_t> children;
  for (int i = 0; i < processes; ++i) {
    const pid_t child = ::fork();
    bench::detail::check(child >= 0, "fork");
    if (child == 0) {
      ::close(start[1]);
      replay_in_child(replay, records, start[0]);
    }
    children.push_back(child);
  }
  ::close(start[0]);
  const auto begin = bench::steady::now();
  ::close(start[1]);  // all see the end of the pipe at once
  bool good = true;
  for (const pid_t child : children) {
    int status = 0;
    good = ::waitpid(child, &status, 0) == child && status == 0 && good;
  }
  const double seconds = bench::seconds_since(begin);
  bench::require(good, "a replay lost records");
  return static_cast<double>(records) * processes / seconds;
}

/// Copies 256 MiB. @return  bytes a second
double copy_rate() {
  constexpr std::size_t bytes = 256U << 20U;
  static std::vector<char> from(bytes, 'x');
  static std::vector<char> to(bytes, 'y');
  const auto start = bench::steady::now();
  std::memcpy(to.data(), from.data(), bytes);
  const double seconds = bench::seconds_since(start);
  bench::require(to[bytes / 2] == 'x', "memcpy did not copy");
  return static_cast<double>(bytes) / seconds;
}

/// Is a log to be replayed: written once, then opened again to read by each replay.
class written_log {
 public:
  /// Writes `records` records of `bytes` bytes each, in batches of `batch`; 1: singles.
  written_log(std::filesystem::path path, std::uint64_t records, std::uint32_t bytes,
              std::uint64_t batch)
      : path_{std::move(path)} {
    writer log{path_};
    const std::string payload(bytes, 'r');
    const std::vector<std::string_view> together(batch, payload);
    for (std::uint64_t i = 0; i < records; i += batch) {
      if (batch == 1) {
        log.append(payload);
      } else {
        log.append(together);
      }
    }
    log.close();
  }
  written_log(const written_log&) = delete;
  written_log& operator=(const written_log&) = delete;
  ~written_log() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  /// Opens, walks, closes. Every checksum is verified before a record is given out.
  [[nodiscard]] std::uint64_t walk() const {
    const logdb::durable_wal log{path_, {.mode = logdb::open_mode::read_only}};
    std::uint64_t seen = 0;
    for (const auto& record : log.records()) seen += record.size() != 0 ? 1 : 0;
    return seen;
  }

 private:
  using writer = logdb::async_wal::with<logdb::Durability<logdb::None>>;

  std::filesystem::path path_;
};

/// Lists each replay in one process, then in four: so `all[2 * i + 1]` is `all[2 * i]` in four.
std::vector<bench::contestant> in_one_and_four(
    const std::vector<std::pair<std::string, replayer>>& replays, std::uint64_t records) {
  std::vector<bench::contestant> all;
  for (const auto& [name, run] : replays) {
    all.push_back({name + ", 1 process", [run = run, records] { return rate_here(run, records); }});
    all.push_back({name + ", 4 processes",
                   [run = run, records] { return rate_in_processes(run, records, 4); }});
  }
  return all;
}

void judge(const bench::results& seen, std::uint32_t bytes, bench::targets& targets) {
  constexpr std::size_t singles = 2;
  const std::string title = "replay of " + std::to_string(bytes) + " bytes, ";
  if (bytes == 100) {
    targets.at_least(title + "1 process", seen.median_of(singles), 40e6, bench::as_rate);
  }
  targets.at_least(title + "4 processes together, of one", seen.ratio(singles + 1, singles), 1,
                   bench::as_ratio);
}

void replay(const bench::options& options, bench::work_directory& work, std::uint32_t bytes,
            bench::targets& targets) {
  const std::uint64_t records = options.quick ? 400'000 : 4'000'000;
  const bench::mapped_walk yardstick{work.fresh(), records, bytes};
  const written_log singles{work.fresh(), records, bytes, 1};
  const written_log batches{work.fresh(), records, bytes, 100};
  auto all = in_one_and_four({{"mapped walk", [&] { return yardstick.walk(); }},
                              {"logdb", [&] { return singles.walk(); }},
                              {"logdb, batches of 100", [&] { return batches.walk(); }}},
                             records);
  all.push_back({"memcpy of the payload", [bytes] { return copy_rate() / bytes; }});
  judge(bench::compare("replay of " + std::to_string(bytes) + " bytes", all, options.rounds, 2),
        bytes, targets);
}

}  // namespace

int main(int count, char** words) {
  const auto options = bench::parse(count, words);
  bench::work_directory work{options};
  bench::targets targets;
  for (const std::uint32_t bytes : {100U, 128U}) replay(options, work, bytes, targets);
}
