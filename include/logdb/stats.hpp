// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What a log tells about itself: its figures, its loss window, what recovery and verification
/// found.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <logdb/types.hpp>

namespace logdb {

/// Which log this is, and which record its history had come to: what a consumer keeps beside its
/// place, to notice that the log was replaced by an older copy or by another one.
struct log_identity {
  std::array<std::byte, 16> store{};  ///< drawn when the log was made; its copies have the same
  lsn at{};                           ///< the newest record there was then; 0: none
  timestamp time{};                   ///< when that record's commit group began
  std::uint32_t checksum = 0;         ///< CRC-32C of that record's bytes

  friend bool operator==(const log_identity&, const log_identity&) = default;
};

/// What a power cut now would cost at most.
struct loss_window {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;         ///< headers included
  std::chrono::nanoseconds age{};  ///< of the oldest of them
};

/// A log's figures since it was opened, and its size now.
struct log_stats {
  std::uint64_t records = 0;  ///< in the log now
  std::uint64_t records_appended = 0;
  std::uint64_t bytes_appended = 0;  ///< headers included
  std::uint64_t groups = 0;          ///< commit groups written
  std::uint64_t syncs = 0;           ///< syncs of segments
  std::uint64_t heals = 0;           ///< failed syncs that were healed into a new segment
  std::uint64_t segments = 0;        ///< live, the one made ready included
  std::uint64_t bytes_on_disk = 0;   ///< of the live segments and the control file
  /// by which the clock has leapt ahead of the newest record: what `age_max` does not believe
  std::chrono::nanoseconds clock_leapt{};
};

/// Says what kind of harm was found.
enum class damage_kind : std::uint8_t {
  torn_tail,   ///< never acknowledged: dropped
  corruption,  ///< promised, and damaged
};

/// One harmed stretch.
struct damage {
  damage_kind kind{};
  position at{};            ///< of the first byte that is not a whole frame
  std::uint64_t bytes = 0;  ///< up to the next whole frame or the end of what was written
  lsn expected{};           ///< the record that should have come there
  std::string reason{};
};

/// What opening the log found and did.
struct recovery_report {
  bool clean = true;          ///< the log had been closed, or is new
  std::uint64_t records = 0;  ///< kept
  lsn first{};                ///< of the records kept; one past `last` when there are none
  lsn last{};
  std::uint64_t drained_bytes = 0;  ///< accepted by a process that died, brought to disk now
  std::uint64_t scanned_bytes = 0;  ///< read to find the end
  std::vector<damage> damages{};
};

/// What `verify()` found.
struct verification {
  std::uint64_t records = 0;
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;
  std::vector<damage> damages{};

  [[nodiscard]] bool intact() const { return damages.empty(); }
};

}  // namespace logdb
