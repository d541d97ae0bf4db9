// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `stored_bytes`: bytes that were read from a log and outlive the read. Which types are addresses,
/// and so not to be stored.

#include <array>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <ranges>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <logdb/types.hpp>

namespace logdb {

/// Bytes of a log, a key or a value, which stay readable as long as this or a copy of it.
///
/// Few bytes are copied into it; of more, what they lie in is kept.
/// @threads  as any value
class stored_bytes {
 public:
  static constexpr std::size_t inline_bytes = 128;

  stored_bytes() = default;
  /// Copies, if there is room for them here.
  explicit stored_bytes(bytes_view small) : size_{small.size()} {
    if (!small.empty()) std::memcpy(small_.data(), small.data(), small.size());
  }
  /// Views bytes that something keeps.
  stored_bytes(std::shared_ptr<const void> pin, bytes_view large)
      : pin_{std::move(pin)}, large_{large.data()}, size_{large.size()} {}
  /// Copies as many bytes as there are.
  [[nodiscard]] static stored_bytes copy_of(bytes_view bytes) {
    if (bytes.size() <= inline_bytes) return stored_bytes{bytes};
    const auto own = std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
    return {own, *own};
  }
  stored_bytes(const stored_bytes& other)
      : pin_{other.pin_}, large_{other.large_}, size_{other.size_} {
    take_small(other);
  }
  stored_bytes(stored_bytes&& other) noexcept
      : pin_{std::move(other.pin_)}, large_{other.large_}, size_{other.size_} {
    take_small(other);
  }
  stored_bytes& operator=(const stored_bytes& other) {
    if (this != &other) *this = stored_bytes{other};
    return *this;
  }
  stored_bytes& operator=(stored_bytes&& other) noexcept {
    pin_ = std::move(other.pin_);
    large_ = other.large_;
    size_ = other.size_;
    take_small(other);
    return *this;
  }
  ~stored_bytes() = default;

  [[nodiscard]] bytes_view bytes() const {
    return {large_ != nullptr ? large_ : small_.data(), size_};
  }
  [[nodiscard]] std::string_view text() const { return as_text(bytes()); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

 private:
  void take_small(const stored_bytes& other) {
    if (other.large_ == nullptr) std::memcpy(small_.data(), other.small_.data(), other.size_);
  }

  std::shared_ptr<const void> pin_;
  const std::byte* large_ = nullptr;  // null: they are in small_
  std::size_t size_ = 0;
  std::array<std::byte, inline_bytes> small_;  // the first size_ of them, if large_ is null
};

namespace detail {

template <class T>
inline constexpr bool is_reference_wrapper = false;
template <class T>
inline constexpr bool is_reference_wrapper<std::reference_wrapper<T>> = true;

/// Tells whether a type says by itself that it is an address, or a range that may borrow what it
/// shows. Of ranges only arrays are known to own it.
template <class T>
inline constexpr bool is_address =
    std::is_pointer_v<T> || std::is_member_pointer_v<T> || std::is_null_pointer_v<T> ||
    is_reference_wrapper<T> || std::ranges::range<T>;
template <class T>
inline constexpr bool is_address<const T> = is_address<T>;
template <class T, std::size_t Size>
inline constexpr bool is_address<T[Size]> = is_address<T>;
template <class T, std::size_t Size>
inline constexpr bool is_address<std::array<T, Size>> = is_address<T>;

}  // namespace detail

}  // namespace logdb
