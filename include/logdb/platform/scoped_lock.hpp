// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `scoped_lock`: a lock that is given back at the end of a scope, and may be given up before.

#include <mutex>

#include <logdb/platform/expects.hpp>

namespace logdb::platform {

/// Holds a mutex, as std::unique_lock does but for its checks, which an append would pay for: a
/// misuse ends a checked build.
///
/// @threads  one
template <class Mutex>
class scoped_lock {
 public:
  /// @blocks until the mutex is free
  explicit scoped_lock(Mutex& of) : mutex_{&of} {
    of.lock();
    held_ = true;
  }
  scoped_lock(Mutex& of, std::try_to_lock_t) : mutex_{&of}, held_{of.try_lock()} {}
  scoped_lock(Mutex& of, std::adopt_lock_t) noexcept : mutex_{&of}, held_{true} {}
  scoped_lock(scoped_lock&& other) noexcept : mutex_{other.mutex_}, held_{other.held_} {
    other.held_ = false;
  }
  scoped_lock(const scoped_lock&) = delete;
  scoped_lock& operator=(const scoped_lock&) = delete;
  ~scoped_lock() {
    if (held_) mutex_->unlock();
  }

  /// @blocks until the mutex is free
  void lock() {
    LOGDB_EXPECTS(!held_);
    mutex_->lock();
    held_ = true;
  }
  void unlock() {
    LOGDB_EXPECTS(held_);
    held_ = false;
    mutex_->unlock();
  }

  [[nodiscard]] bool owns_lock() const noexcept { return held_; }
  explicit operator bool() const noexcept { return held_; }
  /// Tells whether it holds this very mutex.
  [[nodiscard]] bool holds(const Mutex& of) const noexcept { return held_ && mutex_ == &of; }

 private:
  Mutex* mutex_;
  bool held_ = false;
};

}  // namespace logdb::platform
