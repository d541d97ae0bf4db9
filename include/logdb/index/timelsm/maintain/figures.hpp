// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Gathers the figures of a time index.

#include <logdb/index/timelsm/core.hpp>
#include <logdb/platform/atomic.hpp>

namespace logdb::timelsm {

/// Counts the rows of a tree.
template <class V>
void count_tree(const tree<V>& of, timelsm_stats& all) {
  const auto see = [&all](const sorted_run<V>& run) {
    for (const auto& one : run) {
      all.rows += one.size;
      if (one.stored != nullptr) all.stored_rows += one.size, ++all.stored_blocks;
    }
  };
  see(of.l1);
  for (const auto& one : of.l0) see(one);
  all.l0_runs = of.l0.size();
  for (const auto& one : of.l0) all.l0_rows += rows_of(one);
  all.partitions = of.l1.size();
  all.l1_rows = of.l1_rows.back();
}

/// Returns the figures of an index, but for those of its writer.
template <class V, class System>
timelsm_stats figures_of(const core<V, System>& of) {
  const auto load = [](const platform::atomic<std::uint64_t>& counter) {
    return counter.load(std::memory_order_relaxed);
  };
  const view<V> now = of.snapshot();
  timelsm_stats all;
  count_tree(*now.at->sealed, all);
  all.rows_dropped = load(of.counted.dropped);
  all.tombstones = now.at->deleted->size() + now.seen.deletions;
  all.memtable_rows = now.at->active->rows() + now.seen.rows + now.seen.late;
  all.frozen = now.at->frozen.size();
  all.rows += all.memtable_rows;
  for (const auto& one : now.at->frozen) all.rows += one->rows();
  all.seals = load(of.counted.seals);
  all.compactions = load(of.counted.compactions);
  all.rows_sealed = load(of.counted.rows_sealed);
  all.rows_rewritten = load(of.counted.rows_rewritten);
  all.stalls = load(of.counted.stalls);
  all.faults = load(of.counted.faults);
  all.memory_bytes = of.memory->bytes();
  all.memory_bytes_peak = of.memory->peak_bytes();
  all.cached_bytes = of.cache->bytes();
  all.blocks_read = of.cache->reads();
  all.checkpoints = load(of.counted.checkpoints);
  all.rows_stored = load(of.counted.rows_stored);
  all.bytes_stored = load(of.counted.bytes_stored);
  all.rows_replayed = load(of.counted.rows_replayed);
  all.bytes_opened = load(of.counted.bytes_opened);
  return all;
}

}  // namespace logdb::timelsm
