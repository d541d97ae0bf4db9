// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What a durable time log has sealed and not stored, and who is to do something about that.

#include <algorithm>
#include <atomic>
#include <functional>
#include <utility>

#include <logdb/index/timelsm/columns/stored.hpp>
#include <logdb/index/timelsm/memory.hpp>
#include <logdb/platform/atomic.hpp>

namespace logdb::timelsm {

/// What a durable log tells its index: that sealed rows may be stored, and when.
struct storing {
  std::size_t bytes_max = 0;       // of memory; 0: nothing is ever stored
  std::function<void()> is_due{};  // is told that there is enough to be stored

  /// Returns how many bytes of rows that are not stored are enough.
  [[nodiscard]] std::size_t due_bytes() const { return bytes_max / 4; }
  /// Returns beyond how many of them writes are to wait: a quarter is for blocks that were read, a
  /// quarter for a step of maintenance, and an eighth for memtables that fill up meanwhile.
  [[nodiscard]] std::size_t full_bytes() const { return bytes_max / 8 * 3; }
  [[nodiscard]] std::size_t cache_bytes() const { return bytes_max / 4; }
};

/// The rows that are sealed and not stored: how much memory they may take, and who waits meanwhile.
///
/// @threads  any; see() by who maintains
template <class V>
class unstored_rows {
 public:
  /// @param least  so many bytes of them are not worth a checkpoint
  unstored_rows(storing told, heap_ptr memory, block_cache_ptr<V> cache, std::size_t least)
      : told_{std::move(told)},
        memory_{std::move(memory)},
        cache_{std::move(cache)},
        least_{least} {}

  /// Tells whether they are ever stored.
  [[nodiscard]] bool is_durable() const { return told_.bytes_max != 0; }
  /// Tells whether so much that is sealed is in memory that it should be stored; what a snapshot
  /// keeps does not count, since storing would not free it.
  [[nodiscard]] bool is_heavy() const { return is_above(told_.due_bytes()); }
  /// Tells whether so much is sealed and not stored that no more should come before it is.
  [[nodiscard]] bool is_laden() const { return full_.load(std::memory_order_relaxed); }
  /// Tells whether that is so, and somebody stores it: then more is to wait for that.
  [[nodiscard]] bool is_full() const {
    return full_.load(std::memory_order_relaxed) && stores_.load(std::memory_order_acquire);
  }
  /// Tells whether more is in memory than should be, of a log that is open to read.
  [[nodiscard]] bool is_overgrown() const { return held_bytes() > told_.full_bytes(); }

  /// Says whether somebody stores them. A signal of progress is to follow.
  void set_stores(bool stores) { stores_.store(stores, std::memory_order_release); }
  /// Counts them. Says so when they are much; when they are too much, who writes is to wait before
  /// the log takes it: behind that, checkpoints would wait for the writer. A signal of progress is
  /// to follow.
  void see(std::size_t bytes) {
    bytes_.store(bytes, std::memory_order_relaxed);
    full_.store(is_above(told_.full_bytes()), std::memory_order_release);
    if (is_heavy() && told_.is_due) told_.is_due();
  }

 private:
  /// Returns what is held in memory, but for blocks that can be read again.
  [[nodiscard]] std::size_t held_bytes() const {
    const std::size_t cached = cache_->bytes();
    return memory_->bytes() - std::min(memory_->bytes(), cached);
  }
  [[nodiscard]] bool is_above(std::size_t bytes) const {
    return is_durable() && bytes_.load(std::memory_order_relaxed) >= least_ && held_bytes() > bytes;
  }

  storing told_;
  heap_ptr memory_;
  block_cache_ptr<V> cache_;
  std::size_t least_;
  platform::atomic<std::size_t> bytes_ = 0;
  // Whoever took a ticket of progress before a change sees it, or does not sleep.
  platform::atomic<bool> stores_ = false;  // somebody does, so writers may wait for it
  platform::atomic<bool> full_ = false;    // they are to, as long as somebody does
};

}  // namespace logdb::timelsm
