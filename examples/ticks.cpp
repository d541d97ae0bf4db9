// SPDX-License-Identifier: BSL-1.0
// Keeps ticks of a market by time. Some arrive late, a burst is wrong and is taken out again.
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <logdb/logdb.hpp>

namespace {

struct tick {
  double price = 0;
  double size = 0;
};

using tick_log = logdb::basic_memory_timelog<tick>;

/// Sums up each stretch of time from the columns, where they lie.
void print_bars(const tick_log& ticks, std::int64_t from, std::int64_t to, std::int64_t width) {
  const auto now = ticks.snapshot();  // all bars of one moment
  for (; from < to; from += width) {
    double paid = 0;
    double sold = 0;
    for (const auto& span : now.spans(from, from + width)) {
      for (const tick& one : span.values) {
        paid += one.price * one.size;
        sold += one.size;
      }
    }
    if (sold == 0) continue;
    std::printf("%3lld s  %5.0f sold at %.2f on average\n", static_cast<long long>(from / 1000),
                sold, paid / sold);
  }
}

}  // namespace

int main() {
  tick_log::options options;
  options.index.unit = std::chrono::milliseconds{1};  // what the times below count
  tick_log ticks{"ticks", options};

  for (int i = 0; i < 3000; ++i) {
    const auto price = 100.0 + 0.01 * (i % 100);
    ticks.append(i * 10, tick{.price = price, .size = 1});
  }
  // A second exchange reports late, in batches: each is seen whole or not at all.
  std::vector<std::pair<std::int64_t, tick>> late;
  for (int i = 0; i < 500; ++i) late.emplace_back(i * 37, tick{.price = 101, .size = 2});
  ticks.append(late);
  print_bars(ticks, 0, 30'000, 10'000);

  // What it reported for these two seconds was wrong. What comes later is not touched.
  const auto before = ticks.snapshot();
  ticks.erase(4000, 6000);
  ticks.append(4500, tick{.price = 100.5, .size = 10});
  std::printf("%zu ticks of %zu are left\n", ticks.size(), before.size());
  for (auto [time, value] : ticks.range(3990, 6010)) {
    std::printf("%lld ms  %.2f\n", static_cast<long long>(time), value.price);
  }
  std::printf("the last before 4500 ms is at %lld ms\n",
              static_cast<long long>(ticks.prev_time(4500).value()));
}
