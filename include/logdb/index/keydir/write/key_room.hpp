// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Room in the keydir for the keys of a batch, taken before its frame stands in the log.

#include <algorithm>
#include <cstdint>
#include <vector>

#include <logdb/index/keydir/write/batch_targets.hpp>

namespace logdb::detail {

/// Room in the table, and in the order of keys, for those that are not there: given back if
/// nothing comes of it.
template <class Policies>
class key_room {
 public:
  using store_type = key_store<Policies>;
  using target = batch_target<Policies>;

  key_room(store_type& store, const batch_targets<Policies>& targets)
      : store_{store}, targets_{targets} {
    std::vector<std::uint64_t> hashes;
    for (const target& each : targets_) {
      if (!each.known) hashes.push_back(each.hash);
    }
    std::sort(hashes.begin(), hashes.end());
    store_.table().make_room(hashes);
    if constexpr (store_type::order_type::keeps) order();
  }
  key_room(const key_room&) = delete;
  key_room& operator=(const key_room&) = delete;
  ~key_room() { give_back(taken_); }
  /// Keeps the room: the keys have come.
  void use() noexcept { taken_ = 0; }

 private:
  void order() {
    try {
      for (; taken_ < targets_.size(); ++taken_) {
        const target& each = targets_[taken_];
        if (each.is_without_value()) store_.order().insert(targets_.key_of(each));
      }
    } catch (...) {
      give_back(taken_);
      throw;
    }
  }
  void give_back(std::size_t count) noexcept {
    for (std::size_t n = 0; n < count; ++n) {
      const target& each = targets_[n];
      if (each.is_without_value()) store_.give_room_back(targets_.key_of(each));
    }
  }

  store_type& store_;
  const batch_targets<Policies>& targets_;
  std::size_t taken_ = 0;  // so many targets are in the order
};

}  // namespace logdb::detail
