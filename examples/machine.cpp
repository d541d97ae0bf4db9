// SPDX-License-Identifier: BSL-1.0
// Watches this machine: keeps a figure of /proc by time, over runs, and plots the last day.
//
//   machine DIRECTORY [SAMPLES [MILLISECONDS [FILE.svg]]]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <logdb/logdb.hpp>

namespace {

using load_log = logdb::basic_timelog<double>;
using bucket = logdb::time_bucket<double>;

constexpr std::int64_t day_ms = 24LL * 60 * 60 * 1000;

/// Reads how many processes run or wait to: the first figure of /proc/loadavg.
double read_load() {
  std::ifstream file{"/proc/loadavg"};
  double load = 0;
  if (!(file >> load)) throw std::runtime_error{"cannot read /proc/loadavg"};
  return load;
}

/// Prints a line a stretch: its mean as a bar, its least and most.
void plot_text(const std::vector<bucket>& buckets) {
  double most = 0.01;
  for (const auto& one : buckets) most = std::max(most, one.max);
  for (const auto& one : buckets) {
    const auto width = static_cast<std::size_t>(one.mean() / most * 50);
    std::printf("%9lld s  %-50s  %.2f (%.2f-%.2f), %zu samples\n",
                static_cast<long long>(one.begin / 1000 % 86'400), std::string(width, '#').c_str(),
                one.mean(), one.min, one.max, one.count);
  }
}

/// Writes a line through the means, 1000 by 300.
void plot_svg(const std::vector<bucket>& buckets, std::int64_t from, std::int64_t width,
              const std::string& name) {
  double most = 0.01;
  for (const auto& one : buckets) most = std::max(most, one.max);
  std::ofstream file{name};
  file << "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 1000 300'>\n"
       << "<polyline fill='none' stroke='black' points='";
  for (const auto& one : buckets) {
    const auto x = static_cast<double>(one.begin - from) / static_cast<double>(width) * 1000;
    file << x << ',' << 300 - one.mean() / most * 290 << ' ';
  }
  file << "'/>\n<text x='5' y='15'>load, up to " << most << "</text>\n</svg>\n";
}

void watch(load_log& load, int samples, std::chrono::milliseconds pause) {
  for (int i = 0; i < samples; ++i) {
    load.append(read_load());  // of now
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace

int main(int count, char** words) try {
  const std::string directory = count > 1 ? words[1] : "machine.tl";
  const int samples = count > 2 ? std::atoi(words[2]) : 50;
  const std::chrono::milliseconds pause{count > 3 ? std::atoi(words[3]) : 100};

  load_log::options options;
  options.index.unit = std::chrono::milliseconds{1};
  load_log load{directory, options};
  std::printf("%zu samples from before\n", load.size());
  watch(load, samples, pause);

  const std::int64_t to = load.max_time().value_or(0) + 1;
  load.erase_before(to - 7 * day_ms);  // a week is kept,
  load.compact();                      // on disk, too
  const std::int64_t from = std::max(to - day_ms, load.min_time().value_or(0));
  const std::int64_t width = std::max<std::int64_t>((to - from) / 24, 1);
  plot_text(load.aggregate(from, to, width));
  if (count > 4)
    plot_svg(load.aggregate(from, to, std::max<std::int64_t>(width / 20, 1)), from, to - from,
             words[4]);
  load.close();  // throws what a destructor cannot
} catch (const std::exception& failure) {
  std::fprintf(stderr, "%s\n", failure.what());
  return 1;
}
