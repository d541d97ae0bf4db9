// SPDX-License-Identifier: BSL-1.0
// A time log on the simulated disk: whenever the process or the power goes, the next open finds
// the rows as they were after some operation, and none that was promised is missing.
#define BOOST_TEST_MODULE times
#include <algorithm>
#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "crash/sim/sample.hpp"
#include "crash/sim/shards.hpp"
#include "crash/sim/time_rows.hpp"

namespace {

namespace sim = logdb::sim;
using sim::require;
using sim::rows;
using sim::rows_of;

constexpr std::uint64_t runs_default = 60;

/// Is one thing that the process does: rows, a deletion, a checkpoint or a sync.
struct operation {
  rows appended{};
  logdb::timelsm::bounds erased{1, 0};
  bool compacts = false;

  [[nodiscard]] bool is_data() const { return !appended.empty() || !erased.empty(); }
};

std::vector<operation> draw_operations(sim::random_source& random) {
  std::vector<operation> all;
  std::uint64_t value = 0;
  for (std::size_t n = 10 + random.below(20); n != 0; --n) {
    operation one;
    const auto what = random.below(12);
    if (what < 7) {
      const std::size_t count = what < 3 ? 1 : 1 + random.below(what == 6 ? 900 : 40);
      for (std::size_t i = 0; i < count; ++i) {
        one.appended.emplace_back(static_cast<std::int64_t>(random.below(1000)), value++);
      }
    } else if (what < 10) {
      const auto first = static_cast<std::int64_t>(random.below(1000));
      one.erased = {first, first + static_cast<std::int64_t>(random.below(300))};
    } else {
      one.compacts = what == 10;
    }
    all.push_back(std::move(one));
  }
  return all;
}

/// Returns the rows before the first operation that writes, and after each.
std::vector<rows> states_of(const std::vector<operation>& all) {
  std::multimap<std::int64_t, std::uint64_t> now;
  std::vector<rows> states{{}};
  for (const auto& one : all) {
    if (!one.is_data()) continue;
    now.insert(one.appended.begin(), one.appended.end());
    if (!one.erased.empty()) {
      now.erase(now.lower_bound(one.erased.first), now.upper_bound(one.erased.last));
    }
    states.emplace_back(now.begin(), now.end());
  }
  return states;
}

/// Counts operations that wrote: begun, and sure to be there after a death or a power cut.
struct promised {
  std::size_t begun = 0;
  std::size_t process = 0;
  std::size_t power = 0;
};

struct moment {
  sim::disk_state state{};
  promised said{};
};

/// Is one run of a process, and what becomes of what it left.
template <class Durability>
class trial {
 public:
  using log_type = sim::sim_times<Durability>;

  explicit trial(std::uint64_t seed) : random_{seed} {
    operations_ = draw_operations(random_);
    states_ = states_of(operations_);
  }

  /// @return  how many images were opened
  std::size_t run() {
    sim::random_switching order{random_.split()};
    sim::world machine{sim::disk_state{{{sim::disk::root, {}}}, {}}, 1, random_.split(), order};
    machine.on_step = [&] { see(machine); };
    machine.run([this] { process(); });
    see(machine);
    for (const moment& stopped : moments_.kept()) {
      reopen(stopped.state, 1, stopped.said.process, stopped.said.begun);
      for (int i = 0; i < 6; ++i) cut(stopped);
    }
    return images_;
  }

 private:
  void see(const sim::world& machine) {
    moments_.see([&] { return moment{machine.storage.freeze_state(), said_}; });
  }

  void process() {
    const auto log = sim::open_times<log_type>(4000);
    for (const auto& one : operations_) {
      if (one.is_data()) {
        write(*log, one);
      } else {
        settle(*log, one);
      }
    }
    log->close();
    said_.process = said_.power = said_.begun;
  }

  void write(log_type& log, const operation& one) {
    ++said_.begun;
    if (one.appended.size() == 1) {
      log.append(one.appended.front().first, one.appended.front().second);
    } else if (!one.appended.empty()) {
      log.append(one.appended);
    } else {
      log.erase(one.erased.first, one.erased.last + 1);
    }
    said_.process = said_.begun;
    if constexpr (std::is_same_v<Durability, logdb::Fsync>) said_.power = said_.begun;
  }

  void settle(log_type& log, const operation& one) {
    one.compacts ? log.compact() : log.sync();
    said_.power = said_.begun;
  }

  void cut(const moment& stopped) {
    reopen(sim::cut_power(stopped.state, random_), 2, stopped.said.power, stopped.said.begun);
  }

  void reopen(const sim::disk_state& image, std::uint64_t boot, std::size_t least,
              std::size_t most) {
    ++images_;
    sim::random_switching order{random_.split()};
    sim::world machine{image, boot, random_.split(), order};
    machine.run([&] {
      rows found = check(least, most);
      const auto log = sim::open_times<log_type>(4000);
      found.emplace_back(2000, 0);
      log->append(2000, 0);
      log->compact();
      require(rows_of(*log) == found, "it does not go on from what it found");
    });
  }

  /// Opens what is left; returns the rows there.
  rows check(std::size_t least, std::size_t most) {
    const auto log = sim::open_times<log_type>(4000);
    const rows found = rows_of(*log);
    const auto from = states_.begin() + static_cast<std::ptrdiff_t>(least);
    const auto to = states_.begin() + static_cast<std::ptrdiff_t>(most) + 1;
    require(std::find(from, to, found) != to, "the rows are those of no moment, or too old");
    require(log->validate().empty(), "the index is not in order");
    return found;
  }

  sim::random_source random_;
  std::vector<operation> operations_;
  std::vector<rows> states_;
  promised said_;
  sim::sample<moment> moments_{16, random_.split()};
  std::size_t images_ = 0;
};

template <class Durability>
std::size_t run_trials(std::uint64_t runs) {
  std::size_t images = 0;
  for (std::uint64_t seed = 1; seed <= runs; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      try {
        images += trial<Durability>{seed}.run();
      } catch (const std::exception& failure) {
        BOOST_ERROR(failure.what());
      }
    }
  }
  return images;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_time_log_opens_with_all_that_was_promised_whatever_a_crash_leaves) {
  const auto runs = sim::number_from_environment("LOGDB_CRASH_RUNS", runs_default);
  const std::size_t images = run_trials<logdb::Fsync>(runs) + run_trials<logdb::Async>(runs);
  std::cout << "crash images of time logs: " << images << std::endl;
  BOOST_TEST(images > runs);
}
