// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What open snapshots may see, so that compaction leaves it.

#include <memory>
#include <set>

#include <boost/interprocess/sync/scoped_lock.hpp>

#include <logdb/format/frame.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

/// Is the lsns that snapshots were taken at. A snapshot may outlive the log.
/// @threads  any
template <class System>
class snapshot_holds {
 public:
  using word = platform::basic_atomic<System, std::uint64_t>;

  /// Keeps compaction from dropping what stood at a record, while what is returned lives.
  [[nodiscard]] std::shared_ptr<const void> hold(lsn at) {
    const guard lock{held_->lock};
    const auto place = held_->at.insert(at);
    held_->say();
    return {&*place, [held = held_, place](const void*) {
              if (held->is_forked()) return;  // a thread of the parent may have had the lock
              const guard release{held->lock};
              held->at.erase(place);
              held->say();
            }};
  }

  /// Has the lowest record held said to other processes as well: 1 more than it, 0 for none.
  /// @param to  null: no longer
  void tell(word* to) {
    if (held_->is_forked()) return;
    const guard lock{held_->lock};
    held_->told = to;
    held_->say();
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
    std::multiset<lsn> at;                  // guarded by lock, as the rest
    word* told = nullptr;                   // in the control file; null: nobody else asks
    std::uint32_t forks = System::forks();  // of the process whose snapshots they are

    /// A child of a fork has copies of its parent's snapshots, and says nothing of them.
    [[nodiscard]] bool is_forked() const { return forks != System::forks(); }
    void say() {
      if (told == nullptr || is_forked()) return;
      told->store(at.empty() ? 0 : at.begin()->value() + 1);
    }
  };
  std::shared_ptr<held> held_ = std::make_shared<held>();
};

}  // namespace logdb::detail
