// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The control file: what outlives the death of the process but not of the machine. A header of one
/// page, drawn below, and the staging ring behind it.
///
/// It is a cache of this boot: written through a mapping, never synced, believed only when the boot
/// id, the store and the layout are ours, and even then a frame in it only when its checksums hold.
///
///     0     identity      magic, layout, ring_bytes, store, boot, writer's process id, state
///     64    append line   where the next frame goes; guarded by the append lock
///     128   commit line   the watermarks written and durable; guarded by the leader
///     192   extents       which segment each stretch of the ring belongs to, the last 8

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <logdb/platform/atomic.hpp>
#include <logdb/platform/posix.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

using identity = std::array<std::byte, 16>;

inline constexpr std::uint64_t control_magic = 0x4c544342'44474f4cULL;  // "LOGDBCTL"
inline constexpr std::uint32_t control_layout = 1;  // of this struct; another one is rebuilt
inline constexpr std::size_t control_header_bytes = 4096;
inline constexpr std::size_t control_extents = 8;

enum class control_state : std::uint32_t { open = 1, closed = 2 };

/// Maps a stretch of the stream to a segment: stream position = base + offset in the segment.
struct control_extent {
  std::uint64_t segment = 0;
  std::uint64_t salt = 0;
  std::uint64_t base = 0;   // may wrap around: only differences matter
  std::uint64_t begin = 0;  // stream position of the first byte of this stretch
};

/// Is the first page of the control file.
template <class System>
struct control_header {
  template <class T>
  using atomic = platform::basic_atomic<System, T>;

  std::uint64_t magic = 0;
  std::uint32_t layout = 0;
  std::uint32_t writer = 0;  // process id
  std::uint64_t ring_bytes = 0;
  identity store{};
  identity boot{};
  atomic<control_state> state{};

  // Everything below `appended` is whole in the ring. Release by the appender; acquire by the
  // committer, and by who opens after a crash.
  alignas(64) atomic<std::uint64_t> appended{};
  atomic<std::uint64_t> appended_lsn{};
  // What a frame may end at without a look at anything else; 0: always look.
  std::uint64_t limit = 0;
  std::uint64_t base = 0;  // of the active segment
  std::uint32_t seed = 0;  // of the active segment

  // Written <= appended; durable <= written. Release by the leader; acquire by whoever waits or
  // reads.
  alignas(64) atomic<std::uint64_t> written{};
  atomic<std::uint64_t> written_lsn{};
  atomic<std::uint64_t> durable{};
  atomic<std::uint64_t> durable_lsn{};

  alignas(64) std::array<control_extent, control_extents> extents{};
  // Ever begun; the last 8 are in extents[i % 8]. Release: an entry is whole before it counts.
  atomic<std::uint64_t> extent_count{};
};

using posix_control = control_header<platform::posix>;
static_assert(sizeof(posix_control) <= control_header_bytes);
static_assert(offsetof(posix_control, appended) == 64 && offsetof(posix_control, written) == 128 &&
              offsetof(posix_control, extents) == 192);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

}  // namespace logdb::detail
