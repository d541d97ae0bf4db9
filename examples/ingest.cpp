// SPDX-License-Identifier: BSL-1.0
/// @file
/// Stores every line of a file durably, closes, reopens, replays and compares every byte: the whole
/// of a durable_wal in one program. The parts that only talk to people are in ingest_report.hpp.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <logdb/logdb.hpp>

#include "ingest_report.hpp"
#include "ingest_settings.hpp"
#include "ingest_source.hpp"

namespace {

using ingest::grouped;
using ingest::settings;
using ingest::source;
using ingest::stopwatch;

/// Is a batch, and where the log put it.
struct placed {
  logdb::lsn first;
  std::size_t line = 0;  // of the source, from 0
  std::size_t count = 0;
};

/// Appends the lines of a source, batch by batch, from some threads.
class appending {
 public:
  appending(logdb::durable_wal& wal, const source& from, std::size_t batch_lines)
      : wal_{wal}, from_{from}, batch_lines_{batch_lines} {}

  /// Returns the batches in the order of their lsns.
  std::vector<placed> run(std::size_t threads) {
    std::vector<std::thread> workers;
    for (std::size_t i = 0; i < threads; ++i) workers.emplace_back([this] { work(); });
    watch(threads);
    for (auto& worker : workers) worker.join();
    if (failure_) std::rethrow_exception(failure_);
    std::ranges::sort(placed_, {}, &placed::first);
    return std::move(placed_);
  }

 private:
  /// Shows how far the threads are, until they have ended.
  void watch(std::size_t threads) {
    ingest::progress shown{"appending", from_.lines.size()};
    std::unique_lock lock{mutex_};
    const auto all_ended = [&] { return ended_ == threads; };
    while (!wake_.wait_for(lock, std::chrono::milliseconds{50}, all_ended)) shown.show(done_);
    shown.finish(done_);
  }

  void work() {
    try {
      while (step()) {
      }
    } catch (...) {
      const std::lock_guard lock{mutex_};
      failure_ = std::current_exception();
      next_ = from_.lines.size();  // the others stop, too
    }
    const std::lock_guard lock{mutex_};
    ++ended_;
    wake_.notify_one();
  }

  /// Appends the next batch; it is on disk when append() returns. False: there is no more.
  bool step() {
    const std::size_t line = next_.fetch_add(batch_lines_);
    if (line >= from_.lines.size()) return false;
    const std::size_t count = std::min(batch_lines_, from_.lines.size() - line);
    const auto lines = std::span{from_.lines}.subspan(line, count);
    const logdb::lsn last = count == 1 ? wal_.append(lines.front()) : wal_.append(lines);
    done_ += count;
    const std::lock_guard lock{mutex_};
    placed_.push_back({last - (count - 1), line, count});
    return true;
  }

  logdb::durable_wal& wal_;
  const source& from_;
  std::size_t batch_lines_;
  std::atomic<std::size_t> next_ = 0;  // line to take
  std::atomic<std::size_t> done_ = 0;  // lines on disk
  std::mutex mutex_;
  std::condition_variable wake_;
  std::size_t ended_ = 0;       // threads; guarded by mutex_
  std::vector<placed> placed_;  // guarded by mutex_
  std::exception_ptr failure_;  // guarded by mutex_
};

/// Knows which line each record must be.
class expectation {
 public:
  expectation(const source& from, std::vector<placed> batches)
      : from_{from}, batches_{std::move(batches)} {}

  [[nodiscard]] std::size_t size() const { return from_.lines.size(); }
  [[nodiscard]] logdb::lsn first() const { return batches_.front().first; }

  /// Returns the line that a record must be; requires one that this run appended.
  [[nodiscard]] std::string_view line(logdb::lsn at) const {
    const auto after = std::ranges::upper_bound(batches_, at, {}, &placed::first);
    const placed& batch = *std::prev(after);
    return from_.lines[batch.line + (at - batch.first)];
  }

  /// Walks records and lines side by side; returns the first lsn that differs.
  template <class Records>
  [[nodiscard]] std::optional<logdb::lsn> first_difference(const Records& records) const {
    auto record = records.begin();
    for (const placed& batch : batches_) {
      for (std::size_t i = 0; i < batch.count; ++i, ++record) {
        const logdb::lsn expected = batch.first + i;
        if (record == records.end() || record->lsn() != expected ||
            record->text() != from_.lines[batch.line + i]) {
          return expected;
        }
      }
    }
    if (record != records.end()) return record->lsn();
    return std::nullopt;
  }

 private:
  const source& from_;
  std::vector<placed> batches_;  // in lsn order, without gaps between records of this run
};

std::vector<placed> append_all(const settings& chosen, const source& from,
                               const std::filesystem::path& dir) {
  const stopwatch opening;
  logdb::durable_wal wal{dir};
  if (wal.recovery().records != 0) {
    ingest::report_recovery("continues", wal.recovery(), opening.seconds());
  }
  const stopwatch clock;
  auto batches = appending{wal, from, chosen.batch}.run(chosen.threads);
  const double seconds = clock.seconds();
  const auto stats = wal.stats();  // before close(), which syncs once more
  wal.close();                     // errors are seen here, not in the destructor
  ingest::report_append(from, batches.size(), stats, seconds);
  return batches;
}

bool replay(const logdb::durable_wal& wal, const expectation& expected, const source& from) {
  const stopwatch clock;
  const auto differs = expected.first_difference(wal.records(expected.first()));
  ingest::report_replay(from, clock.seconds(), differs);
  return !differs;
}

/// Reads lines by lsn, at most a thousand, evenly spread.
bool look_up_by_lsn(const logdb::durable_wal& wal, const expectation& expected) {
  const std::size_t stride = expected.size() / 1000 + 1;
  const stopwatch clock;
  std::size_t found = 0;
  for (std::size_t i = 0; i < expected.size(); i += stride, ++found) {
    const logdb::lsn at = expected.first() + i;
    if (wal.read(at).text() != expected.line(at)) return ingest::report_difference("read", at);
  }
  ingest::report_lookups("by lsn", found, clock.seconds(),
                         wal.read(expected.first() + expected.size() / 2));
  return true;
}

/// Finds the first record of a time; the one before it must be older.
bool look_up_by_time(const logdb::durable_wal& wal, const expectation& expected) {
  const auto middle = wal.read(expected.first() + expected.size() / 2);
  const stopwatch clock;
  const auto found = wal.find_time(middle.time());
  const double seconds = clock.seconds();
  if (!found || *found > middle.lsn() || wal.read(*found).time() != middle.time()) {
    return ingest::report_difference("find_time", middle.lsn());
  }
  if (*found > wal.first_lsn() && wal.read(*found - 1).time() >= middle.time()) {
    return ingest::report_difference("find_time", *found);
  }
  ingest::report_lookups("by time", 1, seconds, wal.read(*found));
  return true;
}

bool check_all(const source& from, const expectation& expected, const std::filesystem::path& dir) {
  const stopwatch clock;
  logdb::durable_wal wal{dir};
  ingest::report_recovery("reopened", wal.recovery(), clock.seconds());
  bool same = true;
  if (expected.size() != 0) {
    same = replay(wal, expected, from) && look_up_by_lsn(wal, expected) &&
           look_up_by_time(wal, expected);
  }
  same = ingest::report_verification(wal.verify()) && same;
  wal.close();
  return same;
}

int run(const settings& chosen) {
  const source from = ingest::read_source(chosen.input);
  const auto dir = chosen.dir.empty() ? ingest::free_name(chosen.input) : chosen.dir;
  ingest::report_begin(chosen, from, dir);
  const expectation expected{from, append_all(chosen, from, dir)};
  ingest::report_disk(from, dir);
  const bool same = check_all(from, expected, dir);
  if (!same) return 1;  // what differs stays, to be looked at
  if (chosen.dir.empty() && !chosen.keep) {
    std::filesystem::remove_all(dir);
    std::cout << "removed       " << dir.string() << " (--keep keeps it)\n";
  }
  std::cout << grouped(expected.size()) << " of " << grouped(expected.size())
            << " lines came back as they were\n";
  return 0;
}

}  // namespace

int main(int count, char** words) {
  try {
    const auto chosen = ingest::parse(std::span{words, static_cast<std::size_t>(count)}.subspan(1));
    return chosen ? run(*chosen) : 0;
  } catch (const ingest::usage_error& wrong) {
    std::cerr << "ingest: " << wrong.what() << "\n" << ingest::usage;
    return 2;
  } catch (const std::exception& failure) {
    std::cerr << "ingest: " << failure.what() << '\n';
    return 1;
  }
}
