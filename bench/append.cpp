// SPDX-License-Identifier: BSL-1.0
/// @file
/// Appends of 128 bytes: durable with 1, 8, 64 threads; asynchronous with 1, 8, and their latency;
/// the bytes that a record costs beside its own.

#include <array>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <logdb/logdb.hpp>

#include "support.hpp"
#include "targets.hpp"
#include "yardstick.hpp"

namespace {

using payload = std::array<std::byte, bench::record_bytes>;
using unsynced_wal = logdb::async_wal::with<logdb::Durability<logdb::None>>;

payload make_payload(int thread) {
  payload result;
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i] = static_cast<std::byte>(i * 7 + static_cast<std::size_t>(thread));
  }
  return result;
}

/// Counts the records of a closed log, every checksum verified.
template <class Log>
std::uint64_t count_again(const std::filesystem::path& path) {
  Log log{path, {.mode = logdb::open_mode::read_only}};
  std::uint64_t count = 0;
  for (const auto& record : log.records()) count += record.size() == bench::record_bytes ? 1 : 0;
  return count;
}

// ---- durable

std::uint64_t syncs_of(const bench::leader_queue& queue) { return queue.syncs(); }
std::uint64_t syncs_of(const logdb::durable_wal& wal) { return wal.stats().syncs; }

/// Is a log in the durable race, and what it has done in the current one.
template <class Log>
class durable_subject {
 public:
  template <class... Arguments>
  explicit durable_subject(Arguments&&... arguments)
      : log_{std::forward<Arguments>(arguments)...} {}

  /// Appends from all threads for a time. @return  appends a second
  double run(int threads, double seconds) {
    const auto syncs_before = syncs_of(log_);
    const auto body = [this](int thread, const std::atomic<bool>& stop) {
      const payload record = make_payload(thread);
      std::uint64_t count = 0;
      for (; !stop.load(std::memory_order_relaxed); ++count) log_.append(record);
      records_ += count;
      return count;
    };
    const auto records_before = records_.load();
    const double rate = bench::for_a_while(threads, seconds, body);
    group_ = static_cast<double>(records_ - records_before) /
             static_cast<double>(std::max<std::uint64_t>(syncs_of(log_) - syncs_before, 1));
    return rate;
  }

  [[nodiscard]] Log& log() { return log_; }
  [[nodiscard]] std::uint64_t records() const { return records_; }
  /// Returns the records a sync of the last run.
  [[nodiscard]] std::string group_text() const { return bench::fixed(group_, 1); }

 private:
  Log log_;
  std::atomic<std::uint64_t> records_{0};
  double group_ = 0;
};

double durable_target(int threads) { return threads <= 8 ? 0.95 : 0.9; }

/// Checks that the log knows every append as durable, and that a reader finds each.
void require_complete(durable_subject<logdb::durable_wal>& wal, const std::filesystem::path& path) {
  bench::require(wal.log().durable_lsn().value() == wal.records(), "durable_wal lost an append");
  wal.log().close();
  bench::require(count_again<logdb::durable_wal>(path) == wal.records(),
                 "durable_wal lost a record");
}

void durable(const bench::options& options, bench::work_directory& work, bench::targets& targets) {
  const auto path = work.fresh();
  durable_subject<bench::leader_queue> tuned{work.fresh(), bench::leader_queue::strategy{}};
  durable_subject<bench::leader_queue> plain{work.fresh(), bench::leader_queue::plain};
  durable_subject<logdb::durable_wal> wal{path};
  const double seconds = options.quick ? 0.1 : 0.5;
  for (const int threads : options.threads.empty() ? std::vector{1, 8, 64} : options.threads) {
    const std::string title = "durable append, threads: " + std::to_string(threads);
    const auto seen = bench::compare(title,
                                     {{"leader queue", [&] { return tuned.run(threads, seconds); }},
                                      {"plain", [&] { return plain.run(threads, seconds); }},
                                      {"durable_wal", [&] { return wal.run(threads, seconds); }}},
                                     options.rounds, 2);
    std::printf("records a sync, last round: %s, %s, %s\n\n", tuned.group_text().c_str(),
                plain.group_text().c_str(), wal.group_text().c_str());
    targets.at_least(title + ", of the plain leader queue", seen.ratio(2, 1),
                     durable_target(threads), bench::as_ratio);
  }
  require_complete(wal, path);
  std::filesystem::remove_all(path);
}

// ---- asynchronous

/// Checks after a run that none was lost; a yardstick cannot tell.
template <class Log>
void require_all(Log& log, std::uint64_t records) {
  if constexpr (requires { log.last_lsn(); }) {
    bench::require(log.last_lsn().value() == records, "an append was lost");
  }
}

/// Reads a closed log again and checks that it holds every record.
template <class Log>
void require_all_on_disk(const std::filesystem::path& path, std::uint64_t records) {
  if constexpr (requires { typename Log::policies; }) {
    bench::require(count_again<Log>(path) == records, "a record was lost");
  }
}

/// Is the work of one run.
struct workload {
  int threads = 1;
  std::uint64_t records_each = 0;    // of a thread
  std::uint64_t records_before = 0;  // untimed, until memory is touched and segments have grown

  [[nodiscard]] std::uint64_t records_timed() const {
    return records_each * static_cast<std::uint64_t>(threads);
  }
  [[nodiscard]] std::uint64_t records() const { return records_before + records_timed(); }
};

template <class Log>
void warm_up(Log& log, const workload& load) {
  const payload record = make_payload(0);
  for (auto left = load.records_before; left > 0; --left) log.append(record);
  if (load.records_before != 0) log.sync();
}

/// Runs `body(log, thread)` on each thread with a fresh log, checks that none was lost, closes.
/// @return  the seconds until the last append returned; what is left in memory is closed untimed
template <class Log, class Body>
double run_fresh(bench::work_directory& work, const workload& load, bool reopen, Body body) {
  const auto path = work.fresh();
  double seconds = 0;
  {
    Log log{path};
    warm_up(log, load);
    seconds = bench::once_on_each(load.threads, [&](int thread) { body(log, thread); });
    require_all(log, load.records());
    log.close();
  }
  if (reopen) require_all_on_disk<Log>(path, load.records());
  std::filesystem::remove_all(path);
  return seconds;
}

/// Appends to a fresh log from all threads. @return  appends a second
template <class Log>
double async_rate(bench::work_directory& work, const workload& load, bool reopen) {
  const double seconds = run_fresh<Log>(work, load, reopen, [&](Log& log, int thread) {
    const payload record = make_payload(thread);
    for (auto left = load.records_each; left > 0; --left) log.append(record);
  });
  return static_cast<double>(load.records_timed()) / seconds;
}

/// Does the same with the clock around each append.
template <class Log>
bench::histogram async_latency(bench::work_directory& work, const workload& load) {
  std::vector<bench::histogram> seen(static_cast<std::size_t>(load.threads));
  run_fresh<Log>(work, load, false, [&](Log& log, int thread) {
    const payload record = make_payload(thread);
    auto& mine = seen[static_cast<std::size_t>(thread)];
    for (auto left = load.records_each; left > 0; --left) {
      const auto start = bench::steady::now();
      log.append(record);
      mine.add(static_cast<std::uint64_t>((bench::steady::now() - start).count()));
    }
  });
  for (std::size_t i = 1; i < seen.size(); ++i) seen[0].add(seen[i]);
  return seen[0];
}

/// Is a way to append that does not wait for the disk.
struct asynchronous {
  std::string name;
  double (*rate)(bench::work_directory&, const workload&, bool reopen);
  bench::histogram (*latency)(bench::work_directory&, const workload&);
};

template <class Log>
asynchronous make_asynchronous(std::string name) {
  return {std::move(name), &async_rate<Log>, &async_latency<Log>};
}

/// Lists the contestants; async_wal is the subject of the targets.
std::vector<asynchronous> all_asynchronous() {
  return {make_asynchronous<bench::memory_buffer<bench::backoff_lock>>("memory buffer"),
          make_asynchronous<bench::memory_buffer<std::mutex>>("memory buffer, std::mutex"),
          make_asynchronous<bench::memory_buffer<std::mutex, true>>("memory buffer, synced"),
          make_asynchronous<logdb::async_wal>("async_wal"),
          make_asynchronous<unsynced_wal>("Durability<None>")};
}
constexpr std::size_t async_subject = 3;

/// @return  appends a second of the subject of the targets
double compare_rates(const std::string& title, const std::vector<asynchronous>& all,
                     const workload& load, int rounds, bench::work_directory& work) {
  std::vector<bench::contestant> racing;
  for (const auto& one : all) {
    racing.push_back({one.name, [&work, load, run = one.rate, reopen = true]() mutable {
                        return run(work, load, std::exchange(reopen, false));
                      }});
  }
  return bench::compare(title, racing, rounds).median_of(async_subject);
}

void print_latencies(const std::vector<asynchronous>& all,
                     const std::vector<bench::histogram>& seen) {
  bench::table out{{"its latency in ns", "p50", "p99", "p99.9", "max"}};
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto at = [&](double share) { return std::to_string(seen[i].percentile_ns(share)); };
    out.row({all[i].name, at(0.5), at(0.99), at(0.999), std::to_string(seen[i].max_ns())});
  }
  out.print();
}

void compare_latencies(const std::vector<asynchronous>& all, const workload& load, int rounds,
                       bench::work_directory& work, bench::targets& targets) {
  std::vector<bench::histogram> seen(all.size());
  bench::in_turn(all.size(), rounds,
                 [&](std::size_t i) { seen[i].add(all[i].latency(work, load)); });
  print_latencies(all, seen);
  const std::string title = "async latency, threads: " + std::to_string(load.threads);
  const auto& subject = seen[async_subject];
  targets.at_most(title + ", p50", static_cast<double>(subject.percentile_ns(0.5)), 60,
                  bench::as_ns);
  targets.at_most(title + ", p99", static_cast<double>(subject.percentile_ns(0.99)), 400,
                  bench::as_ns);
}

constexpr std::uint64_t burst_records = 50'000;     // 7 MiB: fits the memory of each
constexpr std::uint64_t warm_up_records = 800'000;  // 116 MiB

void asynchronously(const bench::options& options, bench::work_directory& work,
                    bench::targets& targets) {
  const auto all = all_asynchronous();
  const std::uint64_t records = options.quick ? 400'000 : 4'000'000;
  std::printf(
      "The clock steps by %llu ns and a reading costs %s ns, which each latency contains.\n\n",
      static_cast<unsigned long long>(bench::clock_step_ns()),
      bench::fixed(bench::clock_cost_ns(), 0).c_str());
  for (const int threads : options.threads.empty() ? std::vector{1, 8} : options.threads) {
    const workload load{threads, records / static_cast<std::uint64_t>(threads)};
    const std::string title = "async append, threads: " + std::to_string(threads);
    targets.at_least(title, compare_rates(title, all, load, options.rounds, work),
                     threads == 1 ? 10e6 : 8e6, bench::as_rate);
    compare_rates("a burst into an idle log, threads: " + std::to_string(threads), all,
                  {threads, burst_records / static_cast<std::uint64_t>(threads), warm_up_records},
                  options.rounds, work);
    compare_latencies(all, load, options.quick ? 1 : 3, work, targets);
  }
}

// ---- bytes

/// Appends `calls` times what holds `records_each` records, in one commit group: the mark of a
/// group, which the first append brings, is a cost of the group.
/// @return  the bytes that a record costs beside its own
template <class What>
double overhead(bench::work_directory& work, const What& what, std::uint64_t calls,
                std::uint64_t records_each) {
  unsynced_wal log{work.fresh(), {.durability = {.delay_max = std::chrono::hours{1}}}};
  log.append(what);
  const auto before = log.stats().bytes_appended;
  for (auto left = calls; left > 0; --left) log.append(what);
  const auto bytes = log.stats().bytes_appended - before;
  return static_cast<double>(bytes) / static_cast<double>(calls * records_each) -
         bench::record_bytes;
}

void bytes(bench::work_directory& work, bench::targets& targets) {
  const payload record = make_payload(0);
  const std::vector<payload> batch(1000, record);
  const double single = overhead(work, record, 1000, 1);
  const double batched = overhead(work, batch, 8, 1000);
  bench::table out{{"bytes on disk beside the record's 128", "a record"}};
  out.row({"a single record", bench::fixed(single, 2)});
  out.row({"in a batch of 1,000", bench::fixed(batched, 2)});
  out.print();
  targets.at_most("overhead of a single record", single, 24, bench::as_bytes);
  targets.at_most("overhead of a record in a batch of 1,000", batched, 4, bench::as_bytes);
}

}  // namespace

int main(int count, char** words) {
  const auto options = bench::parse(count, words);
  bench::work_directory work{options};
  bench::targets targets;
  durable(options, work, targets);
  asynchronously(options, work, targets);
  bytes(work, targets);
}
