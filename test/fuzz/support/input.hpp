// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `input`: takes what a fuzz target wants from the bytes it was given, from the front; behind the
/// end all is zero.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include <logdb/types.hpp>

namespace logdb::fuzz {

/// Is the rest of an input.
class input {
 public:
  input(const std::uint8_t* data, std::size_t bytes)
      : rest_{reinterpret_cast<const std::byte*>(data), bytes} {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] bytes_view rest() const { return rest_; }

  template <std::unsigned_integral T>
  T take() {
    const bytes_view bytes = take_bytes(sizeof(T));
    T value = 0;
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), bytes.size());
    return value;
  }

  /// Takes a number below `bound`, from one byte or two.
  std::uint32_t below(std::uint32_t bound) {
    const std::uint32_t value = bound <= 256 ? take<std::uint8_t>() : take<std::uint16_t>();
    return bound == 0 ? 0 : value % bound;
  }

  /// Takes as many bytes as there are, at most `count`.
  bytes_view take_bytes(std::size_t count) {
    const bytes_view taken = rest_.first(std::min(count, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

 private:
  bytes_view rest_;
};

}  // namespace logdb::fuzz
