// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The options and the figures of a time index.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory_resource>
#include <string>
#include <string_view>

namespace logdb {

/// Says what keeps a time index in order.
enum class maintenance_mode : std::uint8_t {
  background,  ///< a thread of the index (default)
  by_hand,     ///< whoever calls maintain(), a step a call; a writer helps where it must not go on
  none,        ///< nobody, until flush() or compact(), or a write that must not go on
};

/// Says what a write does when maintenance lags behind so far that it must not go on.
enum class pressure_mode : std::uint8_t {
  wait,    ///< waits, or helps (default)
  report,  ///< throws errc::busy; nothing was written
};

/// The run-time options of a time index.
template <class V>
struct timelsm_options {
  /// what a timestamp counts: `append(value)` takes the wall clock in it
  std::chrono::nanoseconds unit{1};
  maintenance_mode maintenance = maintenance_mode::background;
  pressure_mode pressure = pressure_mode::wait;
  /// rows of a memtable before it is frozen, 256 .. 2^30; the first are smaller
  std::size_t memtable_rows = std::size_t{1} << 18;
  /// memtables that may wait to be sealed, 1 .. 64; exceeded only by writes that wait while
  /// maintenance fails
  std::size_t frozen_max = 4;
  std::size_t l0_runs_max = 8;  ///< runs of L0, 2 .. 64; never exceeded
  /// rows of a partition of L1 at most, 256 .. 2^30
  std::size_t partition_rows = std::size_t{1} << 18;
  /// fragments of deleted time beyond which what they hide is removed
  std::size_t tombstones_max = std::size_t{1} << 16;
  /// a durable log writes a checkpoint when the records behind the last one take so many bytes, or
  /// memory asks for it; 0, or without maintenance in the background: compact() does
  std::uint64_t checkpoint_bytes = 64u << 20;
  /// bytes of rows that a durable log holds in memory, 64 KiB at least: those not stored yet, and a
  /// quarter of it for blocks that were read. Memtables and partitions are made small enough, of
  /// 16 KiB or a batch at least; what readers hold comes on top
  std::size_t memory_bytes_max = std::size_t{1} << 30;
  /// where columns come from; null: huge pages of the index's own; must outlive every snapshot
  std::pmr::memory_resource* memory = nullptr;
  /// told of each row that was physically removed, once; snapshots from before may still show it.
  /// Called by maintenance, one call at a time; must not write to the log, flush or compact it, nor
  /// read what other processes write: that applies their rows first, and may wait for maintenance.
  /// What it throws is counted as a fault and told to `log`; the next row follows
  std::function<void(std::int64_t, const V&)> on_drop{};
  /// told in words what went wrong in maintenance; by any thread, several at a time. What it throws
  /// is passed over
  std::function<void(std::string_view)> log{};

  /// Many rows without end: the defaults.
  [[nodiscard]] static timelsm_options streaming() { return {}; }
  /// A known amount, once: larger memtables and partitions.
  [[nodiscard]] static timelsm_options bulk_load() {
    timelsm_options chosen;
    chosen.memtable_rows = chosen.partition_rows = std::size_t{1} << 20;
    return chosen;
  }
  /// Short steps: smaller memtables and partitions.
  [[nodiscard]] static timelsm_options low_latency() {
    timelsm_options chosen;
    chosen.memtable_rows = chosen.partition_rows = std::size_t{1} << 16;
    return chosen;
  }

  /// Returns what is out of its range; null: nothing.
  [[nodiscard]] const char* fault() const {
    constexpr std::size_t rows_max = std::size_t{1} << 30;
    const auto within = [](std::size_t value, std::size_t least, std::size_t most) {
      return least <= value && value <= most;
    };
    if (unit.count() < 1) return "index.unit must be at least a nanosecond";
    if (!within(memtable_rows, 256, rows_max)) return "index.memtable_rows must be 256 .. 2^30";
    if (!within(partition_rows, 256, rows_max)) return "index.partition_rows must be 256 .. 2^30";
    if (!within(frozen_max, 1, 64)) return "index.frozen_max must be 1 .. 64";
    if (!within(l0_runs_max, 2, 64)) return "index.l0_runs_max must be 2 .. 64";
    if (memory_bytes_max < (std::size_t{1} << 16)) {
      return "index.memory_bytes_max must be 64 KiB at least";
    }
    return nullptr;
  }
};

/// The figures of a time index.
struct timelsm_stats {
  std::uint64_t rows_appended = 0;
  std::uint64_t rows_dropped = 0;  ///< physically removed
  std::uint64_t deletions = 0;
  std::size_t rows = 0;        ///< held now, hidden ones included
  std::size_t tombstones = 0;  ///< fragments of deleted time that still hide something
  std::size_t memtable_rows = 0;
  std::size_t frozen = 0;  ///< memtables that wait to be sealed
  std::size_t l0_runs = 0;
  std::size_t l0_rows = 0;
  std::size_t partitions = 0;
  std::size_t l1_rows = 0;
  std::uint64_t seals = 0;           ///< memtables that were sealed
  std::uint64_t compactions = 0;     ///< steps that merged or purged
  std::uint64_t rows_sealed = 0;     ///< taken from memtables
  std::uint64_t rows_rewritten = 0;  ///< copied when sealed, merged or purged
  std::uint64_t stalls = 0;          ///< writes that maintenance made wait
  std::uint64_t faults = 0;          ///< steps that failed, to be tried again, or on_drop in them
  std::size_t memory_bytes = 0;      ///< of columns
  std::size_t memory_bytes_peak = 0;

  // of a durable log
  std::size_t stored_rows = 0;  ///< held in blocks in the log
  std::size_t stored_blocks = 0;
  std::size_t cached_bytes = 0;     ///< of columns that were read from blocks
  std::uint64_t blocks_read = 0;    ///< from the log
  std::uint64_t checkpoints = 0;    ///< written
  std::uint64_t rows_stored = 0;    ///< written into blocks, those that were moved included
  std::uint64_t bytes_stored = 0;   ///< the same in bytes
  std::uint64_t rows_replayed = 0;  ///< by the open, and by who reads beside a writer
  std::uint64_t bytes_opened = 0;   ///< of records that it read: the directory and those replayed

  /// Returns how often a row was copied after it had been appended.
  [[nodiscard]] double write_amplification() const {
    return rows_sealed == 0
               ? 0
               : static_cast<double>(rows_rewritten) / static_cast<double>(rows_sealed);
  }
};

}  // namespace logdb
