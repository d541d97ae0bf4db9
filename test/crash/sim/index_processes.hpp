// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// How many processes a trial of a shared index runs, and which of them is killed.

#include <cstddef>
#include <cstdint>

#include "process_group.hpp"

namespace logdb::sim {

/// Says what runs.
struct index_processes {
  std::size_t processes = 2;
  std::size_t steps = 6;  // of each
  std::uint64_t seed = 0;
  kill_plan kill{};
};

}  // namespace logdb::sim
