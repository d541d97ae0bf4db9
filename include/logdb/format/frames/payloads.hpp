// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The payloads of frames without records: mark, cursor, attach, footer. A seal has none.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/format/bytes.hpp>
#include <logdb/light.hpp>
#include <logdb/types.hpp>

namespace logdb::format {

namespace detail {

inline timestamp take_time(field_reader& in) {
  return timestamp{std::chrono::nanoseconds{in.take<std::int64_t>()}};
}

constexpr std::int64_t to_ticks(timestamp time) { return time.time_since_epoch().count(); }

}  // namespace detail

/// Says that all up to `durable` was on stable storage when the group that begins here began.
///
/// Do not change: on disk.
/// ```
///  0 u64 durable   lsn; 0: none yet
///  8 i64 time      wall clock, ns since 1970
/// ```
struct mark {
  lsn durable{};
  timestamp time{};

  friend bool operator==(const mark&, const mark&) = default;
};

inline constexpr std::size_t mark_bytes = 16;

inline std::array<std::byte, mark_bytes> encode(const mark& value) {
  std::array<std::byte, mark_bytes> out;
  detail::field_writer{out.data()}.put(value.durable.value()).put(detail::to_ticks(value.time));
  return out;
}

/// Reads a mark's payload; nothing if it is not exactly one.
inline std::optional<mark> decode_mark(bytes_view payload) {
  detail::field_reader in{payload};
  mark value;
  value.durable = lsn{in.take<std::uint64_t>()};
  value.time = detail::take_time(in);
  return in.done() ? std::optional{value} : std::nullopt;
}

/// Keeps a named reader's place.
///
/// Do not change: on disk.
/// ```
///  0 u64 at     lsn of the next record it wants
///  8 name       1 .. 255 bytes, to the payload's end
/// ```
struct cursor {
  lsn at{};
  std::string_view name{};  ///< decoded: points into the payload

  friend bool operator==(const cursor&, const cursor&) = default;
};

inline constexpr std::size_t cursor_name_bytes_max = 255;

/// A cursor's payload, in place; of no bytes if the name's length is out of range.
class cursor_payload {
 public:
  explicit cursor_payload(const cursor& value) {
    if (value.name.empty() || value.name.size() > cursor_name_bytes_max) return;
    detail::field_writer{data_.data()}.put(value.at.value()).put(as_bytes(value.name));
    size_ = 8 + value.name.size();
  }

  [[nodiscard]] bytes_view bytes() const { return {data_.data(), size_}; }

 private:
  std::array<std::byte, 8 + cursor_name_bytes_max> data_;
  std::size_t size_ = 0;
};

inline cursor_payload encode(const cursor& value) { return cursor_payload{value}; }

/// Reads a cursor's payload; nothing if the name's length is out of range.
inline std::optional<cursor> decode_cursor(bytes_view payload) {
  if (payload.size() <= 8 || payload.size() > 8 + cursor_name_bytes_max) return std::nullopt;
  return cursor{lsn{load<std::uint64_t>(payload.data())}, as_text(payload.subspan(8))};
}

/// Commits a transaction that was too large for staging and stands in a segment of its own.
///
/// Do not change: on disk.
/// ```
///  0 u64 segment      its number
///  8 u64 salt         of that segment
/// 16 u64 end_offset   one past its last frame
/// 24 u64 records      how many it holds: they take the lsns from this frame's first_lsn on
/// ```
struct attach {
  segment_number segment{};
  std::uint64_t salt = 0;
  std::uint64_t end_offset = 0;
  std::uint64_t records = 0;

  friend bool operator==(const attach&, const attach&) = default;
};

inline constexpr std::size_t attach_bytes = 32;

inline std::array<std::byte, attach_bytes> encode(const attach& value) {
  std::array<std::byte, attach_bytes> out;
  detail::field_writer{out.data()}
      .put(to_integer(value.segment))
      .put(value.salt)
      .put(value.end_offset)
      .put(value.records);
  return out;
}

/// Reads an attach frame's payload; nothing if it is not exactly one, holds no record, or more than
/// fit.
inline std::optional<attach> decode_attach(bytes_view payload) {
  detail::field_reader in{payload};
  attach value;
  value.segment = segment_number{in.take<std::uint64_t>()};
  value.salt = in.take<std::uint64_t>();
  value.end_offset = in.take<std::uint64_t>();
  value.records = in.take<std::uint64_t>();
  const bool plausible = value.records != 0 && value.records < value.end_offset;
  return in.done() && plausible ? std::optional{value} : std::nullopt;
}

/// Describes a sealed segment; the index's bytes follow it. Derived: losing it costs a rescan.
///
/// Do not change: on disk.
/// ```
///  0 u32 index_id     which index policy made the bytes
///  4 u32 sections     how many the index's bytes are made of: footer_section; 0: of none
///  8 u64 first        lsn of the segment's first record
/// 16 u64 end          one past the last
/// 24 i64 time_first   ns since 1970
/// 32 i64 time_last
/// 40 u64 data_end     offset: one past the last frame before the footer
/// 48 index            to the payload's end
/// ```
struct footer {
  std::uint32_t index_id = 0;
  std::uint32_t sections = 0;
  lsn first{};
  lsn end{};
  timestamp time_first{};
  timestamp time_last{};
  std::uint64_t data_end = 0;
  bytes_view index{};  ///< decoded: points into the payload; not written by `encode`
};

inline constexpr std::size_t footer_fixed_bytes = 48;

/// Writes all but the index bytes, which the caller puts behind.
inline std::array<std::byte, footer_fixed_bytes> encode(const footer& value) {
  std::array<std::byte, footer_fixed_bytes> out;
  detail::field_writer{out.data()}
      .put(value.index_id)
      .put(value.sections)
      .put(value.first.value())
      .put(value.end.value())
      .put(detail::to_ticks(value.time_first))
      .put(detail::to_ticks(value.time_last))
      .put(value.data_end);
  return out;
}

/// A part of the index's bytes in a footer. A reader skips those whose ids it does not know.
///
/// Do not change: on disk, one behind the other, ids ascending.
/// ```
///  0 u32 id           0: what the index keeps of the segment by itself
///  4 u32 reserved     0
///  8 u64 bytes
/// 16 bytes, then zeros up to a multiple of 8
/// ```
struct footer_section {
  std::uint32_t id = 0;
  bytes_view bytes{};  ///< decoded: points into the payload, at a multiple of 8
};

inline constexpr std::size_t section_head_bytes = 16;
inline constexpr std::size_t section_alignment = 8;

/// Writes the index's bytes of a footer with sections, whose ids ascend.
inline std::vector<std::byte> encode(std::span<const footer_section> sections) {
  std::vector<std::byte> out;
  for (const footer_section& each : sections) {
    const std::size_t at = out.size();
    const std::size_t bytes = section_head_bytes + each.bytes.size();
    out.resize(at + (bytes + section_alignment - 1) / section_alignment * section_alignment);
    detail::field_writer{out.data() + at}
        .put(each.id)
        .put(std::uint32_t{0})
        .put(std::uint64_t{each.bytes.size()})
        .put(each.bytes);
  }
  return out;
}

/// Splits the index's bytes into so many sections; nothing if they do not add up to them exactly.
/// @cost  O(sections)
inline std::optional<std::vector<footer_section>> decode_sections(bytes_view bytes,
                                                                  std::uint32_t count) {
  std::vector<footer_section> found;
  detail::field_reader in{bytes};
  while (found.size() < count) {
    footer_section next{.id = in.take<std::uint32_t>()};
    const auto reserved = in.take<std::uint32_t>();
    next.bytes = in.take(in.take<std::uint64_t>());
    const bytes_view padding = in.take(-next.bytes.size() % section_alignment);
    const bool is_first = found.empty();
    const bool valid = in.ok() && reserved == 0 && (is_first || found.back().id < next.id) &&
                       light::all_of(padding, [](auto byte) { return byte == std::byte{}; });
    if (!valid) return std::nullopt;
    found.push_back(next);
  }
  return in.done() ? std::optional{std::move(found)} : std::nullopt;
}

/// Returns the sections of a footer; of one without any the index's bytes, as section 0. Nothing if
/// they are damaged.
inline std::optional<std::vector<footer_section>> sections_of(const footer& read) {
  if (read.sections != 0) return decode_sections(read.index, read.sections);
  return std::vector{footer_section{.id = 0, .bytes = read.index}};
}

/// Reads a footer's payload; nothing if it is too short or its range inverted. Its sections are
/// not looked at.
inline std::optional<footer> decode_footer(bytes_view payload) {
  detail::field_reader in{payload};
  footer value;
  value.index_id = in.take<std::uint32_t>();
  value.sections = in.take<std::uint32_t>();
  value.first = lsn{in.take<std::uint64_t>()};
  value.end = lsn{in.take<std::uint64_t>()};
  value.time_first = detail::take_time(in);
  value.time_last = detail::take_time(in);
  value.data_end = in.take<std::uint64_t>();
  value.index = in.take(in.remaining());
  return in.ok() && value.first <= value.end ? std::optional{value} : std::nullopt;
}

}  // namespace logdb::format
