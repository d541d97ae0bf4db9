// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The payload of a `batch` or `wide_batch` frame: a table of lengths, then the records.
///
/// Do not change: on disk. `w` is 2 in a batch, 4 in a wide batch; `n` is the header's count.
/// ```
///  0       w bytes   length of record 0
///  …
///  w(n-1)  w bytes   length of record n-1
///  wn      the bytes of record 0, of record 1, … back to back, to the payload's end
/// ```

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <ranges>

#include <logdb/format/bytes.hpp>
#include <logdb/format/frames/frame.hpp>
#include <logdb/types.hpp>

namespace logdb::format {

/// Chooses the narrowest table that holds the length of the longest record.
constexpr frame_kind batch_kind(std::uint64_t longest_record_bytes) {
  return longest_record_bytes <= 0xffff ? frame_kind::batch : frame_kind::wide_batch;
}

/// Gives the bytes of one length in the table.
constexpr std::size_t batch_length_bytes(frame_kind kind) {
  return kind == frame_kind::batch ? 2 : 4;
}

/// Gives the payload of a batch: table and records. A frame holds it if it fits 32 bits.
constexpr std::uint64_t batch_payload_bytes(frame_kind kind, std::uint64_t count,
                                            std::uint64_t records_bytes) {
  return batch_length_bytes(kind) * count + records_bytes;
}

/// Writes the length of record `n`, counted from 0, into the table at the payload's start.
inline void encode_batch_length(std::byte* payload, frame_kind kind, std::size_t n,
                                std::uint32_t record_bytes) {
  if (kind == frame_kind::batch) {
    store(payload + 2 * n, static_cast<std::uint16_t>(record_bytes));
  } else {
    store(payload + 4 * n, record_bytes);
  }
}

namespace detail {

inline std::uint32_t batch_length(const std::byte* at, std::size_t length_bytes) {
  return length_bytes == 2 ? load<std::uint16_t>(at) : load<std::uint32_t>(at);
}

template <std::unsigned_integral Length>
std::uint64_t sum_lengths(const std::byte* table, std::uint32_t count) {
  std::uint64_t sum = 0;  // at most 2^24 lengths below 2^32: no overflow
  for (std::size_t n = 0; n < count; ++n) sum += load<Length>(table + n * sizeof(Length));
  return sum;
}

}  // namespace detail

/// The records of a batch where they stand; a forward range of bytes_view.
/// @threads any
class batch_view : public std::ranges::view_base {
 public:
  class iterator {
   public:
    using iterator_concept = std::forward_iterator_tag;
    using iterator_category = std::input_iterator_tag;
    using value_type = bytes_view;
    using difference_type = std::ptrdiff_t;
    using reference = bytes_view;
    using pointer = void;

    iterator() = default;

    bytes_view operator*() const { return {record_, detail::batch_length(length_, width_)}; }
    iterator& operator++() {
      record_ += detail::batch_length(length_, width_);
      length_ += width_;
      return *this;
    }
    iterator operator++(int) {
      const iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const iterator& a, const iterator& b) { return a.length_ == b.length_; }

   private:
    friend class batch_view;
    iterator(const std::byte* length, const std::byte* record, std::size_t width)
        : length_{length}, record_{record}, width_{width} {}

    const std::byte* length_ = nullptr;  // in the table
    const std::byte* record_ = nullptr;
    std::size_t width_ = 2;
  };

  batch_view() = default;

  /// Opens the payload of a frame; nothing if table and lengths do not add up to it exactly.
  /// @cost O(count)
  static std::optional<batch_view> open(frame_kind kind, std::uint32_t count, bytes_view payload) {
    if (kind != frame_kind::batch && kind != frame_kind::wide_batch) return std::nullopt;
    const std::size_t width = batch_length_bytes(kind);
    if (count == 0 || count > payload.size() / width) return std::nullopt;
    const std::uint64_t records_bytes =
        kind == frame_kind::batch ? detail::sum_lengths<std::uint16_t>(payload.data(), count)
                                  : detail::sum_lengths<std::uint32_t>(payload.data(), count);
    if (records_bytes != payload.size() - width * count) return std::nullopt;
    return batch_view{payload.data(), count, width};
  }

  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] iterator begin() const { return {table_, table_end(), width_}; }
  [[nodiscard]] iterator end() const { return {table_end(), nullptr, width_}; }

  /// Gives record `n`, counted from 0; requires `n < size()`. @cost O(n)
  [[nodiscard]] bytes_view operator[](std::size_t n) const {
    iterator at = begin();
    for (; n > 0; --n) ++at;
    return *at;
  }

 private:
  batch_view(const std::byte* table, std::uint32_t count, std::size_t width)
      : table_{table}, count_{count}, width_{width} {}

  [[nodiscard]] const std::byte* table_end() const { return table_ + width_ * count_; }

  const std::byte* table_ = nullptr;
  std::size_t count_ = 0;
  std::size_t width_ = 2;  // bytes of one length
};

}  // namespace logdb::format
