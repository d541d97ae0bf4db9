// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The control file: what outlives the death of a process but not of the machine. A header, drawn
/// below, and the staging ring behind it.
///
/// It is a cache of this boot: written through a mapping, never synced, believed only when the boot
/// id and the store are ours, and even then a frame in it only when its checksums hold.
///
/// From layout 4 on the bytes 0 to 712 stand where they stand, and the ring behind
/// control_header_bytes: any version brings to the segments what a process of an older one left.
/// All processes that share a log need the same layout.
///
///     0     identity      magic, layout, ring_bytes, store, boot, writer's process id, state, and
///                         what the durability of the writers keeps and shows
///     64    append line   where the next frame goes; guarded by the append lock
///     128   commit line   the watermarks written and durable; guarded by the leader
///     192   extents       which segment each stretch of the ring belongs to, the last 8
///     704   shared line   what else writers of several processes have in common
///     896   locks         of those processes, and the event that they wait for
///     1280  file line     of a store in one file: who changes its names, and how far they are
///     1408  waiters       a word for each of those processes to sleep on, and what it keeps from
///                         compaction
///     14208 compact lock  of the process that compacts
///     14272 open line     what the first writer said when it opened the log

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <logdb/platform/atomic.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/platform/posix.hpp>
#include <logdb/storage/single_file/single_file_line.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

using identity = std::array<std::byte, 16>;

inline constexpr std::uint64_t control_magic = 0x4c544342'44474f4cULL;  // "LOGDBCTL"
inline constexpr std::uint32_t control_layout = 5;                      // of this struct
inline constexpr std::uint32_t control_layout_first = 4;  // from it on what is drained is the same
inline constexpr std::size_t control_header_bytes = 16384;
inline constexpr std::size_t control_extents = 8;
inline constexpr std::size_t control_waiters = 200;  // processes that may write one log at once

enum class control_state : std::uint32_t { open = 1, closed = 2 };

/// Maps a stretch of the stream to a segment: stream position = base + offset in the segment.
struct control_extent {
  std::uint64_t segment = 0;
  std::uint64_t salt = 0;
  std::uint64_t capacity = 0;
  std::uint64_t base = 0;   // may wrap around: only differences matter
  std::uint64_t begin = 0;  // stream position of the first byte of this stretch
  std::uint64_t first = 0;  // lsn of the segment's first record
  std::int64_t time = 0;    // of the segment's first group, ns
  std::uint64_t reserved = 0;
};

/// Where one process waits for a watermark, until it is woken.
template <class System>
struct alignas(64) control_waiter {
  // Counts the calls: the release in give() pairs with the acquire in take().
  platform::basic_atomic<System, std::uint32_t> word{};
  // Which watermark. Relaxed: told before the target, and looked at after it.
  platform::basic_atomic<System, std::uint32_t> level{};
  // 0: nobody waits here. Sequentially consistent, as both sides of the lead are: whoever gives it
  // up sees the target, or its waiter sees that the lead is free.
  platform::basic_atomic<System, std::uint64_t> target{};
  // 1 + the lowest lsn that a snapshot of the process was taken at; 0: it has none. Sequentially
  // consistent, as a snapshot and a compaction look at each other's.
  platform::basic_atomic<System, std::uint64_t> held{};
};

/// The first pages of the control file.
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
  // 1 + Durability::keeps_until and 1 + Durability::readable; 0: layout 4, which did not say
  std::uint16_t keeps = 0;
  std::uint16_t shows = 0;

  // Everything below `appended` is whole in the ring. Release by the appender; acquire by the
  // committer, and by the process that opens after a crash.
  alignas(64) atomic<std::uint64_t> appended{};
  atomic<std::uint64_t> appended_lsn{};
  // What a frame may end at without a look at anything else; 0: always look.
  std::uint64_t limit = 0;
  std::uint64_t base = 0;  // of the active segment
  std::uint32_t seed = 0;  // of the active segment
  std::uint32_t group_open = 0;
  // Where a frame was about to be put, and the lsn before it: tells what a writer that died with
  // the append lock had done.
  atomic<std::uint64_t> intent_at{};
  atomic<std::uint64_t> intent_lsn{};

  // Written <= appended; durable <= written. Release by the leader; acquire by whatever waits or
  // reads.
  alignas(64) atomic<std::uint64_t> written{};
  atomic<std::uint64_t> written_lsn{};
  atomic<std::uint64_t> durable{};
  atomic<std::uint64_t> durable_lsn{};

  alignas(64) std::array<control_extent, control_extents> extents{};

  // Ever begun; the last 8 are in extents[i % 8]. Release: an entry is whole before it counts.
  alignas(64) atomic<std::uint64_t> extent_count{};
  atomic<std::int64_t> oldest_pending{};  // uptime of the oldest group not durable, ns; 0: none
  atomic<std::int64_t> oldest_open{};     // the same of the group that still grows
  atomic<std::uint64_t> heals{};
  // Of the processes that share the log. Guarded by the append lock:
  std::uint64_t epoch = 0;    // grows with each change that another process must learn of
  std::uint64_t seal_at = 0;  // stream position of the seal of a roll that has begun; 0: none has
  std::uint64_t group_begin = 0;
  std::int64_t group_time = 0;
  control_extent ready{};  // the segment that was made ready; segment 0: none
  // By whatever needs them:
  atomic<std::uint64_t> next_segment{};  // number of the next file
  atomic<std::uint64_t> generation{};    // of the manifest
  atomic<std::int64_t> watched_until{};  // uptime until which readers want to be told at once, ns
  atomic<std::uint32_t> waiters_used{};  // only the first so many of `waiters`
  atomic<std::uint32_t> failed{};        // no process may append any more
  atomic<std::uint32_t> healing{};       // the leader is just moving what is staged
  atomic<std::uint32_t> rewrites{};      // a leader died: what it wrote is to be written again
  atomic<std::int64_t> clock_start{};    // log time when the uptime was 0, ns since 1970
  // 0: the manifest is durable; 1: it may not be, since a sync of its name failed, or whoever is at
  // it has died. Changed in the turn of publish_lock.
  atomic<std::uint32_t> in_doubt{};

  alignas(64) typename System::robust_mutex append_lock;
  alignas(64) typename System::robust_mutex lead_lock;
  alignas(64) typename System::robust_mutex provide_lock;
  alignas(64) typename System::robust_mutex chores_lock;
  alignas(64) typename System::robust_mutex publish_lock;
  alignas(64) platform::basic_event<System, true> progress;

  alignas(64) single_file_line<System> file_line;

  alignas(64) std::array<control_waiter<System>, control_waiters> waiters{};

  alignas(64) typename System::robust_mutex compact_lock;

  // Of the first writer; nobody changes it.
  alignas(64) std::uint64_t file_number = 0;  // of this file: one with another is a copy
  std::int64_t opened_at = 0;                 // uptime, ns

  /// Returns the stretch that what is appended last belongs to. One has begun.
  [[nodiscard]] const control_extent& last_extent() const {
    const std::uint64_t count = extent_count.load(std::memory_order_acquire);
    return extents[(count - 1) % control_extents];
  }
};

using posix_control = control_header<platform::posix>;
static_assert(sizeof(posix_control) <= control_header_bytes);
static_assert(offsetof(posix_control, state) == 56 && offsetof(posix_control, keeps) == 60 &&
              offsetof(posix_control, appended) == 64 && offsetof(posix_control, written) == 128 &&
              offsetof(posix_control, extents) == 192 &&
              offsetof(posix_control, extent_count) == 704 &&
              offsetof(posix_control, append_lock) == 896 &&
              offsetof(posix_control, file_line) == 1280 &&
              offsetof(posix_control, waiters) == 1408 &&
              offsetof(posix_control, compact_lock) == 14208 &&
              offsetof(posix_control, file_number) == 14272);
static_assert(platform::atomic<std::uint64_t>::is_always_lock_free);

}  // namespace logdb::detail
