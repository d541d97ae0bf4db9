// SPDX-License-Identifier: BSL-1.0
/// @file
/// Appends of 128 bytes: durable with 1, 8, 64 threads; asynchronous with 1, 8, and their latency.

#include <array>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "support.hpp"
#include "yardstick.hpp"

namespace {

using payload = std::array<std::byte, bench::record_bytes>;

payload make_payload(int thread) {
  payload result;
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i] = static_cast<std::byte>(i * 7 + static_cast<std::size_t>(thread));
  }
  return result;
}

/// Appends to one log from all threads for a time.
template <class Log>
double durable_rate(Log& log, int threads, double seconds) {
  return bench::for_a_while(threads, seconds, [&log](int thread, const std::atomic<bool>& stop) {
    const payload record = make_payload(thread);
    std::uint64_t count = 0;
    for (; !stop.load(std::memory_order_relaxed); ++count) log.append(record);
    return count;
  });
}

void durable(const bench::options& options, bench::work_directory& work) {
  bench::leader_queue tuned{work.fresh(), {}};
  bench::leader_queue plain{work.fresh(), bench::leader_queue::plain};
  const double seconds = options.quick ? 0.1 : 0.5;
  for (const int threads : options.threads.empty() ? std::vector{1, 8, 64} : options.threads) {
    bench::compare("durable append, threads: " + std::to_string(threads),
                   {{"leader queue", [&] { return durable_rate(tuned, threads, seconds); }},
                    {"leader queue, plain", [&] { return durable_rate(plain, threads, seconds); }}},
                   options.rounds);
  }
}

/// Appends a number of records to a fresh log, shared among the threads.
/// @return  the rate until the last append returned; what is left in memory is closed untimed
template <class Log>
double async_rate(bench::work_directory& work, int threads, std::uint64_t records) {
  const auto path = work.fresh();
  double seconds = 0;
  {
    Log log{path};
    seconds = bench::once_on_each(threads, [&](int thread) {
      const payload record = make_payload(thread);
      for (auto left = records / static_cast<unsigned>(threads); left > 0; --left) {
        log.append(record);
      }
    });
    log.close();
  }
  std::filesystem::remove_all(path);
  return static_cast<double>(records) / seconds;
}

/// Does the same with the clock around each append.
template <class Log>
bench::histogram async_latency(bench::work_directory& work, int threads, std::uint64_t records) {
  const auto path = work.fresh();
  std::vector<bench::histogram> seen(static_cast<std::size_t>(threads));
  {
    Log log{path};
    bench::once_on_each(threads, [&](int thread) {
      const payload record = make_payload(thread);
      auto& mine = seen[static_cast<std::size_t>(thread)];
      for (auto left = records / static_cast<unsigned>(threads); left > 0; --left) {
        const auto start = bench::steady::now();
        log.append(record);
        mine.add(static_cast<std::uint64_t>((bench::steady::now() - start).count()));
      }
    });
    log.close();
  }
  std::filesystem::remove_all(path);
  for (std::size_t i = 1; i < seen.size(); ++i) seen[0].add(seen[i]);
  return seen[0];
}

/// Is a way to append that does not wait for the disk.
struct asynchronous {
  std::string name;
  double (*rate)(bench::work_directory&, int threads, std::uint64_t records);
  bench::histogram (*latency)(bench::work_directory&, int threads, std::uint64_t records);
};

template <class Log>
asynchronous make_asynchronous(std::string name) {
  return {std::move(name), &async_rate<Log>, &async_latency<Log>};
}

void print_latencies(const std::vector<asynchronous>& all, int threads, std::uint64_t records,
                     int rounds, bench::work_directory& work) {
  std::vector<bench::histogram> seen(all.size());
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      seen[i].add(all[i].latency(work, threads, records));
    }
  }
  bench::table out{{"its latency in ns", "p50", "p99", "p99.9", "max"}};
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto at = [&](double share) { return std::to_string(seen[i].percentile_ns(share)); };
    out.row({all[i].name, at(0.5), at(0.99), at(0.999), std::to_string(seen[i].max_ns())});
  }
  out.print();
}

void asynchronously(const bench::options& options, bench::work_directory& work) {
  const std::vector<asynchronous> all{
      make_asynchronous<bench::memory_buffer<bench::backoff_lock>>("memory buffer"),
      make_asynchronous<bench::memory_buffer<std::mutex>>("memory buffer, std::mutex")};
  const std::uint64_t records = options.quick ? 400'000 : 4'000'000;
  std::printf(
      "The clock steps by %llu ns and a reading costs %s ns, which each latency contains.\n\n",
      static_cast<unsigned long long>(bench::clock_step_ns()),
      bench::fixed(bench::clock_cost_ns(), 0).c_str());
  for (const int threads : options.threads.empty() ? std::vector{1, 8} : options.threads) {
    std::vector<bench::contestant> racing;
    for (const auto& one : all) {
      racing.push_back({one.name, [&, threads] { return one.rate(work, threads, records); }});
    }
    bench::compare("async append, threads: " + std::to_string(threads), racing, options.rounds);
    print_latencies(all, threads, records, options.quick ? 1 : 3, work);
  }
}

}  // namespace

int main(int count, char** words) {
  const auto options = bench::parse(count, words);
  bench::work_directory work{options};
  durable(options, work);
  asynchronously(options, work);
}
