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
  /// @param store  null once the store has gone
  explicit store_link(std::shared_ptr<Store* const> store) : store_{std::move(store)} {}

  /// Returns the store. @errors errc::closed: it is gone, or there never was one
  [[nodiscard]] Store& operator*() const {
    if (store_ != nullptr && *store_ != nullptr) [[likely]]
      return **store_;
    throw error{errc::closed,
                "the log object is gone that keys are looked up in",
                {.remedy = "keep the log open as long as keys are read"}};
  }
  [[nodiscard]] Store* operator->() const { return &**this; }

 private:
  std::shared_ptr<Store* const> store_;
};

/// Tells the links to a store that it ends.
template <class Store>
class linked_store {
 public:
  linked_store(const linked_store&) = delete;
  linked_store& operator=(const linked_store&) = delete;
  [[nodiscard]] store_link<Store> link() const { return store_link<Store>{store_}; }

 protected:
  linked_store() : store_{std::make_shared<Store*>(static_cast<Store*>(this))} {}
  ~linked_store() { *store_ = nullptr; }

 private:
  std::shared_ptr<Store*> store_;
};

}  // namespace logdb::detail
