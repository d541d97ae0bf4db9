// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What those who write to a time index and those who maintain it tell each other.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <logdb/platform/atomic.hpp>
#include <logdb/platform/mutex.hpp>

namespace logdb::timelsm {

/// The signals between the writing and the maintaining half.
///
/// @threads  any
template <class System>
struct work_signals {
  static constexpr std::size_t unmarked = std::numeric_limits<std::size_t>::max();

  platform::basic_event<System> work{};         // there is something to maintain
  platform::basic_event<System> progress{};     // maintenance has got on
  platform::atomic<std::uint32_t> awaited = 0;  // how many maintain and wait for the append lock
  // Sequentially consistent: maintenance that ends it sees what there is to do, or is woken again.
  platform::atomic<bool> roused = false;
  // The last step of maintenance failed, so nobody waits for more. Followed by a signal of
  // progress: whoever took its ticket before sees it, or does not sleep.
  platform::atomic<bool> fails = false;
  // Memtables to be sealed before a checkpoint begins; no others are until then. Changed under the
  // append lock; relaxed, since a version that is newer was installed under it, too.
  platform::atomic<std::size_t> to_mark = unmarked;

  /// Wakes maintenance, unless it was woken and has not begun yet.
  void rouse() {
    if (!roused.exchange(true, std::memory_order_seq_cst)) work.signal();
  }
  /// Lets maintenance have the append lock first. To be called without it.
  void give_way() const {
    while (awaited.load(std::memory_order_relaxed) != 0) System::yield();
  }
};

}  // namespace logdb::timelsm
