// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// How what a key-value log has given finds the log's keys, or learns that they are gone.

#include <memory>
#include <utility>

#include <logdb/error.hpp>

namespace logdb::detail {

/// Refers to the store of a log object that may end first.
///
/// @threads  any; the log object ends beside nobody
template <class Store>
class store_link {
 public:
  store_link() = default;
  /// @param place  null once the store has gone
  explicit store_link(std::shared_ptr<Store* const> place) : place_{std::move(place)} {}

  /// Returns the store. @errors errc::closed: it is gone, or there never was one
  [[nodiscard]] Store& operator*() const {
    if (place_ != nullptr && *place_ != nullptr) [[likely]]
      return **place_;
    throw error{errc::closed,
                "the log object is gone that keys are looked up in",
                {.remedy = "keep the log open as long as keys are read"}};
  }
  [[nodiscard]] Store* operator->() const { return &**this; }

 private:
  std::shared_ptr<Store* const> place_;
};

/// Tells the links to a store that it ends.
template <class Store>
class linked_store {
 public:
  linked_store(const linked_store&) = delete;
  linked_store& operator=(const linked_store&) = delete;
  [[nodiscard]] store_link<Store> link() const { return store_link<Store>{place_}; }

 protected:
  linked_store() : place_{std::make_shared<Store*>(static_cast<Store*>(this))} {}
  ~linked_store() { *place_ = nullptr; }

 private:
  std::shared_ptr<Store*> place_;
};

}  // namespace logdb::detail
