// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What the processes that write one store in one file have in common: who may change its names
/// now, and what of them has been written and synced.

#include <chrono>
#include <cstdint>

#include <logdb/error.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/robust_mutex.hpp>

namespace logdb::detail {

/// How far the tables of a file have come. Generations only grow.
template <class System>
struct single_file_numbers {
  using number = platform::basic_atomic<System, std::uint64_t>;

  // The highest given to a table, also to one that could not be written. Relaxed: in a turn.
  number generation{};
  // Of the table that rules. Released behind the table, acquired by whatever looks for a newer one.
  number newest{};
  // How many syncs had failed when that was written.
  number newest_at{};
  // The newest known to be on stable storage; 0: none. Released behind the sync, acquired by those
  // that then need none.
  number durable{};
  // Syncs of the file that failed. Sequentially consistent, as what compares itself with them,
  // newest_at and single_file_region::unsynced: what was written before a failure must not be
  // found clean by one that has seen it.
  number failures{};

  /// Takes the numbers over while nobody else has these.
  void start_as(const single_file_numbers& other) {
    generation.store(other.generation.load(std::memory_order_relaxed), std::memory_order_relaxed);
    newest.store(other.newest.load(std::memory_order_acquire), std::memory_order_release);
    newest_at.store(other.newest_at.load(std::memory_order_seq_cst), std::memory_order_seq_cst);
    durable.store(other.durable.load(std::memory_order_acquire), std::memory_order_release);
    failures.store(other.failures.load(std::memory_order_seq_cst), std::memory_order_seq_cst);
  }
};

/// Lies in the control file, where processes share a log.
template <class System>
struct single_file_line {
  static constexpr std::uint64_t sound = 0x454e494c454c4946ULL;  // "FILELINE"

  typename System::robust_mutex lock;  // of who changes the names or takes room; after init()
  std::uint64_t magic = 0;
  alignas(64) single_file_numbers<System> numbers;
};

/// Holds its lock for a lifetime.
///
/// @blocks  while the holder lives, also if it is stopped: no lock is taken by a timeout
/// @errors  errc::corrupt when it was overwritten
template <class System>
class single_file_turn {
 public:
  using line_type = single_file_line<System>;

  /// @param line  null: there is nobody else
  explicit single_file_turn(line_type* line) : line_{line} {
    if (line_ != nullptr) inherited_ = wait();
  }
  single_file_turn(const single_file_turn&) = delete;
  single_file_turn& operator=(const single_file_turn&) = delete;
  ~single_file_turn() {
    if (line_ != nullptr) line_->lock.unlock();
  }

  /// Tells whether the last holder died with it.
  [[nodiscard]] bool is_inherited() const { return inherited_; }

 private:
  bool wait() {
    for (;;) {
      const auto result = line_->lock.lock_for(std::chrono::seconds{1});
      if (result != platform::lock_result::busy) {
        return result == platform::lock_result::inherited;
      }
      if (line_->magic == line_type::sound) continue;
      throw error{errc::corrupt,
                  "the control file was overwritten while the log was open",
                  {.remedy = reopen_remedy}};
    }
  }

  line_type* line_;
  bool inherited_ = false;
};

}  // namespace logdb::detail
