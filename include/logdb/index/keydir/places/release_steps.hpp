// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Bytes of a segment that compaction cannot free yet, with what they wait for.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <logdb/light.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

/// Bytes that go once something has reached certain points: in few steps, each of which stands
/// at the last of its points, so that what is said to go does.
template <class Point>
class release_steps {
 public:
  /// @cost  amortised O(log steps_max)
  void add(Point from, std::uint64_t bytes) {
    steps_.push_back({from, bytes});
    if (steps_.size() == loose_max) merge();
  }

  /// Makes few steps of what was added.
  void merge() {
    light::sort(steps_, &step::from);
    std::uint64_t all = 0;
    for (const step& each : steps_) all += each.bytes;
    std::vector<step> few;
    bool is_full = true;
    for (const step& each : steps_) {
      if (is_full) few.push_back({});
      few.back().from = each.from;
      few.back().bytes += each.bytes;
      is_full = few.back().bytes >= all / steps_max;
    }
    steps_ = std::move(few);
  }

  /// Returns how much goes once a point is reached.
  [[nodiscard]] std::uint64_t upto(Point reached) const {
    std::uint64_t bytes = 0;
    for (const step& each : steps_) bytes += each.from <= reached ? each.bytes : 0;
    return bytes;
  }

  /// Returns the next point at which something goes; nothing: there is none.
  [[nodiscard]] std::optional<Point> next(Point reached) const {
    std::optional<Point> first;
    for (const step& each : steps_) {
      if (each.from > reached) first = first ? std::min(*first, each.from) : each.from;
    }
    return first;
  }

 private:
  static constexpr std::size_t steps_max = 16;
  static constexpr std::size_t loose_max = 1024;

  struct step {
    Point from{};
    std::uint64_t bytes = 0;
  };
  std::vector<step> steps_;
};

/// What compaction will be able to free of a segment that it has judged, beyond what it could
/// then.
struct segment_account {
  release_steps<lsn> held{};          ///< once no snapshot is older than a record
  release_steps<timestamp> mortal{};  ///< once log time, and each snapshot, has reached an expiry
  std::uint64_t covering = 0;         ///< tombstones, once the segments before are others
  segment_number before{};            ///< the highest number among those then
};

}  // namespace logdb::detail
