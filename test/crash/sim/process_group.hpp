// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `process_group`: processes on one simulated machine, one of which may be killed at a step.

#include <cstdint>
#include <memory>
#include <vector>

#include "world.hpp"

namespace logdb::sim {

/// Says which process is killed, and at which of its steps.
struct kill_plan {
  std::size_t process = 0;  // from 1; 0: none
  std::uint64_t step = 0;   // of that process, from 1
};

/// Runs processes beside one that supervises them and waits until all have ended.
class process_group {
 public:
  process_group(world& machine, std::size_t processes, const kill_plan& kill)
      : machine_{machine}, kill_{kill}, taken_(processes + 1) {}

  /// Counts a step of the machine for whose it is, and kills him at his last one.
  void step() {
    const std::uint32_t process = machine_.processor.process();
    if (process < first_process) return;
    const std::size_t number = process - first_process + 1;
    if (++taken_[number] == kill_.step && number == kill_.process) machine_.kill(process);
  }

  /// Runs `live(number)`, from 0, in a process each.
  template <class Live>
  void run(Live live) {
    std::vector<std::shared_ptr<task>> running;
    for (std::size_t i = 0; i + 1 < taken_.size(); ++i) {
      const auto process = first_process + static_cast<std::uint32_t>(i);
      running.push_back(machine_.processor.spawn_in(process, [live, i] { live(i); }));
    }
    for (const auto& each : running) machine_.processor.join(*each);
  }

  /// Returns the steps that a process took, from 1.
  [[nodiscard]] std::uint64_t steps(std::size_t process) const { return taken_[process]; }

 private:
  static constexpr std::uint32_t first_process = 2;  // 1 supervises

  world& machine_;
  kill_plan kill_;
  std::vector<std::uint64_t> taken_;
};

}  // namespace logdb::sim
