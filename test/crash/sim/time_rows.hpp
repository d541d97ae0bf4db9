// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A time log on the simulated disk, small enough to store and merge often, and its rows.

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "power_cut.hpp"
#include "story.hpp"
#include "workload.hpp"

namespace logdb::sim {

template <class Durability>
using sim_times = basic_log<Storage<BasicDirectory<sim_system>>, logdb::Durability<Durability>,
                            Index<BasicTimeLSM<std::uint64_t>>>;

using rows = std::vector<std::pair<std::int64_t, std::uint64_t>>;

/// Opens the log, or creates it. @param behind  bytes of records before the next checkpoint
template <class Log>
std::unique_ptr<Log> open_times(std::uint64_t behind) {
  typename Log::options options;
  options.segment_bytes = 16u << 10;
  options.durability.staging_bytes = 32u << 10;
  options.index.checkpoint_bytes = behind;
  options.index.memtable_rows = options.index.partition_rows = 256;
  options.index.memory_bytes_max = 64u << 10;
  return std::make_unique<Log>(log_path, options);
}

template <class Log>
rows rows_of(const Log& log) {
  rows all;
  for (const auto& [time, value] : log.all()) all.emplace_back(time, value);
  return all;
}

/// Returns what a power cut may leave of a disk.
inline disk_state cut_power(const disk_state& before, random_source& random) {
  sampling_chooser choices{random.split(), 16};
  return power_cut{before, choices, random.split()}.run();
}

inline void require(bool holds, const char* what) {
  if (!holds) throw mismatch{what};
}

}  // namespace logdb::sim
