// SPDX-License-Identifier: BSL-1.0
/// @file
/// The key-value log: fill, read, overwrite, delete, YCSB A to F, open. 16-byte keys, values of 100
/// bytes and 1 KiB; beside a hash map in memory and the peers that are installed.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "key_value_peers.hpp"
#include "support.hpp"
#include "targets.hpp"

namespace {

/// Is a fast generator; good enough to choose keys.
struct generator {
  std::uint64_t state;
  explicit generator(std::uint64_t seed) : state{(seed + 1) * 0x9e3779b97f4a7c15} {}
  std::uint64_t operator()() {
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
  }
  double unit() { return static_cast<double>((*this)() >> 11) * 0x1p-53; }
};

/// Draws ranks with a Zipf distribution, theta 0.99, scattered over the keys.
/// @source  Gray et al., "Quickly generating billion-record synthetic databases", SIGMOD 1994
class zipf {
 public:
  explicit zipf(std::uint64_t items) : items_{items} {
    for (std::uint64_t n = 1; n <= items; ++n) zeta_ += 1 / std::pow(static_cast<double>(n), theta);
    const double zeta2 = 1 + std::pow(0.5, theta);
    eta_ = (1 - std::pow(2.0 / static_cast<double>(items), 1 - theta)) / (1 - zeta2 / zeta_);
  }
  std::uint64_t operator()(generator& random) const {
    const double u = random.unit();
    const double uz = u * zeta_;
    std::uint64_t rank = 0;
    if (uz >= 1 && uz < 1 + std::pow(0.5, theta)) rank = 1;
    if (uz >= 1 + std::pow(0.5, theta)) {
      rank = static_cast<std::uint64_t>(static_cast<double>(items_) *
                                        std::pow(eta_ * u - eta_ + 1, 1 / (1 - theta)));
    }
    return rank * 0x9e3779b97f4a7c15 % items_;
  }

 private:
  static constexpr double theta = 0.99;
  std::uint64_t items_;
  double zeta_ = 0;
  double eta_ = 0;
};

/// Is what all contestants do, in numbers.
struct plan {
  std::uint64_t keys;
  std::size_t value_bytes;
  int threads;
  bool scans = false;  // YCSB E and no other

  [[nodiscard]] std::uint64_t bytes() const { return keys * (16 + value_bytes); }
  [[nodiscard]] bool is_first() const { return threads == 1 && value_bytes == 100; }
};

/// Runs the steps of one store and gathers operations a second, by step.
class contest {
 public:
  /// @param share  of the work, but for the fill
  contest(const plan& chosen, bench::key_value_store& store, double share)
      : plan_{chosen},
        share_{share},
        store_{store},
        ranks_{chosen.keys},
        value_(chosen.value_bytes, 'v') {
    for (std::uint64_t n = 0; n < 2 * plan_.keys; ++n) {
      std::snprintf(keys_.emplace_back().data(), 17, "%016llx",
                    static_cast<unsigned long long>(n * 0x9e3779b97f4a7c15));
    }
  }

  std::vector<std::pair<std::string, double>> run() {
    step("fill", 1 / share_, [this](generator&, std::uint64_t n) { put(n); });
    plan_.scans ? run_scans() : run_all();
    return std::move(rates_);
  }

 private:
  static constexpr std::uint64_t scan_max = 100;

  void run_all() {
    step("read", 1, [this](generator& random, std::uint64_t) { get(random() % plan_.keys); });
    step("read zipf", 1, [this](generator& random, std::uint64_t) { get(ranks_(random)); });
    step("overwrite", 1, [this](generator& random, std::uint64_t) { put(random() % plan_.keys); });
    mixed("YCSB A", 50);
    mixed("YCSB B", 95);
    mixed("YCSB C", 100);
    step("YCSB D", 1, [this](generator& random, std::uint64_t n) {
      random() % 20 == 0 ? put(plan_.keys + n) : get(plan_.keys - 1 - ranks_(random) % 1000);
    });
    step("YCSB F", 1, [this](generator& random, std::uint64_t) {
      const std::uint64_t which = ranks_(random);
      get(which);
      if (random() % 2 == 0) put(which);
    });
    step("delete", 0.5, [this](generator&, std::uint64_t n) { store_.erase(key(n)); });
  }

  void run_scans() {
    step("read", 1, [this](generator& random, std::uint64_t) { get(random() % plan_.keys); });
    step("YCSB E", 0.2, [this](generator& random, std::uint64_t n) {
      random() % 20 == 0 ? put(plan_.keys + n) : scan(ranks_(random), random() % scan_max + 1);
    });
  }

  [[nodiscard]] std::string_view key(std::uint64_t n) const { return {keys_[n].data(), 16}; }
  void put(std::uint64_t n) { store_.put(key(n), value_); }
  void get(std::uint64_t n) {
    bench::require(store_.get(key(n)) == value_.size(), "a key was not found");
  }
  void scan(std::uint64_t from, std::uint64_t count) {
    const std::size_t bytes = store_.scan(key(from), count);
    bench::require(bytes != 0 && bytes <= count * value_.size(), "a scan found nothing");
  }

  void mixed(const std::string& name, std::uint64_t reads) {
    step(name, 1, [this, reads](generator& random, std::uint64_t) {
      const std::uint64_t which = ranks_(random);
      random() % 100 < reads ? get(which) : put(which);
    });
  }

  template <class Body>
  void step(const std::string& name, double share, Body body) {
    const auto total =
        static_cast<std::uint64_t>(std::llround(share_ * share * static_cast<double>(plan_.keys)));
    const auto threads = static_cast<std::uint64_t>(plan_.threads);
    const auto start = bench::steady::now();
    std::vector<std::thread> others;
    const auto work = [&](std::uint64_t mine) {
      generator random{mine};
      for (std::uint64_t n = mine; n < total; n += threads) body(random, n);
    };
    for (std::uint64_t n = 1; n < threads; ++n) others.emplace_back(work, n);
    work(0);
    for (auto& each : others) each.join();
    rates_.emplace_back(name, static_cast<double>(total) / bench::seconds_since(start));
  }

  plan plan_;
  double share_;
  bench::key_value_store& store_;
  zipf ranks_;
  std::string value_;
  std::vector<std::array<char, 17>> keys_;
  std::vector<std::pair<std::string, double>> rates_;
};

/// Is the rates of all rounds, by step and contestant.
class results {
 public:
  void add(const std::string& step, const std::string& who, double rate) {
    if (!seen_.contains(step)) steps_.push_back(step);
    seen_[step][who].push_back(rate);
  }

  void print(const std::vector<bench::candidate>& order) const {
    std::printf("%-12s", "");
    for (const auto& each : order) std::printf("%13s", each.name.c_str());
    for (const auto& step : steps_) {
      std::printf("\n%-12s", step.c_str());
      for (const auto& each : order)
        std::printf("%13s", bench::rate_text(rate(step, each.name)).c_str());
    }
    std::printf("\n");
  }

  [[nodiscard]] double rate(const std::string& step, const std::string& who = "logdb") const {
    return bench::median(seen_.at(step).at(who));
  }
  [[nodiscard]] bool has(const std::string& who) const {
    return seen_.begin()->second.contains(who);
  }
  /// Returns the median of the rounds' ratios.
  [[nodiscard]] double ratio(const std::string& step, const std::string& to) const {
    const auto& ours = seen_.at(step).at("logdb");
    const auto& theirs = seen_.at(step).at(to);
    std::vector<double> ratios;
    for (std::size_t n = 0; n < std::min(ours.size(), theirs.size()); ++n) {
      ratios.push_back(ours[n] / theirs[n]);
    }
    return bench::median(ratios);
  }

 private:
  std::vector<std::string> steps_;  // in the order in which they were run
  std::map<std::string, std::map<std::string, std::vector<double>>> seen_;
};

/// Runs all contestants in turn, some rounds, and prints the medians. Who begins changes.
results compare(const plan& chosen, const bench::options& options) {
  auto all = chosen.scans ? bench::scanning_candidates(chosen.keys, chosen.bytes())
                          : bench::candidates(chosen.keys, chosen.bytes(), chosen.is_first());
  const auto order = all;
  std::printf("\n%llu keys, values of %zu bytes, %d thread(s); operations a second\n",
              static_cast<unsigned long long>(chosen.keys), chosen.value_bytes, chosen.threads);
  results seen;
  for (int round = 0; round < options.rounds; ++round) {
    for (const auto& each : all) {
      if (each.slow && round != 0) continue;
      const auto start = bench::steady::now();
      bench::work_directory place{options};
      const auto path = place.fresh();
      std::filesystem::create_directories(path);
      const auto store = each.make(path);
      for (const auto& [step, rate] : contest{chosen, *store, each.slow ? 0.1 : 1}.run())
        seen.add(step, each.name, rate);
      std::printf("  round %d, %s: %.1f s\n", round + 1, each.name.c_str(),
                  bench::seconds_since(start));
    }
    std::rotate(all.begin(), all.begin() + 1, all.end());
  }
  seen.print(order);
  return seen;
}

/// Measures the memory of many keys and how long they take to open.
void open_many(std::uint64_t keys, const bench::options& options, bench::targets& verdicts) {
  bench::work_directory place{options};
  const auto path = place.fresh();
  double bytes_a_key = 0;
  {
    logdb::kv_store log{path};
    std::array<char, 17> key{};
    for (std::uint64_t n = 0; n < keys; ++n) {
      std::snprintf(key.data(), key.size(), "%016llx",
                    static_cast<unsigned long long>(n * 0x9e3779b97f4a7c15));
      log.put(std::string_view{key.data(), 16}, "a value");
    }
    bytes_a_key = static_cast<double>(log.memory_bytes()) / static_cast<double>(keys);
    log.close();
  }
  const auto start = bench::steady::now();
  const logdb::kv_store again{path};
  const double opened = 1000 * bench::seconds_since(start);
  bench::require(again.size() == keys, "an open lost keys");
  const auto millions = static_cast<double>(keys) / 1e6;
  verdicts.at_most("memory a key", bytes_a_key, 16, bench::as_bytes);
  verdicts.at_most("open of " + bench::fixed(millions, 1) + " M keys", opened, 100 * millions,
                   bench::as_ms);
}

/// Is what a figure is to reach: so many a second, and so many times what HashDBM does.
struct wish {
  const char* name;
  const char* step;
  double rate;
  double of_hash_dbm;
};

// What the rates were set for is a machine on which HashDBM does rate / of_hash_dbm.
constexpr std::array one_thread{
    wish{"get", "read", 2.4e6, 2.4 / 1.9}, wish{"put", "overwrite", 2.0e6, 2.0 / 1.9},
    wish{"YCSB A", "YCSB A", 3e6, 3.0 / 2.9}, wish{"YCSB B", "YCSB B", 3.5e6, 3.5 / 3.2}};
constexpr std::array two_threads{
    wish{"get", "read", 4.5e6, 4.5 / 3.5}, wish{"put", "overwrite", 2.5e6, 2.5 / 3.4},
    wish{"YCSB A", "YCSB A", 4.8e6, 1}, wish{"YCSB B", "YCSB B", 6e6, 6 / 5.2}};
constexpr std::array large_values{wish{"put", "overwrite", 0.8e6, 0.8 / 0.55},
                                  wish{"get", "read", 1.1e6, 1.1 / 1.05}};

template <std::size_t Count>
void judge(const std::array<wish, Count>& wishes, const std::string& with, const results& seen,
           bench::targets& verdicts) {
  for (const wish& each : wishes) {
    const std::string what = each.name + (", " + with);
    verdicts.at_least(what, seen.rate(each.step), each.rate, bench::as_rate);
    if (!seen.has("HashDBM")) continue;
    verdicts.at_least(what + ", of HashDBM", seen.ratio(each.step, "HashDBM"), each.of_hash_dbm,
                      bench::as_ratio);
  }
}

}  // namespace

int main(int count, char** words) {
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  auto options = bench::parse(count, words);
  if (options.rounds == 7) options.rounds = 3;
  const std::uint64_t keys = options.quick ? 50'000 : 1'000'000;
  const auto threads = options.threads.empty() ? std::vector<int>{1, 2} : options.threads;
  bench::targets verdicts;
  for (const int each : threads) {
    const auto seen = compare({keys, 100, each}, options);
    if (options.quick) continue;
    if (each == 1) judge(one_thread, "1 thread", seen, verdicts);
    if (each == 2) judge(two_threads, "2 threads", seen, verdicts);
  }
  const auto large = compare({keys / 4, 1024, 1}, options);
  if (!options.quick) judge(large_values, "1 KiB", large, verdicts);
  (void)compare({keys / 4, 100, 1, true}, options);
  open_many(10 * keys, options, verdicts);
  return 0;
}
