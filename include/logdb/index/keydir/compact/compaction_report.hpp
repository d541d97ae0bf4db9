// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What a compaction tells.

#include <cstdint>

namespace logdb {

/// What compaction did, in one go or so far.
struct compaction_report {
  std::uint64_t segments_read = 0;
  std::uint64_t segments_written = 0;
  std::uint64_t records_read = 0;
  std::uint64_t records_kept = 0;
  std::uint64_t bytes_read = 0;     ///< of the segments that went
  std::uint64_t bytes_written = 0;  ///< of those in their place
  bool stopped = false;             ///< there was more to do when it was stopped
};

}  // namespace logdb
