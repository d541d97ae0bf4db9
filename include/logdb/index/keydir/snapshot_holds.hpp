// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What open snapshots may see, so that compaction leaves it.

#include <memory>
#include <set>

#include <boost/interprocess/sync/scoped_lock.hpp>

#include <logdb/format/frame.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

/// Is the lsns that snapshots were taken at. A snapshot may outlive the log.
/// @threads  any
template <class System>
class snapshot_holds {
 public:
  /// Keeps compaction from dropping what stood at a record, while what is returned lives.
  [[nodiscard]] std::shared_ptr<const void> hold(lsn at) {
    const guard lock{held_->lock};
    const auto place = held_->at.insert(at);
    return {&*place, [held = held_, place](const void*) {
              const guard release{held->lock};
              held->at.erase(place);
            }};
  }

  /// Returns the lowest record held; one above all when none is.
  [[nodiscard]] lsn lowest() const {
    const guard lock{held_->lock};
    return held_->at.empty() ? format::lsn_max : *held_->at.begin();
  }

 private:
  using mutex = platform::basic_mutex<System>;
  using guard = boost::interprocess::scoped_lock<mutex>;

  struct held {
    mutex lock;
    std::multiset<lsn> at;  // guarded by lock
  };
  std::shared_ptr<held> held_ = std::make_shared<held>();
};

}  // namespace logdb::detail
