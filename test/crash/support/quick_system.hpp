// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `quick_system`: the real system without the wait for the disk. The death of a process loses
/// nothing that the kernel has, so tests of that need no sync.

#include <chrono>
#include <thread>
#include <type_traits>

#include <logdb/platform/posix.hpp>

#include "support/sanitizer.hpp"

namespace logdb::test {

/// Is a robust mutex that is tried until it is had. ThreadSanitizer (LLVM 14) does not see that
/// pthread_mutex_timedlock took a lock when that says that the holder died, and then reports its
/// unlock, and races of what it guards; of pthread_mutex_trylock it does.
class tried_robust_mutex : public platform::posix_robust_mutex {
 public:
  [[nodiscard]] platform::lock_result lock_for(std::chrono::seconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    for (;;) {
      const auto result = try_lock();
      if (result != platform::lock_result::busy || std::chrono::steady_clock::now() > end) {
        return result;
      }
      std::this_thread::yield();
    }
  }
};

struct quick_system : platform::posix {
  using robust_mutex =
      std::conditional_t<under_thread_sanitizer, tried_robust_mutex, platform::posix_robust_mutex>;

  static int sync(handle) { return 0; }
  static int sync_directory(handle) { return 0; }
};

}  // namespace logdb::test
