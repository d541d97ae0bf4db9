// SPDX-License-Identifier: BSL-1.0
/// @file
/// Many processes that write one log: durable records of 18 bytes from 1, 5 and 25 writers, the
/// records that share a sync, and asynchronous ones of 128 bytes.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <logdb/logdb.hpp>

#include "support.hpp"
#include "targets.hpp"

namespace {

using shared_async = logdb::shared_wal::with<logdb::Durability<logdb::Async>>;

/// Is what the processes of a run tell each other.
struct board {
  std::atomic<int> ready{0};
  std::atomic<bool> go{false};
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> records{0};
  std::atomic<std::uint64_t> syncs{0};
  std::atomic<int> failed{0};
};

/// Is a board in memory that forks share.
class shared_board {
 public:
  shared_board()
      : memory_{::mmap(nullptr, sizeof(board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                       -1, 0)} {
    if (memory_ == MAP_FAILED) throw std::runtime_error{"no memory to share"};
    board_ = new (memory_) board;
  }
  shared_board(const shared_board&) = delete;
  shared_board& operator=(const shared_board&) = delete;
  ~shared_board() { ::munmap(memory_, sizeof(board)); }
  board* operator->() const { return board_; }

 private:
  void* memory_;
  board* board_ = nullptr;
};

/// Says who writes what.
struct crew {
  int processes = 1;
  int threads = 1;
  std::size_t bytes = 18;

  [[nodiscard]] std::string text() const {
    return std::to_string(processes) + " x " + std::to_string(threads);
  }
};

/// Is one log, and what was appended to it in all rounds.
template <class Log>
class subject {
 public:
  subject(std::filesystem::path path, crew who) : path_{std::move(path)}, who_{who} {}

  /// Appends from all processes for a time. @return  appends a second
  double run(double seconds) {
    const shared_board told;
    std::vector<::pid_t> running;
    for (int i = 0; i < who_.processes; ++i) running.push_back(begin(told));
    while (told->ready < who_.processes && told->failed == 0) std::this_thread::yield();
    const auto start = bench::steady::now();
    told->go = true;
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    told->stop = true;
    const double elapsed = bench::seconds_since(start);
    for (const auto id : running) ::waitpid(id, nullptr, 0);
    bench::require(told->failed == 0, "a process failed");
    records_ += told->records;
    const auto syncs = std::max<std::uint64_t>(told->syncs, 1);
    group_ = static_cast<double>(told->records) / static_cast<double>(syncs);
    return static_cast<double>(told->records) / elapsed;
  }

  [[nodiscard]] double group() const { return group_; }
  [[nodiscard]] const crew& who() const { return who_; }

  /// Counts what is in the log, every checksum verified, and removes it.
  void require_complete() const {
    {
      const Log log{path_, {.mode = logdb::open_mode::read_only}};
      std::uint64_t count = 0;
      for (const auto& record : log.records()) count += record.size() == who_.bytes ? 1 : 0;
      bench::require(count == records_, "a record was lost or doubled");
    }
    std::filesystem::remove_all(path_);
  }

 private:
  ::pid_t begin(const shared_board& told) {
    const ::pid_t id = ::fork();
    if (id == -1) throw std::runtime_error{"cannot fork"};
    if (id != 0) return id;
    try {
      write(told);
    } catch (const std::exception& failure) {
      std::fprintf(stderr, "%s\n", failure.what());
      ++told->failed;
    }
    ::_exit(0);
  }

  void write(const shared_board& told) const {
    Log log{path_};
    ++told->ready;
    while (!told->go) std::this_thread::sleep_for(std::chrono::microseconds{100});
    bench::once_on_each(who_.threads, [&](int thread) {
      const std::string record(who_.bytes, static_cast<char>('a' + thread));
      std::uint64_t count = 0;
      for (; !told->stop.load(std::memory_order_relaxed); ++count) log.append(record);
      told->records += count;
    });
    told->syncs += log.stats().syncs;
    log.close();
  }

  std::filesystem::path path_;
  crew who_;
  std::uint64_t records_ = 0;
  double group_ = 0;
};

void durable(const bench::options& options, bench::work_directory& work, bench::targets& targets) {
  using many = subject<logdb::shared_wal>;
  subject<logdb::durable_wal> alone{work.fresh(), {1, 1}};
  subject<logdb::durable_wal> threads{work.fresh(), {1, 25}};
  std::vector<std::unique_ptr<many>> shared;
  for (const crew& who : {crew{1, 1}, crew{5, 1}, crew{1, 5}, crew{5, 5}, crew{16, 1}}) {
    shared.push_back(std::make_unique<many>(work.fresh(), who));
  }
  const double seconds = options.quick ? 0.1 : 0.5;
  std::vector<bench::contestant> racing{
      {"durable_wal, 1 thread", [&] { return alone.run(seconds); }},
      {"durable_wal, 25 threads", [&] { return threads.run(seconds); }}};
  for (const auto& one : shared) {
    racing.push_back(
        {"shared_wal, " + one->who().text(), [&one, seconds] { return one->run(seconds); }});
  }
  const auto seen =
      bench::compare("durable append of 18 bytes, processes x threads", racing, options.rounds, 2);
  bench::table out{{"records a sync, last round", ""}};
  for (const auto& one : shared) out.row({one->who().text(), bench::fixed(one->group(), 1)});
  out.print();
  targets.at_least("durable append, 25 writers of 5 processes, of 1 writer", seen.ratio(5, 2), 4,
                   bench::as_ratio);
  targets.at_least("durable append, 16 processes, records a sync", shared.back()->group(), 6,
                   bench::as_ratio);
  alone.require_complete();
  threads.require_complete();
  for (const auto& one : shared) one->require_complete();
}

/// Runs a crew on a log of its own: what the disk has still to write of others' is not its matter.
template <class Log>
bench::contestant fresh(std::string name, bench::work_directory& work, crew who, double seconds) {
  return {std::move(name), [&work, who, seconds] {
            subject<Log> one{work.fresh(), who};
            const double rate = one.run(seconds);
            one.require_complete();
            return rate;
          }};
}

void asynchronously(const bench::options& options, bench::work_directory& work,
                    bench::targets& targets) {
  const double seconds = options.quick ? 0.1 : 0.25;
  const auto seen =
      bench::compare("asynchronous append of 128 bytes, processes x threads",
                     {fresh<logdb::async_wal>("async_wal, 4 threads", work, {1, 4, 128}, seconds),
                      fresh<shared_async>("shared, 1 x 1", work, {1, 1, 128}, seconds),
                      fresh<shared_async>("shared, 4 x 1", work, {4, 1, 128}, seconds)},
                     options.rounds);
  targets.at_least("asynchronous append, 4 processes", seen.median_of(2), 8e6, bench::as_rate);
}

}  // namespace

int main(int count, char** words) {
  const auto options = bench::parse(count, words);
  bench::work_directory work{options};
  bench::targets targets;
  durable(options, work, targets);
  asynchronously(options, work, targets);
}
