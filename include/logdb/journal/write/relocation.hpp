// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Where frames went that a failed sync left in doubt, for an index that has their positions.

#include <cstdint>
#include <iterator>
#include <memory>
#include <vector>

#include <logdb/journal/inspect/image.hpp>
#include <logdb/light.hpp>

namespace logdb::detail {

/// Says where the frames of one segment went. What an index was told of them is no longer there.
struct relocation {
  struct move {
    std::uint64_t from = 0;  // offset
    std::uint64_t to = 0;
    std::uint64_t bytes = 0;
  };
  std::shared_ptr<any_segment> to{};
  std::vector<move> moves{};  // ascending

  /// Returns where something is that was at an offset; 0: still there.
  [[nodiscard]] std::uint64_t find(std::uint64_t offset) const {
    const auto past = light::upper_bound(moves, offset, &move::from);
    if (past == moves.begin()) return 0;
    const move& near = *std::prev(past);
    return offset < near.from + near.bytes ? near.to + (offset - near.from) : 0;
  }
};

}  // namespace logdb::detail
