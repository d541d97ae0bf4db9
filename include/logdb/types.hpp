// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The strong types that every layer shares: lsn, segment_number, position, timestamp, bytes_view.

#include <chrono>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>

namespace logdb {

/// The number of a record: dense, 1, 2, 3, … in append order; 0 means none.
class lsn {
 public:
  constexpr lsn() = default;
  constexpr explicit lsn(std::uint64_t value) : value_{value} {}

  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }
  [[nodiscard]] constexpr explicit operator bool() const { return value_ != 0; }

  constexpr lsn& operator++() { return ++value_, *this; }
  constexpr lsn& operator+=(std::uint64_t n) { return value_ += n, *this; }
  friend constexpr lsn operator+(lsn a, std::uint64_t n) { return lsn{a.value_ + n}; }
  friend constexpr lsn operator-(lsn a, std::uint64_t n) { return lsn{a.value_ - n}; }
  /// How many records `a` lies after `b`; requires `b <= a`.
  friend constexpr std::uint64_t operator-(lsn a, lsn b) { return a.value_ - b.value_; }
  friend constexpr auto operator<=>(lsn, lsn) = default;
  friend std::ostream& operator<<(std::ostream& out, lsn at) { return out << at.value_; }

 private:
  std::uint64_t value_ = 0;
};

/// The number of a segment: unique within a store for ever, from 1; 0 means none.
enum class segment_number : std::uint64_t {};

constexpr std::uint64_t to_integer(segment_number number) {
  return static_cast<std::uint64_t>(number);
}

/// A place in the store: a segment and the bytes from its start.
struct position {
  segment_number segment{};
  std::uint64_t offset = 0;

  friend constexpr auto operator<=>(const position&, const position&) = default;
};

/// A place in the stream of a log's frames, whatever segments they lie in: bytes, from a moment
/// before the first. A segment's start is one, too, so an offset is a difference of two.
class stream_position {
 public:
  constexpr stream_position() = default;
  constexpr explicit stream_position(std::uint64_t value) : value_{value} {}

  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }
  [[nodiscard]] constexpr explicit operator bool() const { return value_ != 0; }  // 0: none
  /// Returns the one behind all others.
  [[nodiscard]] static constexpr stream_position max() { return stream_position{UINT64_MAX}; }

  constexpr stream_position& operator+=(std::uint64_t n) { return value_ += n, *this; }
  friend constexpr stream_position operator+(stream_position a, std::uint64_t n) { return a += n; }
  friend constexpr stream_position operator-(stream_position a, std::uint64_t n) {
    return stream_position{a.value_ - n};
  }
  /// How many bytes `a` lies behind `b`; requires `b <= a`, or a segment's start that wrapped.
  friend constexpr std::uint64_t operator-(stream_position a, stream_position b) {
    return a.value_ - b.value_;
  }
  friend constexpr auto operator<=>(stream_position, stream_position) = default;

 private:
  std::uint64_t value_ = 0;
};

/// A moment of the wall clock, in nanoseconds since 1970.
using timestamp = std::chrono::sys_time<std::chrono::nanoseconds>;

/// How bytes go in and come out.
using bytes_view = std::span<const std::byte>;

/// Views text as bytes.
inline bytes_view as_bytes(std::string_view text) {
  return std::as_bytes(std::span{text.data(), text.size()});
}

/// Views bytes as text.
inline std::string_view as_text(bytes_view bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

namespace detail {

template <class T, class... Choices>
concept one_of = (std::same_as<T, Choices> || ...);

/// Satisfied by contiguous char, unsigned char, char8_t or std::byte, owned or not.
template <class R>
concept contiguous_bytes = std::ranges::contiguous_range<R> && std::ranges::sized_range<R> &&
                           one_of < std::ranges::range_value_t<R>,
char, unsigned char, char8_t, std::byte > ;

}  // namespace detail

/// Satisfied by whatever can be appended: text up to its end, or contiguous bytes of the types
/// char, unsigned char, char8_t and std::byte.
template <class T>
concept bytes_like = std::convertible_to<const T&, std::string_view> ||
    std::convertible_to<const T&, std::u8string_view> ||
    std::convertible_to<const T&, bytes_view> || detail::contiguous_bytes<const T&>;

/// Views anything `bytes_like` as bytes.
template <bytes_like T>
bytes_view to_bytes(const T& value) {
  if constexpr (std::convertible_to<const T&, std::string_view>) {
    return as_bytes(std::string_view{value});
  } else if constexpr (std::convertible_to<const T&, std::u8string_view>) {
    const std::u8string_view text{value};
    return std::as_bytes(std::span{text.data(), text.size()});
  } else if constexpr (std::convertible_to<const T&, bytes_view>) {
    return bytes_view{value};
  } else {
    return std::as_bytes(std::span{std::ranges::data(value), std::ranges::size(value)});
  }
}

}  // namespace logdb
