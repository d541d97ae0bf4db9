// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE faults
#include <algorithm>
#include <array>
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "crash/sim/failing_new.hpp"
#include "crash/sim/fault_trial.hpp"
#include "crash/sim/shards.hpp"

namespace {

namespace sim = logdb::sim;

constexpr std::uint64_t cases_default = 22'000;
constexpr std::size_t durabilities = 3;
constexpr std::size_t storages = 2;

/// Is one case: what runs, and what of it fails.
struct fault_case {
  std::size_t kind = 0;        // of workload
  std::size_t durability = 0;  // Fsync, Async, None
  std::size_t storage = 0;     // Directory, SingleFile
  sim::fault_plan plan{};      // first 0: an allocation
  std::uint64_t allocation = 0;
  bool from_then_on = false;
};

std::uint64_t seed_of(const fault_case& one) { return one.kind * durabilities + one.durability; }

/// Runs a function with the trial of a case on a storage.
template <template <class> class Store, class Use>
void with_trial_on(const fault_case& one, const Use& use) {
  using logdb::Async;
  using logdb::Fsync;
  using logdb::None;
  const sim::workload& kind = sim::workloads[one.kind];
  const auto run = [&](auto trial) {
    trial->fail_allocation(one.allocation, one.from_then_on);
    trial->run();
    use(*trial);
  };
  const std::uint64_t seed = seed_of(one);
  using std::make_unique;
  switch (one.durability) {
    case 0:
      return run(make_unique<sim::fault_trial<sim::sim_log<Fsync, Store>>>(kind, seed, one.plan));
    case 1:
      return run(make_unique<sim::fault_trial<sim::sim_log<Async, Store>>>(kind, seed, one.plan));
    default:
      return run(make_unique<sim::fault_trial<sim::sim_log<None, Store>>>(kind, seed, one.plan));
  }
}

/// Runs a function with the trial of a case.
template <class Use>
void with_trial(const fault_case& one, const Use& use) {
  one.storage == 0 ? with_trial_on<logdb::BasicDirectory>(one, use)
                   : with_trial_on<logdb::BasicSingleFile>(one, use);
}

std::string name_of(const fault_case& one) {
  constexpr std::array<const char*, durabilities> names{"Fsync", "Async", "None"};
  const std::string where = std::string{sim::workloads[one.kind].name} + ", " +
                            names[one.durability] + (one.storage == 0 ? ", " : " on one file, ");
  if (one.allocation == 0) return where + sim::name_of(one.plan);
  return where + "allocation " + std::to_string(one.allocation) +
         (one.from_then_on ? " and from then on" : "");
}

/// Adds every way in which the calls of one kind can fail, of `count` calls.
void add_calls(std::vector<fault_case>& cases, const fault_case& where, sim::call kind,
               std::uint64_t count) {
  for (std::uint64_t first = 1; first <= count; ++first) {
    for (const int failure : sim::failures_of(kind)) {
      auto one = where;
      one.plan = {kind, first, 1, failure};
      cases.push_back(one);
      // What is interrupted for ever, or never sleeps, does not end in real life either.
      if (failure == EINTR || kind == sim::call::futex_wait) continue;
      one.plan.count = sim::for_ever;
      cases.push_back(one);
    }
  }
}

void add_allocations(std::vector<fault_case>& cases, fault_case where, std::uint64_t count) {
  for (where.allocation = 1; where.allocation <= count; ++where.allocation) {
    for (const bool from_then_on : {false, true}) {
      where.from_then_on = from_then_on;
      cases.push_back(where);
    }
  }
}

/// Returns every fault point of every workload under every durability.
std::vector<fault_case> all_cases() {
  std::vector<fault_case> cases;
  for (std::size_t i = 0; i < sim::workloads.size() * durabilities * storages; ++i) {
    const std::size_t rest = i / storages;
    const fault_case where{rest / durabilities, rest % durabilities, i % storages};
    with_trial(where, [&](const auto& without) {
      for (std::size_t kind = 0; kind < sim::call_kinds; ++kind) {
        add_calls(cases, where, static_cast<sim::call>(kind),
                  without.calls(static_cast<sim::call>(kind)));
      }
      add_allocations(cases, where, without.allocations());
    });
  }
  return cases;
}

}  // namespace

BOOST_AUTO_TEST_CASE(no_call_that_fails_loses_what_was_acknowledged) {
  const std::vector<fault_case> all = all_cases();
  const std::uint64_t wanted = sim::number_from_environment("LOGDB_CRASH_FAULTS", cases_default);
  const std::uint64_t step = std::max<std::uint64_t>(1, all.size() / wanted);
  const sim::shared_scoreboard board;
  const std::string failure =
      sim::run_sharded(*board, {.cases = all.size(), .step = step},
                       [&](std::uint64_t number, sim::scoreboard& counts) {
                         const fault_case& one = all.at(number);
                         try {
                           with_trial(one, [](const auto&) {});
                         } catch (const std::exception& thrown) {
                           throw sim::mismatch{name_of(one) + ": " + thrown.what()};
                         }
                         counts.add(one.allocation == 0 ? 1 : 2, 1);
                       });
  BOOST_TEST(failure == "");
  std::cout << "fault points: " << board->count(1) + board->count(2) << " of " << all.size()
            << ", calls " << board->count(1) << ", allocations " << board->count(2) << std::endl;
  BOOST_TEST(board->count(1) > 0u);
}
