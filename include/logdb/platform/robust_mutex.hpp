// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `posix_robust_mutex`: a mutex that processes share and that outlives its holder.

#include <cerrno>
#include <chrono>
#include <pthread.h>
#include <sched.h>
#include <time.h>

// GCC says so by a macro, Clang by a feature.
#if defined(__SANITIZE_THREAD__)
#define LOGDB_UNDER_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LOGDB_UNDER_THREAD_SANITIZER
#endif
#endif

namespace logdb::platform {

/// Says what became of an attempt to lock.
enum class lock_result {
  busy,       ///< somebody else holds it
  taken,      ///< free before
  inherited,  ///< taken from a holder that died: look what it left half done
};

/// Lies in memory that processes share. That its holder died is proved by the kernel, never guessed
/// from how long it takes.
///
/// Boost.Interprocess has none: interprocess_mutex is not robust, so a killed holder would stop the
/// others for ever.
///
/// @threads  any, of any process; not recursive
/// @source   POSIX.1-2008, PTHREAD_MUTEX_ROBUST
class posix_robust_mutex {
 public:
  /// Makes it usable; once, before anybody else sees it.
  void init() {
    ::pthread_mutexattr_t attributes;
    ::pthread_mutexattr_init(&attributes);
    ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    ::pthread_mutex_init(&mutex_, &attributes);
    ::pthread_mutexattr_destroy(&attributes);
  }

  [[nodiscard]] lock_result try_lock() { return taken(::pthread_mutex_trylock(&mutex_)); }

  /// Waits for it for so long; busy says that it is time to look whether the memory is still what
  /// it was, and to wait again.
  [[nodiscard]] lock_result lock_for(std::chrono::seconds time) {
    const auto first = try_lock();
    if (first != lock_result::busy) return first;
#if defined(LOGDB_UNDER_THREAD_SANITIZER)
    return try_for(time);
#else
    ::timespec until{};
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 30)
    ::clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += time.count();
    return taken(::pthread_mutex_clocklock(&mutex_, CLOCK_MONOTONIC, &until));
#else  // a clock that is set back lengthens the wait for the look, not for the lock
    ::clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += time.count();
    return taken(::pthread_mutex_timedlock(&mutex_, &until));
#endif
#endif
  }

  void unlock() { ::pthread_mutex_unlock(&mutex_); }

 private:
  lock_result taken(int result) {
    if (result == 0) return lock_result::taken;
    if (result != EOWNERDEAD) return lock_result::busy;
    ::pthread_mutex_consistent(&mutex_);
    return lock_result::inherited;
  }

#if defined(LOGDB_UNDER_THREAD_SANITIZER)
  // It sees neither pthread_mutex_clocklock (LLVM 14) nor, when the holder died, that
  // pthread_mutex_timedlock took the lock, and then reports races of what it guards.
  lock_result try_for(std::chrono::seconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    auto result = lock_result::busy;
    while (result == lock_result::busy && std::chrono::steady_clock::now() < end) {
      ::sched_yield();
      result = try_lock();
    }
    return result;
  }
#endif

  ::pthread_mutex_t mutex_;
};

}  // namespace logdb::platform

#undef LOGDB_UNDER_THREAD_SANITIZER
