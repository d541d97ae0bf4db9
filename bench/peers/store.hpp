// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What every contestant of bench/keyvalue can do.

#include <cstddef>
#include <string>
#include <string_view>

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

}  // namespace bench
