// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What open snapshots may see, so that compaction and eviction leave it.

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <utility>

#include <logdb/format/frames/frame.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/platform/scoped_lock.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

/// The moment that a snapshot shows: all records up to one, and what had not expired at a time.
struct held_moment {
  lsn at = format::lsn_max;           // with the default nothing is held
  timestamp time = timestamp::max();  // log time

  friend auto operator<=>(const held_moment&, const held_moment&) = default;
};

/// Returns a moment that keeps what either of two does.
constexpr held_moment earlier(const held_moment& a, const held_moment& b) {
  return {std::min(a.at, b.at), std::min(a.time, b.time)};
}

/// The moments that snapshots were taken at. A snapshot may outlive the log.
/// @threads  any
template <class System>
class snapshot_holds {
 public:
  using word = platform::basic_atomic<System, std::uint64_t>;

  /// Keeps what can be seen at a moment, or was written since, while what is returned lives.
  [[nodiscard]] std::shared_ptr<const void> hold(const held_moment& moment) {
    const auto entry = held_->insert(moment);
    return {&*entry, [held = held_, entry](const void*) { held->erase(entry); }};
  }

  /// Has others told of what is held.
  /// @param to     gets 1 more than the lowest record held, 0 for none; null: no other process asks
  /// @param freed  called whenever less is held than before; must not throw
  void tell(word* to, const std::function<void()>& freed) {
    if (held_->is_forked()) return;
    const guard lock{held_->lock};
    held_->told = to;
    held_->freed = freed;
    held_->say();
  }
  /// Tells nobody any longer.
  void tell_nobody() { tell(nullptr, {}); }

  /// Returns the earliest moment held.
  [[nodiscard]] held_moment lowest() const {
    const guard lock{held_->lock};
    held_moment lowest;
    for (const held_moment& each : held_->moments) lowest = earlier(lowest, each);
    return lowest;
  }

 private:
  using mutex = platform::basic_mutex<System>;
  using guard = platform::scoped_lock<mutex>;
  using moment_set = std::multiset<held_moment>;

  struct held {
    mutex lock;
    moment_set moments{};  // guarded by lock, as the rest
    word* told = nullptr;  // in the control file; null: nobody else asks
    std::function<void()> freed{};
    std::uint32_t forks = System::forks();  // of the process whose snapshots they are

    typename moment_set::iterator insert(const held_moment& moment) {
      const guard inside{lock};
      const auto entry = moments.insert(moment);
      say();
      return entry;
    }
    void erase(typename moment_set::iterator entry) {
      if (is_forked()) return;  // a thread of the parent may have had the lock
      const guard inside{lock};
      const bool was_lowest = entry == moments.begin();
      moments.erase(entry);
      say();
      if (was_lowest && freed) freed();
    }
    /// A child of a fork has copies of its parent's snapshots, and says nothing of them.
    [[nodiscard]] bool is_forked() const { return forks != System::forks(); }
    void say() {
      if (told == nullptr || is_forked()) return;
      // Sequentially consistent: pairs with lowest_held_elsewhere().
      told->store(moments.empty() ? 0 : moments.begin()->at.value() + 1, std::memory_order_seq_cst);
    }
  };
  std::shared_ptr<held> held_ = std::make_shared<held>();
};

/// Returns the earliest moment that another process holds. It says the record alone: its time is
/// that of the segment with it, at least.
template <class Store>
[[nodiscard]] held_moment lowest_held_elsewhere(Store& store) {
  held_moment held{.at = store.view().lowest_held_elsewhere()};
  if (held.at == format::lsn_max) return held;
  held.time = timestamp::min();
  for (const auto& each : store.view().list()->log) {
    if (each->base() && each->base() <= held.at) held.time = each->time_first();
  }
  return held;
}

/// Returns the earliest moment that a snapshot of a keydir holds, in whichever process.
template <class Store>
[[nodiscard]] held_moment lowest_held(Store& store) {
  const held_moment own = store.holds().lowest();
  if constexpr (Store::is_shared) return earlier(own, lowest_held_elsewhere(store));
  return own;
}

}  // namespace logdb::detail
