// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What a key-value log gives: a value, and a version of one.

#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <type_traits>
#include <utility>

#include <logdb/stored_bytes.hpp>
#include <logdb/types.hpp>

namespace logdb {

/// A value that a key has or had, with the lsn of its record.
class key_value : public stored_bytes {
 public:
  key_value() = default;
  key_value(stored_bytes bytes, logdb::lsn at, std::optional<timestamp> expires)
      : stored_bytes{std::move(bytes)}, lsn_{at}, expires_{expires} {}

  /// Returns the lsn of its record: what compare_and_put() takes.
  [[nodiscard]] logdb::lsn lsn() const { return lsn_; }
  /// Returns when it ends, in log time, if it does.
  [[nodiscard]] std::optional<timestamp> expires() const { return expires_; }

 private:
  logdb::lsn lsn_{};
  std::optional<timestamp> expires_;
};

/// One of the versions of a key: a value, or that it was erased.
struct key_version {
  logdb::lsn at{};
  timestamp time{};                  ///< when its commit group began
  std::optional<key_value> value{};  ///< nothing: the key was erased
  bool added = false;                ///< by add(): the values before it stay
};

/// A key with its value; binds to `auto [key, value]`.
struct key_entry {
  stored_bytes key{};
  key_value value{};
};

namespace detail {

/// Says why a type needs a codec of its own.
template <class T>
constexpr void require_copied_by_byte() {
  constexpr bool is_copied = std::is_trivially_copyable_v<T>;
  static_assert(is_copied, "logdb: put<T> and get<T> need a codec: specialise logdb::codec<T>");
  static_assert(!is_copied || !is_address<T>,
                "logdb: put<T> and get<T> would store an address: T is a pointer, or a range that "
                "may be a view; give what it refers to, or specialise logdb::codec<T>");
}

}  // namespace detail

/// How values of a type become bytes and come back. The default takes types that are copied
/// byte by byte, but for pointers, views and other ranges that are no array; specialise it for
/// others. What is `bytes_like` is put as it is, without a codec. A pointer that is a member of a
/// type is not noticed: such a type needs one.
template <class T>
struct codec {
  static std::array<std::byte, sizeof(T)> encode(const T& value) {
    detail::require_copied_by_byte<T>();
    std::array<std::byte, sizeof(T)> bytes;
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
  }
  /// Nothing: these bytes are no T.
  static std::optional<T> decode(bytes_view bytes) {
    detail::require_copied_by_byte<T>();
    if (bytes.size() != sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
};

}  // namespace logdb
