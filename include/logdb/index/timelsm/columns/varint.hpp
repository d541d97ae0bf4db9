// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Numbers in few bytes: differences, in zigzag, in LEB128. Do not change: on disk.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <logdb/types.hpp>

namespace logdb::timelsm {

inline constexpr std::size_t varint_bytes_max = 10;

constexpr std::uint64_t zigzag(std::uint64_t difference) {
  return difference << 1 ^ (std::uint64_t{0} - (difference >> 63));
}
constexpr std::uint64_t unzigzag(std::uint64_t coded) {
  return coded >> 1 ^ (std::uint64_t{0} - (coded & 1));
}

/// Returns how many bytes put_varint() takes.
constexpr std::size_t varint_bytes(std::uint64_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

inline std::byte* put_varint(std::byte* out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) *out++ = static_cast<std::byte>(value | 0x80);
  *out++ = static_cast<std::byte>(value);
  return out;
}

/// Walks numbers as their differences, first or second ones.
class difference_coder {
 public:
  explicit difference_coder(bool second) : second_{second} {}

  [[nodiscard]] std::uint64_t code(std::uint64_t number) {
    const std::uint64_t difference = number - last_;
    const std::uint64_t coded = zigzag(difference - (second_ ? step_ : 0));
    last_ = number;
    step_ = difference;
    return coded;
  }
  [[nodiscard]] std::uint64_t decode(std::uint64_t coded) {
    const std::uint64_t difference = unzigzag(coded) + (second_ ? step_ : 0);
    last_ += difference;
    step_ = difference;
    return last_;
  }

 private:
  bool second_;
  std::uint64_t last_ = 0;
  std::uint64_t step_ = 0;
};

/// Reads numbers one behind the other; a number that is not whole makes it fail for good.
class varint_reader {
 public:
  explicit varint_reader(bytes_view from) : at_{from.data()}, end_{from.data() + from.size()} {}

  [[nodiscard]] bool failed() const { return failed_; }
  /// Returns what was not read yet.
  [[nodiscard]] bytes_view rest() const { return {at_, static_cast<std::size_t>(end_ - at_)}; }

  /// Returns the next number; 0 when there is none.
  [[nodiscard]] std::uint64_t take() {
    if (end_ - at_ >= 8) [[likely]] {
      std::uint64_t word = 0;
      std::memcpy(&word, at_, sizeof word);
      const std::uint64_t ends = ~word & 0x8080808080808080;
      if (ends != 0) [[likely]]
        return take_short(word, ends);
    }
    return take_slowly();
  }

 private:
  /// Takes up to eight bytes without a branch: how many there are, a branch would have to guess.
  std::uint64_t take_short(std::uint64_t word, std::uint64_t ends) {
    at_ += std::countr_zero(ends) / 8 + 1;
    word &= ends ^ (ends - 1);  // up to the first byte that ends a number
    word = (word & 0x007f007f007f007f) | (word & 0x7f007f007f007f00) >> 1;
    word = (word & 0x00003fff00003fff) | (word & 0x3fff00003fff0000) >> 2;
    return (word & 0x000000000fffffff) | (word & 0x0fffffff00000000) >> 4;
  }

  std::uint64_t take_slowly() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && at_ != end_; shift += 7) {
      const auto next = std::to_integer<std::uint64_t>(*at_++);
      value |= (next & 0x7f) << shift;
      if (next < 0x80) return value;
    }
    failed_ = true;
    at_ = end_;
    return 0;
  }

  const std::byte* at_;
  const std::byte* end_;
  bool failed_ = false;
};

}  // namespace logdb::timelsm
