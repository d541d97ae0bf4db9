// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Little-endian integers in bytes: `load`, `store`, and a bounded reader and writer of fields.

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

#include <logdb/error.hpp>
#include <logdb/types.hpp>

namespace logdb::format {

static_assert(std::endian::native == std::endian::little,
              "logdb: the format is little-endian and so far this library runs on little-endian "
              "hosts only");

/// Loads an integer that need not be aligned; the caller has checked that it is inside its span.
template <std::integral T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

/// Stores an integer; alignment does not matter.
template <std::integral T>
void store(std::byte* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

/// Returns a length or a number in the bits that it has on disk. Where the hot path casts instead,
/// a limit that was checked before says why it fits.
/// @errors  errc::record_too_large: it would be another one
template <std::unsigned_integral To>
To narrowed(std::uint64_t value) {
  if (value > std::numeric_limits<To>::max()) [[unlikely]] {
    throw error{errc::record_too_large, std::to_string(value) + " does not fit into " +
                                            std::to_string(8 * sizeof(To)) + " bits on disk"};
  }
  return static_cast<To>(value);
}

namespace detail {

/// Stores fields one after the other; the caller has made room for all of them.
class field_writer {
 public:
  explicit field_writer(std::byte* at) : at_{at} {}

  template <std::integral T>
  field_writer& put(T value) {
    store(at_, value);
    at_ += sizeof value;
    return *this;
  }

  field_writer& put(bytes_view bytes) {
    if (!bytes.empty()) std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
    return *this;
  }

  [[nodiscard]] std::byte* at() const { return at_; }

 private:
  std::byte* at_;
};

/// Loads fields one after the other, never past the end: then it gives zeros and is not `ok()`.
class field_reader {
 public:
  explicit field_reader(bytes_view bytes) : rest_{bytes} {}

  template <std::integral T>
  T take() {
    const bytes_view bytes = take(sizeof(T));
    return bytes.empty() ? T{} : load<T>(bytes.data());
  }

  bytes_view take(std::uint64_t count) {
    if (count > rest_.size()) return ok_ = false, bytes_view{};
    const bytes_view taken = rest_.first(static_cast<std::size_t>(count));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

  [[nodiscard]] std::size_t remaining() const { return rest_.size(); }
  [[nodiscard]] bool ok() const { return ok_; }
  /// Tells that every field was there and nothing is left.
  [[nodiscard]] bool done() const { return ok_ && rest_.empty(); }

 private:
  bytes_view rest_;
  bool ok_ = true;
};

}  // namespace detail
}  // namespace logdb::format
