// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE key_faults
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "crash/sim/failing_new.hpp"
#include "crash/sim/key_trial.hpp"
#include "crash/sim/shards.hpp"

// The n-th call of each kind fails, once or from then on, and so does the n-th allocation, while a
// log of keys is written, compacted, closed and opened. Whatever was acknowledged stays.

namespace {

namespace sim = logdb::sim;

constexpr std::uint64_t cases_default = 3'000;
constexpr std::uint64_t seeds = 3;
constexpr std::size_t durabilities = 3;
constexpr std::size_t steps = 60;

/// Is one case: what runs, and what of it fails.
struct fault_case {
  std::uint64_t seed = 0;
  std::size_t durability = 0;  // Fsync, Async, None
  sim::key_fault fault{};
};

template <class Durability, class Use>
void run_with(const fault_case& one, sim::key_tally& count, const Use& use) {
  using trial = sim::key_trial<sim::sim_keys<Durability>>;
  const bool is_trial = !one.fault.is_none();
  trial subject{one.seed, count, one.fault, {steps, is_trial ? 2u : 0u, 2}};
  subject.run();
  use(subject);
}

/// Runs a case, then a function with its trial.
template <class Use>
void run(const fault_case& one, sim::key_tally& count, const Use& use) {
  if (one.durability == 0) return run_with<logdb::Fsync>(one, count, use);
  if (one.durability == 1) return run_with<logdb::Async>(one, count, use);
  run_with<logdb::None>(one, count, use);
}

std::string name_of(const fault_case& one) {
  constexpr std::array<const char*, durabilities> names{"Fsync", "Async", "None"};
  const std::string where = std::string{names[one.durability]} + ", ";
  if (one.fault.allocation == 0) return where + sim::name_of(one.fault.plan);
  return where + "allocation " + std::to_string(one.fault.allocation) +
         (one.fault.from_then_on ? " and from then on" : "");
}

/// Adds every way in which the calls of one kind can fail, of `count` calls.
void add_calls(std::vector<fault_case>& cases, fault_case one, sim::call kind,
               std::uint64_t count) {
  for (std::uint64_t first = 1; first <= count; ++first) {
    for (const int failure : sim::failures_of(kind)) {
      one.fault.plan = {kind, first, 1, failure};
      cases.push_back(one);
      // What is interrupted for ever, or never sleeps, does not end in real life either.
      if (failure == EINTR || kind == sim::call::futex_wait) continue;
      one.fault.plan.count = sim::for_ever;
      cases.push_back(one);
    }
  }
}

void add_allocations(std::vector<fault_case>& cases, fault_case one, std::uint64_t count) {
  for (std::uint64_t number = 1; number <= count; ++number) {
    for (const bool from_then_on : {false, true}) {
      one.fault = {.allocation = number, .from_then_on = from_then_on};
      cases.push_back(one);
    }
  }
}

/// Returns every fault point of some runs under every durability.
std::vector<fault_case> all_cases(sim::key_tally& count) {
  std::vector<fault_case> cases;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    for (std::size_t durability = 0; durability < durabilities; ++durability) {
      const fault_case where{seed, durability};
      run(where, count, [&](const auto& without) {
        for (std::size_t kind = 0; kind < sim::call_kinds; ++kind) {
          const auto named = static_cast<sim::call>(kind);
          add_calls(cases, where, named, without.calls(named));
        }
        add_allocations(cases, where, without.allocations());
      });
    }
  }
  return cases;
}

BOOST_AUTO_TEST_CASE(no_call_that_fails_loses_a_key_that_was_acknowledged) {
  sim::key_tally whole;
  const std::vector<fault_case> all = all_cases(whole);
  BOOST_TEST(whole.compactions > 0U);
  const std::uint64_t wanted = sim::number_from_environment("LOGDB_KEY_FAULTS", cases_default);
  const std::uint64_t step = std::max<std::uint64_t>(1, all.size() / wanted);
  const sim::shared_scoreboard board;
  const auto one_case = [&](std::uint64_t number, sim::scoreboard& counts) {
    const fault_case& one = all.at(number);
    sim::key_tally count;
    try {
      run(one, count, [](const auto&) {});
    } catch (const std::exception& thrown) {
      throw sim::mismatch{name_of(one) + ": " + thrown.what()};
    }
    counts.add(1, 1);
    counts.add(2, count.compactions);
    counts.add(3, count.images);
  };
  BOOST_TEST(sim::run_sharded(*board, {.cases = all.size(), .step = step}, one_case) == "");
  std::cout << board->count(1) << " of " << all.size() << " fault points, " << board->count(2)
            << " segments compacted, " << board->count(3) << " images" << std::endl;
  BOOST_TEST(board->count(1) > 0u);
  BOOST_TEST(board->count(2) > 0u);
}

}  // namespace
