// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What the benchmarks share: options, a work directory, alternating rounds, percentiles, tables.

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <latch>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace bench {

using steady = std::chrono::steady_clock;

inline double seconds_since(steady::time_point start) {
  return std::chrono::duration<double>(steady::now() - start).count();
}

/// Ends the run when what it measures did not do its work.
inline void require(bool good, const std::string& what) {
  if (!good) throw std::runtime_error{what};
}

/// Is what the command line says.
struct options {
  bool quick = false;                 ///< a smoke run: a tenth of the work, one round
  int rounds = 7;                     ///< rounds of each contestant; medians are printed
  std::vector<int> threads{};         ///< empty: what the benchmark is made for
  std::filesystem::path directory{};  ///< empty: a fresh one below the current folder
  double gib = 0;                     ///< bench/open: size of the log; 0: 10, quick 1
  std::uint64_t events = 0;           ///< bench/events: how many; 0: 1,000,000, quick 100,000
};

namespace detail {

inline std::vector<int> parse_list(std::string_view text) {
  std::vector<int> numbers;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    numbers.push_back(std::stoi(std::string{text.substr(0, comma)}));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return numbers;
}

inline void apply(options& to, std::string_view name, const std::string& value) {
  if (name == "--rounds")
    to.rounds = std::max(1, std::stoi(value));
  else if (name == "--threads")
    to.threads = parse_list(value);
  else if (name == "--dir")
    to.directory = value;
  else if (name == "--gib")
    to.gib = std::stod(value);
  else if (name == "--events")
    to.events = std::stoull(value);
  else
    throw std::invalid_argument{"unknown option " + std::string{name}};
}

[[noreturn]] inline void usage(const char* program, const char* problem) {
  std::fprintf(stderr,
               "%s\nusage: %s [--quick] [--rounds N] [--threads N,N,…] [--dir PATH] [--gib N] "
               "[--events N]\n",
               problem, program);
  std::exit(2);
}

}  // namespace detail

/// Reads the command line; exits with 2 when it makes no sense.
inline options parse(int count, char** words) {
  options result;
  try {
    for (int i = 1; i < count; ++i) {
      if (std::string_view{words[i]} == "--quick") {
        result.quick = true;
        result.rounds = 1;
      } else if (i + 1 < count) {
        detail::apply(result, words[i], words[i + 1]);
        ++i;
      } else {
        throw std::invalid_argument{"an option is unknown or lacks its value"};
      }
    }
  } catch (const std::exception& problem) {
    detail::usage(words[0], problem.what());
  }
  return result;
}

/// Owns a fresh directory and removes it. Not in /tmp, which may be memory.
class work_directory {
 public:
  explicit work_directory(const options& from) {
    const auto root = from.directory.empty() ? std::filesystem::current_path() : from.directory;
    std::filesystem::create_directories(root);
    std::string name = (root / "bench-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error{"cannot create " + name};
    path_ = name;
  }
  work_directory(const work_directory&) = delete;
  work_directory& operator=(const work_directory&) = delete;
  ~work_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  /// Names a file that no other call has named.
  std::filesystem::path fresh() { return path_ / std::to_string(++made_); }

 private:
  std::filesystem::path path_;
  int made_ = 0;
};

/// Returns what the given share of the values lie below; `share` is 0 .. 1.
inline double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const auto last = static_cast<double>(values.size() - 1);
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(share * last + 0.5);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

inline double median(std::vector<double> values) { return quantile(std::move(values), 0.5); }

/// Counts latencies in buckets of a sixteenth of a power of two: within 6 %, exact below 32 ns.
class histogram {
 public:
  void add(std::uint64_t ns) {
    ++buckets_[bucket(ns)];
    ++count_;
    max_ = std::max(max_, ns);
  }
  void add(const histogram& other) {
    for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
  }
  [[nodiscard]] std::uint64_t max_ns() const { return max_; }

  /// Returns the upper end, in ns, of the bucket that holds the given share; `share` is 0 .. 1.
  [[nodiscard]] std::uint64_t percentile_ns(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen > wanted) return std::min(upper(i), max_);
    }
    return max_;
  }

 private:
  static constexpr std::size_t sub_bits = 4;

  static std::size_t bucket(std::uint64_t ns) {
    if (ns < 32) return static_cast<std::size_t>(ns);
    const auto shift = static_cast<std::size_t>(std::bit_width(ns)) - sub_bits - 1;
    return (shift << sub_bits) + static_cast<std::size_t>(ns >> shift);
  }
  static std::uint64_t upper(std::size_t index) {
    if (index < 32) return index;
    const std::size_t shift = (index >> sub_bits) - 1;
    const std::uint64_t mantissa = (index & 15U) + 16U;
    return ((mantissa + 1) << shift) - 1;
  }

  std::array<std::uint64_t, 1024> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

/// Prints text in columns: the first to the left, the others to the right.
class table {
 public:
  explicit table(std::vector<std::string> head) { row(std::move(head)); }
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  void print() const {
    for (const auto& cells : rows_) {
      std::string line;
      for (std::size_t i = 0; i < cells.size(); ++i) line += padded(cells[i], i);
      std::printf("%s\n", line.c_str());
    }
    std::printf("\n");
    std::fflush(stdout);
  }

 private:
  [[nodiscard]] std::string padded(const std::string& cell, std::size_t column) const {
    std::size_t width = 0;
    for (const auto& cells : rows_) {
      if (column < cells.size()) width = std::max(width, cells[column].size());
    }
    const std::string fill(width - cell.size(), ' ');
    return column == 0 ? cell + fill : "  " + fill + cell;
  }

  std::vector<std::vector<std::string>> rows_;
};

inline std::string fixed(double value, int digits) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

/// Writes a rate as people say it: 196 k, 10.2 M.
inline std::string rate_text(double a_second) {
  if (a_second >= 1e9) return fixed(a_second / 1e9, 2) + " G";
  if (a_second >= 1e6) return fixed(a_second / 1e6, 1) + " M";
  if (a_second >= 1e3) return fixed(a_second / 1e3, 1) + " k";
  return fixed(a_second, 0);
}

/// Is one that competes: a name, and a run that returns what it did a second.
struct contestant {
  std::string name;
  std::function<double()> run;
};

/// Calls `run(i)` for each of `contestants`, `rounds` times. Who begins changes, so that a change
/// of the machine's mood meets all alike.
template <class Run>
void in_turn(std::size_t contestants, int rounds, Run run) {
  for (std::size_t round = 0; round < static_cast<std::size_t>(rounds); ++round) {
    for (std::size_t i = 0; i < contestants; ++i) run((round + i) % contestants);
  }
}

/// Holds what each contestant did in each round.
class results {
 public:
  explicit results(std::size_t contestants) : seen_(contestants) {}
  void add(std::size_t contestant, double value) { seen_[contestant].push_back(value); }

  [[nodiscard]] double median_of(std::size_t one) const { return median(seen_[one]); }
  /// Returns the median of the rounds' ratios: both met the same mood of the machine.
  [[nodiscard]] double ratio(std::size_t one, std::size_t to) const {
    return median(ratios(one, to));
  }
  /// Writes the ratio with its quartiles.
  [[nodiscard]] std::string ratio_text(std::size_t one, std::size_t to) const {
    const auto all = ratios(one, to);
    std::string text = fixed(median(all), 2);
    if (all.size() < 4) return text;
    return text + " (" + fixed(quantile(all, 0.25), 2) + "-" + fixed(quantile(all, 0.75), 2) + ")";
  }

 private:
  [[nodiscard]] std::vector<double> ratios(std::size_t one, std::size_t to) const {
    std::vector<double> all;
    for (std::size_t i = 0; i < seen_[one].size(); ++i) all.push_back(seen_[one][i] / seen_[to][i]);
    return all;
  }

  std::vector<std::vector<double>> seen_;
};

/// Runs all in turn, `rounds` times, and prints the medians, with their ratios to each of the
/// first `yardsticks`.
inline results compare(const std::string& title, const std::vector<contestant>& all, int rounds,
                       std::size_t yardsticks = 1) {
  results seen{all.size()};
  in_turn(all.size(), rounds, [&](std::size_t i) { seen.add(i, all[i].run()); });
  std::vector<std::string> head{title, "a second"};
  for (std::size_t i = 0; i < yardsticks; ++i) head.push_back("/ " + all[i].name);
  table out{std::move(head)};
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::vector<std::string> cells{all[i].name, rate_text(seen.median_of(i))};
    for (std::size_t to = 0; to < yardsticks; ++to) cells.push_back(seen.ratio_text(i, to));
    out.row(std::move(cells));
  }
  out.print();
  return seen;
}

/// Runs `body(thread, stop)` on each of `threads` threads for a time; the body returns its count.
/// @return  what all did a second
template <class Body>
double for_a_while(int threads, double seconds, Body body) {
  std::latch ready{threads + 1};
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> total{0};
  std::vector<std::jthread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&, i] {
      ready.arrive_and_wait();
      total += body(i, stop);
    });
  }
  ready.arrive_and_wait();
  const auto start = steady::now();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  stop = true;
  running.clear();
  return static_cast<double>(total) / seconds_since(start);
}

/// Runs `body(thread)` once on each of `threads` threads.
/// @return  the seconds until the last was through
template <class Body>
double once_on_each(int threads, Body body) {
  std::latch ready{threads + 1};
  std::vector<std::jthread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&, i] {
      ready.arrive_and_wait();
      body(i);
    });
  }
  const auto start = steady::now();
  ready.arrive_and_wait();
  running.clear();
  return seconds_since(start);
}

/// Tells what reading the clock costs, in ns: it is in every latency that is printed.
inline double clock_cost_ns() {
  constexpr int reads = 100'000;
  const auto start = steady::now();
  for (int i = 0; i < reads; ++i) static_cast<void>(steady::now());
  return seconds_since(start) * 1e9 / reads;
}

/// Tells the smallest step between two readings of the clock, in ns.
inline std::uint64_t clock_step_ns() {
  auto least = std::chrono::nanoseconds::max();
  auto before = steady::now();
  for (int i = 0; i < 100'000; ++i) {
    const auto now = steady::now();
    if (now > before) least = std::min<std::chrono::nanoseconds>(least, now - before);
    before = now;
  }
  return static_cast<std::uint64_t>(least.count());
}

}  // namespace bench
