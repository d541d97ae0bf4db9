// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What is to happen once, whoever comes first.

#include <logdb/platform/mutex.hpp>
#include <logdb/platform/scoped_lock.hpp>

namespace logdb::detail {

/// Has something done once; whoever comes meanwhile waits until it is.
/// @threads  any
template <class System>
class done_once {
 public:
  /// Calls `act` unless a call has returned before. What it throws goes on to the caller.
  template <class Act>
  void once(Act act) {
    platform::scoped_lock lock{mutex_};
    if (done_) return;
    act();
    done_ = true;
  }

 private:
  platform::basic_mutex<System> mutex_;  // held while it is done
  bool done_ = false;                    // guarded by mutex_
};

}  // namespace logdb::detail
