// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `lethal_system`: the real system, where a signal comes at the n-th lock that is shared.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <signal.h>

#include <logdb/platform/robust_mutex.hpp>

#include "crash/support/quick_system.hpp"

namespace logdb::test {

struct lethal_system : quick_system {
  /// Sends this process a signal at the n-th moment from now: just after a lock was taken, or just
  /// before it is given back. 0: never.
  static void arm(std::uint64_t moment, int signal) {
    wanted = signal;
    left = moment;
  }

  class robust_mutex : public quick_system::robust_mutex {
   public:
    [[nodiscard]] platform::lock_result try_lock() {
      return strike(quick_system::robust_mutex::try_lock());
    }
    [[nodiscard]] platform::lock_result lock_for(std::chrono::seconds time) {
      return strike(quick_system::robust_mutex::lock_for(time));
    }
    void unlock() {
      strike(platform::lock_result::taken);
      quick_system::robust_mutex::unlock();
    }

   private:
    static platform::lock_result strike(platform::lock_result result) {
      if (result == platform::lock_result::busy || left.load() == 0) return result;
      if (left.fetch_sub(1) == 1) ::kill(::getpid(), wanted);
      return result;
    }
  };

 private:
  inline static std::atomic<std::uint64_t> left{0};
  inline static int wanted = 0;
};

}  // namespace logdb::test
