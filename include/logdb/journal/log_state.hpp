// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Whether a log takes appends, what it counts, and how old what it has not synced is.

#include <chrono>
#include <cstdint>
#include <optional>

#include <logdb/platform/atomic.hpp>

namespace logdb::detail {

/// What may still be done: `closed` takes no appends, and what it has accepted is brought to disk;
/// `ended` has given the right to write back.
enum class log_state : std::uint32_t { open, failed, closed, ended };

/// Is counted by whoever does it, read by stats().
template <class System>
struct log_counters {
  platform::basic_atomic<System, std::uint64_t> groups = 0;
  platform::basic_atomic<System, std::uint64_t> syncs = 0;
  platform::basic_atomic<System, std::uint64_t> attached_bytes = 0;
};

/// Returns how old the oldest group is that is not durable; none: there is none.
///
/// It is told by the clock of who opened it. One from the future was told by another clock, of a
/// time namespace, and may be of any age.
template <class Control>
std::optional<std::chrono::nanoseconds> age_of_oldest_in(const Control& shared,
                                                         std::chrono::nanoseconds now) {
  // What a reader had written is still pending, and older than the group that is open now.
  std::int64_t oldest = shared.oldest_pending.load();
  if (oldest == 0) oldest = shared.oldest_open.load();
  if (oldest == 0) return std::nullopt;
  const auto age = now - std::chrono::nanoseconds{oldest};
  return age.count() < 0 ? std::chrono::nanoseconds::max() : age;
}

}  // namespace logdb::detail
