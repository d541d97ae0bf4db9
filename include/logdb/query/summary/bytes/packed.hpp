// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A column of integers, packed in frames of reference: a frame of 256 keeps its least value once,
/// and of each value the difference in as few bits as its largest one needs. A frame in which all
/// are equal takes no bits.
///
/// ```
/// u32 count, u8 width of a base in bytes (1 .. 8), then for each frame: base, u8 bits, u32 offset;
/// then the bits of all frames, each from a byte on, from the lowest bit of a byte up
/// ```
/// `offset` counts from the first of those bytes.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include <logdb/format/bytes.hpp>
#include <logdb/query/summary/bytes/layout.hpp>
#include <logdb/types.hpp>

namespace logdb::query::detail {

inline constexpr std::size_t packed_frame = 256;

/// Packs a column.
class packed_writer {
 public:
  explicit packed_writer(std::span<const std::uint64_t> values) : values_{values} {}

  void write(byte_sink& out) {
    const std::uint8_t base_bytes = width_of_bases();
    out.put(static_cast<std::uint32_t>(values_.size())).put(base_bytes);
    for (std::size_t from = 0; from < values_.size(); from += packed_frame) {
      put_frame(out, values_.subspan(from, std::min(packed_frame, values_.size() - from)),
                base_bytes);
    }
    out.put(bytes_view{bits_});
  }

 private:
  [[nodiscard]] std::uint8_t width_of_bases() const {
    std::uint64_t largest = 0;
    for (std::size_t from = 0; from < values_.size(); from += packed_frame) {
      const auto frame = values_.subspan(from, std::min(packed_frame, values_.size() - from));
      largest = std::max(largest, *std::min_element(frame.begin(), frame.end()));
    }
    return static_cast<std::uint8_t>(
        std::max<int>(1, (static_cast<int>(std::bit_width(largest)) + 7) / 8));
  }

  void put_frame(byte_sink& out, std::span<const std::uint64_t> frame, std::uint8_t base_bytes) {
    const auto [least, most] = std::minmax_element(frame.begin(), frame.end());
    const std::uint64_t base = *least;
    const auto bits = static_cast<std::uint8_t>(std::bit_width(*most - base));
    for (std::uint8_t i = 0; i < base_bytes; ++i) {
      out.put(static_cast<std::uint8_t>(base >> 8 * i));
    }
    out.put(bits).put(format::narrowed<std::uint32_t>(bits_.size()));
    const std::size_t begin = bits_.size();
    bits_.resize(begin + (frame.size() * bits + 7) / 8);
    for (std::size_t i = 0; i < frame.size(); ++i) put_bits(begin, i * bits, frame[i] - base, bits);
  }

  void put_bits(std::size_t begin, std::size_t at, std::uint64_t value, std::size_t bits) {
    while (bits > 0) {
      const std::size_t room = std::min<std::size_t>(8 - at % 8, bits);
      const auto part = static_cast<std::uint8_t>(value & ((1u << room) - 1));
      bits_[begin + at / 8] |= static_cast<std::byte>(part << at % 8);
      value >>= room;
      at += room;
      bits -= room;
    }
  }

  std::span<const std::uint64_t> values_;
  std::vector<std::byte> bits_{};
};

/// A packed column that was checked: whatever is asked for lies in its bytes.
class packed_view {
 public:
  /// Opens a column of so many values; none where the bytes are not one.
  /// @cost  O(frames); no allocation
  static std::optional<packed_view> open(bytes_view bytes, std::uint64_t count) {
    format::detail::field_reader in{bytes};
    packed_view view;
    view.count_ = in.take<std::uint32_t>();
    view.base_bytes_ = in.take<std::uint8_t>();
    if (!in.ok() || view.count_ != count || view.base_bytes_ < 1 || view.base_bytes_ > 8) return {};
    const std::uint64_t frames = (count + packed_frame - 1) / packed_frame;
    view.frames_ = in.take(frames * view.frame_bytes());
    if (!in.ok()) return {};
    view.bits_ = in.take(in.remaining());
    return view.is_whole() ? std::optional{view} : std::nullopt;
  }

  [[nodiscard]] std::uint64_t size() const { return count_; }

  /// Writes the values from one on to `out`; requires that there are as many.
  void read(std::uint64_t from, std::span<std::uint64_t> out) const {
    for (std::size_t i = 0; i < out.size();) {
      const std::uint64_t at = from + i;
      const frame_entry frame = entry(at / packed_frame);
      const std::uint64_t in_frame = at % packed_frame;
      const std::size_t some = std::min<std::size_t>(out.size() - i, packed_frame - in_frame);
      for (std::size_t n = 0; n < some; ++n) {
        out[i + n] = frame.base + bits_at(frame, (in_frame + n) * frame.bits);
      }
      i += some;
    }
  }

 private:
  struct frame_entry {
    std::uint64_t base = 0;
    std::uint8_t bits = 0;
    std::uint32_t offset = 0;
  };

  [[nodiscard]] std::size_t frame_bytes() const { return base_bytes_ + 5u; }

  [[nodiscard]] frame_entry entry(std::uint64_t number) const {
    const std::byte* const at = frames_.data() + number * frame_bytes();
    frame_entry found;
    std::memcpy(&found.base, at, base_bytes_);
    found.bits = format::load<std::uint8_t>(at + base_bytes_);
    found.offset = format::load<std::uint32_t>(at + base_bytes_ + 1);
    return found;
  }

  [[nodiscard]] bool is_whole() const {
    for (std::uint64_t from = 0; from < count_; from += packed_frame) {
      const frame_entry frame = entry(from / packed_frame);
      const std::uint64_t values = std::min<std::uint64_t>(packed_frame, count_ - from);
      if (frame.bits > 64 || frame.offset > bits_.size()) return false;
      if ((values * frame.bits + 7) / 8 > bits_.size() - frame.offset) return false;
    }
    return true;
  }

  [[nodiscard]] std::uint64_t bits_at(const frame_entry& frame, std::uint64_t at) const {
    const std::uint64_t first = frame.offset + at / 8;
    if (frame.bits <= 56 && bits_.size() >= 8 && first <= bits_.size() - 8) {
      const std::uint64_t mask = (std::uint64_t{1} << frame.bits) - 1;
      return format::load<std::uint64_t>(bits_.data() + first) >> at % 8 & mask;
    }
    std::uint64_t value = 0;
    for (std::uint64_t got = 0; got < frame.bits;) {
      const std::uint64_t room = std::min<std::uint64_t>(8 - at % 8, frame.bits - got);
      const auto byte = std::to_integer<std::uint64_t>(bits_[frame.offset + at / 8]);
      value |= (byte >> at % 8 & ((std::uint64_t{1} << room) - 1)) << got;
      got += room;
      at += room;
    }
    return value;
  }

  std::uint64_t count_ = 0;
  std::uint8_t base_bytes_ = 1;
  bytes_view frames_{};
  bytes_view bits_{};
};

}  // namespace logdb::query::detail
