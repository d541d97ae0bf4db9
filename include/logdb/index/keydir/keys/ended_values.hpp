// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Keys that had several values, all of which a later record has ended at once.

#include <cstddef>
#include <new>
#include <utility>
#include <vector>

#include <logdb/format/frames/key_value.hpp>
#include <logdb/index/keydir/places/record_source.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/platform/scoped_lock.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

/// Keeps the last value of each such key until somebody follows the way to those before it, to
/// count them as dead: a writer does not wait for that.
/// @threads  any
template <class System>
class ended_values {
 public:
  /// What was noted since the last time.
  struct noted {
    std::vector<lsn> last{};
    bool has_more = false;  ///< there were too many to keep
  };

  void note(lsn last) noexcept {
    const guard lock{mutex_};
    try {
      if (noted_.last.size() < most) return noted_.last.push_back(last);
    } catch (const std::bad_alloc&) {
      // As if there were too many.
    }
    noted_.has_more = true;
  }

  [[nodiscard]] noted take() {
    const guard lock{mutex_};
    return std::exchange(noted_, {});
  }

 private:
  using mutex = platform::basic_mutex<System>;
  using guard = platform::scoped_lock<mutex>;

  static constexpr std::size_t most = std::size_t{1} << 18;

  mutex mutex_;
  noted noted_;  // guarded by mutex_
};

/// Counts as dead what a record that is not one of several values has replaced. Under the lock of
/// the key's shard.
template <class Store, class Replaced>
void end_values(Store& store, const Replaced& before) {
  before.in->add_dead(before.disk_bytes);
  if (before.verb != format::key_verb::add) [[likely]]
    return;
  typename Store::read_type last;
  const auto& source = store.source();
  // Of a damaged one nobody finds those before it.
  if (source.find(before.listed, last) != reading::whole || !source.is_placed(last)) return;
  if (last.record.head.previous != 0) store.ended().note(source.lsn_of(last));
}

}  // namespace logdb::detail
