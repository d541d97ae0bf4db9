// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What every contestant of bench/keyvalue can do; and what bench/time_durable asks of those in
/// order.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace bench {

/// Returns where a thread copies values to.
inline std::string& value_room() {
  thread_local std::string room;
  return room;
}

/// Is a store under test.
/// @threads  any
class key_value_store {
 public:
  key_value_store() = default;
  key_value_store(const key_value_store&) = delete;
  key_value_store& operator=(const key_value_store&) = delete;
  virtual ~key_value_store() = default;

  virtual void put(std::string_view key, std::string_view value) = 0;
  /// Copies the value out, or pins it; returns its size, or 0.
  virtual std::size_t get(std::string_view key) = 0;
  virtual void erase(std::string_view key) = 0;
  /// Reads so many values from a key on, in order; returns their bytes. Only stores with an order.
  virtual std::size_t scan(std::string_view /*from*/, std::size_t /*count*/) { return 0; }
};

/// Is a key and a value, as put_all() takes them.
using key_value_pair = std::pair<std::string_view, std::string_view>;

/// Is satisfied by stores in order whose batches are transactions.
template <class Store>
concept ordered_store = requires(Store& store, std::string_view key,
                                 std::span<const key_value_pair> batch,
                                 bool (*visit)(std::string_view key, std::string_view value)) {
  store.put_all(batch);     // in one transaction
  store.visit(key, visit);  // from a key on, in order, until it returns false
};

/// Does what scan() is to do, by visit().
template <class Store>
std::size_t scan_by_visit(Store& store, std::string_view from, std::size_t count) {
  std::size_t bytes = 0;
  if (count == 0) return bytes;
  store.visit(from, [&](std::string_view, std::string_view value) {
    value_room().assign(value);
    bytes += value_room().size();
    return --count != 0;
  });
  return bytes;
}

}  // namespace bench
