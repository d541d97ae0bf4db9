// SPDX-License-Identifier: BSL-1.0
/// @file
/// The key-value log: fill, read, overwrite, delete, YCSB A to D and F, open. 16-byte keys, values
/// of 100 bytes and 1 KiB; beside a hash map in memory and the peers that are installed.

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
};

/// Runs the steps of one store and gathers operations a second, by step.
class contest {
 public:
  contest(const plan& chosen, bench::key_value_store& store)
      : plan_{chosen}, store_{store}, ranks_{chosen.keys}, value_(chosen.value_bytes, 'v') {
    for (std::uint64_t n = 0; n < 2 * plan_.keys; ++n) {
      std::snprintf(keys_.emplace_back().data(), 17, "%016llx",
                    static_cast<unsigned long long>(n * 0x9e3779b97f4a7c15));
    }
  }

  std::map<std::string, double> run() {
    step("fill", 1, [this](generator&, std::uint64_t n) { put(n); });
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
    return std::move(rates_);
  }

 private:
  [[nodiscard]] std::string_view key(std::uint64_t n) const { return {keys_[n].data(), 16}; }
  void put(std::uint64_t n) { store_.put(key(n), value_); }
  void get(std::uint64_t n) {
    bench::require(store_.get(key(n)) == value_.size(), "a key was not found");
  }

  void mixed(const std::string& name, std::uint64_t reads) {
    step(name, 1, [this, reads](generator& random, std::uint64_t) {
      const std::uint64_t which = ranks_(random);
      random() % 100 < reads ? get(which) : put(which);
    });
  }

  template <class Body>
  void step(const std::string& name, double share, Body body) {
    const auto total = static_cast<std::uint64_t>(share * static_cast<double>(plan_.keys));
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
    rates_[name] = static_cast<double>(total) / bench::seconds_since(start);
  }

  plan plan_;
  bench::key_value_store& store_;
  zipf ranks_;
  std::string value_;
  std::vector<std::array<char, 17>> keys_;
  std::map<std::string, double> rates_;
};

using maker = std::function<std::unique_ptr<bench::key_value_store>(const std::filesystem::path&)>;

std::vector<std::pair<std::string, maker>> contestants(const plan& chosen) {
  std::vector<std::pair<std::string, maker>> all;
  all.emplace_back("logdb", [](const auto& path) {
    return std::make_unique<bench::logdb_store<logdb::kv_store>>(path / "logdb");
  });
  all.emplace_back("hash map", [chosen](const auto&) {
    return std::make_unique<bench::map_store>(3 * chosen.keys * chosen.value_bytes);
  });
#if defined(LOGDB_BENCH_SQLITE)
  all.emplace_back("SQLite", [](const auto& path) {
    return std::make_unique<bench::sqlite_store>(path / "sqlite");
  });
#endif
  return all;
}

/// Runs all contestants in turn, some rounds, and prints the medians.
std::map<std::string, double> compare(const plan& chosen, const bench::options& options) {
  std::map<std::string, std::map<std::string, std::vector<double>>> seen;
  for (int round = 0; round < options.rounds; ++round) {
    for (const auto& [name, make] : contestants(chosen)) {
      bench::work_directory place{options};
      const auto path = place.fresh();
      std::filesystem::create_directories(path);
      const auto store = make(path);
      for (const auto& [step, rate] : contest{chosen, *store}.run())
        seen[step][name].push_back(rate);
    }
  }
  std::printf("\n%llu keys, values of %zu bytes, %d thread(s); operations a second\n",
              static_cast<unsigned long long>(chosen.keys), chosen.value_bytes, chosen.threads);
  std::map<std::string, double> ours;
  for (const auto& [step, by_name] : seen) {
    std::printf("%-10s", step.c_str());
    for (const auto& [name, rates] : by_name) {
      std::printf("  %s %s", name.c_str(), bench::rate_text(bench::median(rates)).c_str());
    }
    std::printf("\n");
    ours[step] = bench::median(by_name.at("logdb"));
  }
  return ours;
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

}  // namespace

int main(int count, char** words) {
  auto options = bench::parse(count, words);
  if (options.rounds == 7) options.rounds = 3;
  const std::uint64_t keys = options.quick ? 50'000 : 1'000'000;
  const auto threads = options.threads.empty() ? std::vector<int>{1, 2} : options.threads;
  bench::targets verdicts;
  for (const int each : threads) {
    const auto rates = compare({keys, 100, each}, options);
    const bool one = each == 1;
    const std::string with = ", " + std::to_string(each) + " thread(s)";
    if (each > 2 || options.quick) continue;
    verdicts.at_least("get" + with, rates.at("read"), one ? 2.4e6 : 4.5e6, bench::as_rate);
    verdicts.at_least("put" + with, rates.at("overwrite"), one ? 2.0e6 : 2.5e6, bench::as_rate);
    verdicts.at_least("YCSB A" + with, rates.at("YCSB A"), one ? 3e6 : 4.8e6, bench::as_rate);
    verdicts.at_least("YCSB B" + with, rates.at("YCSB B"), one ? 3.5e6 : 6e6, bench::as_rate);
  }
  const auto large = compare({keys / 4, 1024, 1}, options);
  if (!options.quick) {
    verdicts.at_least("put of 1 KiB", large.at("overwrite"), 0.8e6, bench::as_rate);
    verdicts.at_least("get of 1 KiB", large.at("read"), 1.1e6, bench::as_rate);
  }
  open_many(10 * keys, options, verdicts);
  return 0;
}
