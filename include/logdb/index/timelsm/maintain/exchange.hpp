// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Says which slices of a tree stand in the log by now.

#include <unordered_map>
#include <utility>

#include <logdb/index/timelsm/version.hpp>

namespace logdb::timelsm {

/// Maps slices to the stored slices that hold the same rows. Keeps the slices alive, so that no
/// other one takes the place of one.
template <class V>
class slice_exchange {
 public:
  void add(const slice<V>& old, sorted_run<V> stored) {
    known_.emplace(key_of(old), entry{old, std::move(stored)});
  }
  [[nodiscard]] bool empty() const { return known_.empty(); }

  /// Exchanges what is known; the rest stays. What was carried out in a slice meanwhile holds.
  void apply(sorted_run<V>& run) const {
    sorted_run<V> made;
    made.reserve(run.size());
    for (auto& one : run) {
      const auto found = known_.find(key_of(one));
      if (found == known_.end() || found->second.old.size != one.size) {
        made.push_back(std::move(one));
        continue;
      }
      for (slice<V> part : found->second.stored) {
        part.applied = one.applied;
        made.push_back(std::move(part));
      }
    }
    run = std::move(made);
  }

 private:
  struct entry {
    slice<V> old;
    sorted_run<V> stored;
  };

  static const void* key_of(const slice<V>& one) {
    return one.stored != nullptr ? static_cast<const void*>(one.stored) : one.times;
  }

  std::unordered_map<const void*, entry> known_;
};

}  // namespace logdb::timelsm
