// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The manifest: lists the live segments; replacing it commits a roll, a drop, a compaction.
///
/// Do not change: on disk. Start, length and trailing CRC keep their places in every version.
/// ```
///   0 8 bytes magic         "LOGDBMAN"
///   8 u32 format_version
///  12 u32 byte_order        0x01020304
///  16 u64 length            bytes of the whole manifest, the CRC included
///  24 16 bytes store        uuid
///  40 u64 generation        1 more with each manifest
///  48 u64 next_segment      the number that the next new segment gets
///  56 u32 index_id
///  60 u32 compression_id
///  64 u64 compat            feature bits, as in a segment header
///  72 u64 read_only_compat
///  80 u64 incompat
///  88 u64 first             lsn of the first record that was not given up
///  96 u32 segments          how many follow, 80 bytes each
/// 100 u32 cursors           how many follow those
/// 104 segments:   0 u64 number   8 u64 salt   16 u64 capacity   24 u64 base   32 u64 end
///                40 u64 end_offset   48 u64 footer_offset   56 i64 time_first   64 i64 time_last
///                72 u8 role   73 7 bytes 0, ignored
///     cursors:    0 u64 at   8 u64 segment   16 u64 offset   24 u8 n   25 name, n bytes (1 .. 255)
///     u32 crc               CRC-32C of all before it
/// ```

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/format/bytes.hpp>
#include <logdb/format/crc32c.hpp>
#include <logdb/format/files/segment_header.hpp>
#include <logdb/format/frames/payloads.hpp>
#include <logdb/types.hpp>

namespace logdb::format {

/// A live segment.
struct manifest_segment {
  segment_number number{};
  std::uint64_t salt = 0;
  std::uint64_t capacity = 0;
  lsn base{};                       ///< of its first record
  lsn end{};                        ///< one past the last; 0 while open
  std::uint64_t end_offset = 0;     ///< of the data; 0 while open
  std::uint64_t footer_offset = 0;  ///< 0: none
  timestamp time_first{};
  timestamp time_last{};
  segment_role role = segment_role::log;

  friend bool operator==(const manifest_segment&, const manifest_segment&) = default;
};

/// Returns what a frame says of the segment that it attaches, from its first record on.
inline manifest_segment attached_segment(const attach& what, lsn first, timestamp time = {}) {
  manifest_segment entry{.number = what.segment, .salt = what.salt};
  entry.capacity = entry.end_offset = what.end_offset;
  entry.base = first;
  entry.end = first + what.records;
  entry.time_first = entry.time_last = time;
  entry.role = segment_role::attached;
  return entry;
}

/// A named cursor, with the place of the frame that last said so.
struct manifest_cursor {
  std::string name{};  ///< 1 .. 255 bytes
  lsn at{};
  position logged{};

  friend bool operator==(const manifest_cursor&, const manifest_cursor&) = default;
};

/// Everything that the manifest says.
struct manifest {
  std::array<std::byte, 16> store{};
  std::uint64_t generation = 0;
  std::uint64_t next_segment = 0;
  std::uint32_t index_id = 0;
  std::uint32_t compression_id = 0;
  std::uint64_t compat = 0;
  std::uint64_t read_only_compat = 0;
  std::uint64_t incompat = 0;
  lsn first{};
  std::vector<manifest_segment> segments{};
  std::vector<manifest_cursor> cursors{};

  friend bool operator==(const manifest&, const manifest&) = default;
};

namespace detail {

inline constexpr std::string_view manifest_magic = "LOGDBMAN";
inline constexpr std::size_t manifest_fixed_bytes = 104;
inline constexpr std::size_t manifest_segment_bytes = 80;
inline constexpr std::size_t manifest_cursor_fixed_bytes = 25;
inline constexpr std::size_t manifest_bytes_min = manifest_fixed_bytes + 4;

inline std::size_t manifest_bytes(const manifest& value) {
  std::size_t bytes = manifest_bytes_min + manifest_segment_bytes * value.segments.size();
  for (const auto& cursor : value.cursors) {
    bytes += manifest_cursor_fixed_bytes + cursor.name.size();
  }
  return bytes;
}

inline void put(field_writer& out, const manifest_segment& segment) {
  constexpr std::array<std::byte, 7> unused{};
  out.put(to_integer(segment.number))
      .put(segment.salt)
      .put(segment.capacity)
      .put(segment.base.value())
      .put(segment.end.value())
      .put(segment.end_offset)
      .put(segment.footer_offset)
      .put(to_ticks(segment.time_first))
      .put(to_ticks(segment.time_last))
      .put(static_cast<std::uint8_t>(segment.role))
      .put(bytes_view{unused});
}

inline void put(field_writer& out, const manifest_cursor& cursor) {
  out.put(cursor.at.value())
      .put(to_integer(cursor.logged.segment))
      .put(cursor.logged.offset)
      .put(narrowed<std::uint8_t>(cursor.name.size()))
      .put(as_bytes(cursor.name));
}

inline void put_fixed(field_writer& out, const manifest& value, std::uint64_t length) {
  out.put(as_bytes(manifest_magic))
      .put(format_version)
      .put(byte_order_mark)
      .put(length)
      .put(bytes_view{value.store})
      .put(value.generation)
      .put(value.next_segment)
      .put(value.index_id)
      .put(value.compression_id)
      .put(value.compat)
      .put(value.read_only_compat)
      .put(value.incompat)
      .put(value.first.value())
      .put(narrowed<std::uint32_t>(value.segments.size()))
      .put(narrowed<std::uint32_t>(value.cursors.size()));
}

inline void take_fixed(field_reader& in, manifest& value) {
  const bytes_view store = in.take(value.store.size());
  std::memcpy(value.store.data(), store.data(), store.size());
  value.generation = in.take<std::uint64_t>();
  value.next_segment = in.take<std::uint64_t>();
  value.index_id = in.take<std::uint32_t>();
  value.compression_id = in.take<std::uint32_t>();
  value.compat = in.take<std::uint64_t>();
  value.read_only_compat = in.take<std::uint64_t>();
  value.incompat = in.take<std::uint64_t>();
  value.first = lsn{in.take<std::uint64_t>()};
}

inline std::optional<manifest_segment> take_segment(field_reader& in) {
  manifest_segment segment;
  segment.number = segment_number{in.take<std::uint64_t>()};
  segment.salt = in.take<std::uint64_t>();
  segment.capacity = in.take<std::uint64_t>();
  segment.base = lsn{in.take<std::uint64_t>()};
  segment.end = lsn{in.take<std::uint64_t>()};
  segment.end_offset = in.take<std::uint64_t>();
  segment.footer_offset = in.take<std::uint64_t>();
  segment.time_first = take_time(in);
  segment.time_last = take_time(in);
  const auto role = in.take<std::uint8_t>();
  in.take(7);
  if (!in.ok() || !is_role(role)) return std::nullopt;
  segment.role = static_cast<segment_role>(role);
  return segment;
}

inline std::optional<manifest_cursor> take_cursor(field_reader& in) {
  manifest_cursor cursor;
  cursor.at = lsn{in.take<std::uint64_t>()};
  cursor.logged.segment = segment_number{in.take<std::uint64_t>()};
  cursor.logged.offset = in.take<std::uint64_t>();
  cursor.name = as_text(in.take(in.take<std::uint8_t>()));
  return in.ok() && !cursor.name.empty() ? std::optional{std::move(cursor)} : std::nullopt;
}

/// Takes `count` items. A count beyond what remains is refused before anything is reserved.
template <class Item, class Take>
bool take_all(field_reader& in, std::uint32_t count, std::size_t item_bytes_min, Take take,
              std::vector<Item>& out) {
  if (count > in.remaining() / item_bytes_min) return false;
  out.reserve(count);
  for (std::uint32_t n = 0; n < count; ++n) {
    auto item = take(in);
    if (!item) return false;
    out.push_back(std::move(*item));
  }
  return true;
}

inline bool take_lists(field_reader& in, manifest& value) {
  const auto segments = in.take<std::uint32_t>();
  const auto cursors = in.take<std::uint32_t>();
  return take_all(in, segments, manifest_segment_bytes, take_segment, value.segments) &&
         take_all(in, cursors, manifest_cursor_fixed_bytes + 1, take_cursor, value.cursors) &&
         in.done();
}

/// Checks length and CRC of bytes that are at least manifest_bytes_min.
inline bool is_manifest_intact(bytes_view bytes) {
  const bytes_view covered = bytes.first(bytes.size() - 4);
  return load<std::uint64_t>(bytes.data() + 16) == bytes.size() &&
         load<std::uint32_t>(bytes.data() + covered.size()) == crc32c(covered);
}

}  // namespace detail

/// Writes a manifest. Requires cursor names of 1 .. 255 bytes, below 2^32 segments and cursors.
/// @cost O(segments + cursors); one allocation
inline std::vector<std::byte> encode(const manifest& value) {
  std::vector<std::byte> bytes(detail::manifest_bytes(value));
  detail::field_writer out{bytes.data()};
  detail::put_fixed(out, value, bytes.size());
  for (const auto& segment : value.segments) detail::put(out, segment);
  for (const auto& cursor : value.cursors) detail::put(out, cursor);
  out.put(crc32c(bytes_view{bytes}.first(bytes.size() - 4)));
  return bytes;
}

/// Reads a manifest.
///
/// @param bytes   the whole file
/// @param out     what was read; unchanged unless the result is `none`
/// @threads       any
/// @cost          O(bytes), also in memory, whatever the counts in it say
inline format_fault decode(bytes_view bytes, manifest& out) {
  detail::field_reader in{bytes};
  std::uint32_t version = 0;
  const format_fault start = detail::check_start(in, detail::manifest_magic, version);
  if (start != format_fault::none) return start;
  if (bytes.size() < detail::manifest_bytes_min) return format_fault::damaged;
  if (!detail::is_manifest_intact(bytes) || version == 0) return format_fault::damaged;
  if (version > format_version) return format_fault::newer_version;
  in.take(8);  // the length: checked
  detail::field_reader fields{in.take(in.remaining() - 4)};
  manifest value;
  detail::take_fixed(fields, value);
  if ((value.incompat & ~incompat_known) != 0) return format_fault::unknown_feature;
  if (!detail::take_lists(fields, value)) return format_fault::damaged;
  out = std::move(value);
  return format_fault::none;
}

}  // namespace logdb::format
