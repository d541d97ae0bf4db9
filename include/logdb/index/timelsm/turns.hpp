// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Lets the records of a time log reach its index in the order of their lsns.

#include <utility>

#include <boost/interprocess/sync/scoped_lock.hpp>

#include <logdb/error.hpp>
#include <logdb/platform/mutex.hpp>

namespace logdb::timelsm {

/// Runs what belongs to an lsn when everything before it was run.
///
/// Appends overlap, and share syncs, while the log accepts them; only here they go one by one.
/// @threads  any
template <class System>
class turns {
 public:
  /// Says which lsn is the first.
  void begin(lsn first) { next_ = first; }

  /// @blocks  for those with lower lsns, which were accepted before
  /// @errors  errc::failed when one of those will never come, or failed here
  template <class Apply>
  void apply(lsn at, Apply apply) {
    guard lock{mutex_};
    wait_for(lock, at);
    try {
      apply();
    } catch (...) {
      given_up_ = true;  // the log has it and the index has not: only the next open mends that
      passed_.signal();
      throw;
    }
    ++next_;
    passed_.signal();
  }

  /// Passes over lsns [first, last], to which nothing belongs.
  void skip(lsn first, lsn last) {
    apply(first, [] {});
    if (last == first) return;
    guard lock{mutex_};
    next_ = last + 1;
    passed_.signal();
  }

  /// Runs f(the last lsn that was applied) while none is.
  template <class F>
  auto between(F f) {
    guard lock{mutex_};
    return f(next_ - 1);
  }

  /// Says that an lsn was lost: nobody behind it can go on.
  void give_up() {
    guard lock{mutex_};
    given_up_ = true;
    passed_.signal();
  }

 private:
  using mutex = platform::basic_mutex<System>;
  using guard = boost::interprocess::scoped_lock<mutex>;

  void wait_for(guard& lock, lsn at) {
    while (next_ != at || given_up_) {
      if (given_up_) {
        throw error{errc::failed, "an earlier record of the time log failed", {.at = at}};
      }
      const auto ticket = passed_.ticket();
      lock.unlock();
      passed_.wait(ticket);
      lock.lock();
    }
  }

  mutex mutex_;
  platform::basic_event<System> passed_;
  lsn next_{1};  // guarded by mutex_, as is the next one
  bool given_up_ = false;
};

}  // namespace logdb::timelsm
