// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The stretches of a log's stream that are not durable yet, and the segments that they lie in.

#include <cstdint>
#include <limits>

#include <boost/container/static_vector.hpp>

#include <logdb/journal/control/control.hpp>
#include <logdb/journal/segments/segment.hpp>
#include <logdb/policy/stored.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

/// A stretch of the stream that lies in one segment: stream position = base + offset.
template <class Policies>
struct basic_extent {
  segment_ptr<Policies> segment;
  stream_position base{};  // of the segment's start; may wrap around: only differences matter
  stream_position begin{};
  stream_position end = stream_position::max();  // max: the active one
};

template <class Policies>
using extent = basic_extent<stored_of<Policies>>;

/// Turns an offset at which an index wants an entry into a stream position; max: it wants none.
constexpr stream_position due_position(stream_position base, std::uint64_t due) {
  return due == std::numeric_limits<std::uint64_t>::max() ? stream_position::max() : base + due;
}

/// Where the stream of a log begins in memory; above any offset, so that no base wraps around.
inline constexpr stream_position stream_begin{std::uint64_t{1} << 48};

/// The extents that are not durable yet; the control file has room for no more of them.
template <class Policies>
using extent_list = boost::container::static_vector<extent<Policies>, control_extents>;

}  // namespace logdb::detail
