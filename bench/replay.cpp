// SPDX-License-Identifier: BSL-1.0
/// @file
/// Replay of a log with every checksum verified: 100 and 128 bytes, in one process and in four.

#include <cstdint>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "support.hpp"
#include "yardstick.hpp"

namespace {

/// Is what replays everything once; returns the records that it saw.
using replayer = std::function<std::uint64_t()>;

double rate_here(const replayer& replay, std::uint64_t records) {
  const auto start = bench::steady::now();
  if (replay() != records) throw std::runtime_error{"the replay lost records"};
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
  if (!good) throw std::runtime_error{"a replay lost records"};
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
  if (to[bytes / 2] != 'x') throw std::runtime_error{"memcpy did not copy"};
  return static_cast<double>(bytes) / seconds;
}

void replay(const bench::options& options, bench::work_directory& work, std::uint32_t bytes) {
  const std::uint64_t records = options.quick ? 400'000 : 4'000'000;
  const bench::mapped_walk yardstick{work.fresh(), records, bytes};
  const std::vector<std::pair<std::string, replayer>> all{
      {"mapped walk", [&] { return yardstick.walk(); }}};
  std::vector<bench::contestant> alone;
  std::vector<bench::contestant> four;
  for (const auto& [name, run] : all) {
    alone.push_back({name, [&run = run, records] { return rate_here(run, records); }});
    four.push_back({name, [&run = run, records] { return rate_in_processes(run, records, 4); }});
  }
  const std::string title = "replay of " + std::to_string(bytes) + " bytes, processes: ";
  bench::compare(title + "1", alone, options.rounds);
  bench::compare(title + "4", four, options.rounds);
}

}  // namespace

int main(int count, char** words) {
  const auto options = bench::parse(count, words);
  bench::work_directory work{options};
  bench::compare("memory, bytes", {{"memcpy", copy_rate}}, options.rounds);
  for (const std::uint32_t bytes : {100U, 128U}) replay(options, work, bytes);
}
