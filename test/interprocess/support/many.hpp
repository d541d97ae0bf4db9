// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Processes that write one log together, and the check of what became of it.

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <logdb/logdb.hpp>

#include "crash/support/history.hpp"
#include "crash/support/quick_system.hpp"
#include "crash/support/store.hpp"
#include "crash/support/writer.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"
#include "support/throws.hpp"

namespace logdb::test {

template <class Durability, class System = quick_system,
          template <class> class Kept = BasicDirectory>
using quick_shared =
    basic_log<Storage<Kept<System>>, logdb::Durability<Durability>, Locking<Fcntl>>;
/// The same in one file.
template <class Durability, class System = quick_system>
using quick_shared_file = quick_shared<Durability, System, BasicSingleFile>;

/// Spends up to so long without giving up the processor: what the other processes do meanwhile is
/// what the test is about.
inline void spin(std::chrono::microseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
  }
}

/// Appends the records of one writer, singly.
template <class Log>
void append_singly(Log& log, std::uint32_t round, std::uint32_t writer, std::uint32_t records) {
  for (std::uint32_t i = 0; i < records; ++i) log.append(make_payload({round, writer, i}));
}

/// Runs a function on each of so many threads with its number.
template <class Function>
void on_threads(std::uint32_t threads, Function run) {
  std::vector<std::jthread> running;
  for (std::uint32_t i = 1; i < threads; ++i) running.emplace_back([&run, i] { run(i); });
  run(0);
}

/// Is processes that each run a function with their number.
class crew {
 public:
  template <class Function>
  crew(std::uint32_t processes, Function run) {
    for (std::uint32_t i = 0; i < processes; ++i)
      members_.emplace_back([&run, i] {
        run(i);
        return 0;
      });
  }

  /// Waits for all; returns how many ended as they should.
  [[nodiscard]] std::size_t finish() {
    std::size_t good = 0;
    for (auto& each : members_) good += each.wait() == 0 ? 1 : 0;
    return good;
  }

  [[nodiscard]] std::deque<child_process>& members() { return members_; }

 private:
  std::deque<child_process> members_;
};

/// Opens a log that nobody has open, checks it and returns what is in it.
template <class Log>
history check_alone(const std::filesystem::path& path,
                    const std::vector<acknowledgement>& told = {}) {
  Log log{path, smallest<Log>()};
  auto found = read_history(log);
  for (const auto& each : told) found.require(each);
  if (!log.recovery().damages.empty()) throw std::runtime_error{"the open found damage"};
  if (!log.verify().intact()) throw std::runtime_error{"the log is damaged"};
  log.close();
  return found;
}

/// Reads what is left in a pipe whose writer is gone.
inline void hear_all(const acknowledgement_pipe& pipe, std::vector<acknowledgement>& heard) {
  acknowledgement told;
  while (pipe.hear(told)) heard.push_back(told);
}

}  // namespace logdb::test
