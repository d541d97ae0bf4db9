// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A store in one file: heads at its front, one of which names the regions that the files are.
///
/// Do not change: on disk. Magic, version and byte order keep their places in every version.
/// ```
///      0  head 0, a page
///   4096  head 1, a page
///   8192  head 2, a page
///  12288  tables of the heads, a page each at first; a table that outgrows its place gets a larger
///         one among the regions
///  24576  regions, each at a multiple of 4096, in no order
///
/// A head:
///   0 8 bytes magic         "LOGDBONE"
///   8 u32 format_version
///  12 u32 byte_order        0x01020304
///  16 u64 generation        the whole head of the highest rules
///  24 u64 table_offset
///  32 u64 table_capacity
///  40 u64 table_bytes
///  48 u64 end               no region and no table reaches beyond it
///  56 u64 incompat          feature bits
///  64 u32 table_crc         CRC-32C of generation ‖ table
///  68 u32 crc               CRC-32C of bytes 0..68
///
/// A table: an entry for each file, by name in ascending order
///   0 u64 offset   8 u64 capacity   16 u64 size   24 u8 n   25 name, n bytes (1 .. 255)
/// ```

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/format/bytes.hpp>
#include <logdb/format/crc32c.hpp>
#include <logdb/format/files/segment_header.hpp>
#include <logdb/light.hpp>
#include <logdb/types.hpp>

namespace logdb::format {

// Do not change: on disk.
inline constexpr std::uint64_t region_alignment = 4096;
inline constexpr std::size_t single_file_heads = 3;
inline constexpr std::uint64_t single_file_tables_begin = single_file_heads * region_alignment;
inline constexpr std::uint64_t single_file_data_begin = 2 * single_file_tables_begin;
inline constexpr std::size_t single_file_head_bytes = 72;
/// No file is so large: what reaches beyond it is not believed.
inline constexpr std::uint64_t single_file_bytes_max = std::uint64_t{1} << 62;

static_assert(single_file_tables_begin == 12288 && single_file_data_begin == 24576,
              "do not change: on disk");
static_assert(single_file_head_bytes <= 512, "a head is written whole: it fits a sector");

/// One of the heads.
struct single_file_head {
  std::uint64_t generation = 0;
  std::uint64_t table_offset = 0;
  std::uint64_t table_capacity = 0;
  std::uint64_t table_bytes = 0;
  std::uint64_t end = 0;
  std::uint64_t incompat = 0;
  std::uint32_t table_crc = 0;

  friend bool operator==(const single_file_head&, const single_file_head&) = default;
};

/// A file within the file: a region, of which the first `size` bytes are the file's.
struct single_file_entry {
  std::string name{};
  std::uint64_t offset = 0;
  std::uint64_t capacity = 0;
  std::uint64_t size = 0;

  friend bool operator==(const single_file_entry&, const single_file_entry&) = default;
};

namespace detail {

inline constexpr std::string_view single_file_magic = "LOGDBONE";
inline constexpr std::size_t single_file_crc_at = 68;
inline constexpr std::size_t single_file_entry_fixed_bytes = 25;

/// Tells whether a part lies, aligned, between the heads and an end.
inline bool is_region(std::uint64_t offset, std::uint64_t capacity, std::uint64_t end) {
  return offset % region_alignment == 0 && capacity % region_alignment == 0 &&
         offset >= single_file_tables_begin && offset <= end && capacity <= end - offset;
}

inline bool is_sound(const single_file_head& head) {
  return head.generation != 0 && head.end <= single_file_bytes_max &&
         head.end >= single_file_data_begin && head.end % region_alignment == 0 &&
         head.table_bytes <= head.table_capacity &&
         is_region(head.table_offset, head.table_capacity, head.end);
}

inline std::optional<single_file_entry> take_entry(field_reader& in) {
  single_file_entry entry;
  entry.offset = in.take<std::uint64_t>();
  entry.capacity = in.take<std::uint64_t>();
  entry.size = in.take<std::uint64_t>();
  entry.name = as_text(in.take(in.take<std::uint8_t>()));
  return in.ok() && !entry.name.empty() ? std::optional{std::move(entry)} : std::nullopt;
}

/// Tells whether no two regions, the table's among them, share a byte.
inline bool are_apart(const single_file_head& head, const std::vector<single_file_entry>& entries) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> parts;
  parts.emplace_back(head.table_offset, head.table_offset + head.table_capacity);
  for (const auto& entry : entries) {
    if (entry.capacity != 0) parts.emplace_back(entry.offset, entry.offset + entry.capacity);
  }
  light::sort(parts);
  return !light::any_neighbours(parts,
                                [](const auto& a, const auto& b) { return b.first < a.second; });
}

inline bool are_sound(const single_file_head& head, const std::vector<single_file_entry>& entries) {
  const auto is_sound_entry = [&head](const single_file_entry& entry) {
    const bool empty = entry.capacity == 0 && entry.offset == 0;
    return entry.size <= entry.capacity &&
           (empty || (entry.offset >= single_file_data_begin &&
                      is_region(entry.offset, entry.capacity, head.end)));
  };
  const auto is_out_of_order = [](const single_file_entry& a, const single_file_entry& b) {
    return a.name >= b.name;
  };
  return light::all_of(entries, is_sound_entry) &&
         !light::any_neighbours(entries, is_out_of_order) && are_apart(head, entries);
}

}  // namespace detail

/// Rounds up to where the next region may begin.
constexpr std::uint64_t round_to_region(std::uint64_t bytes) {
  return (bytes + region_alignment - 1) / region_alignment * region_alignment;
}

/// Returns the CRC of a table, which binds it to the generation of its head.
inline std::uint32_t table_crc(std::uint64_t generation, bytes_view table) {
  std::array<std::byte, 8> number;
  store(number.data(), generation);
  return crc32c(table, crc32c(number));
}

/// Writes a head.
inline std::array<std::byte, single_file_head_bytes> encode(const single_file_head& head) {
  std::array<std::byte, single_file_head_bytes> bytes;
  detail::field_writer out{bytes.data()};
  out.put(as_bytes(detail::single_file_magic))
      .put(format_version)
      .put(byte_order_mark)
      .put(head.generation)
      .put(head.table_offset)
      .put(head.table_capacity)
      .put(head.table_bytes)
      .put(head.end)
      .put(head.incompat)
      .put(head.table_crc);
  out.put(crc32c(bytes_view{bytes}.first(detail::single_file_crc_at)));
  return bytes;
}

/// Reads a head.
///
/// @param bytes  the first 72 bytes of its page, or less where the file ends
/// @param out    what was read, each number in its range; unchanged unless the result is `none`
inline format_fault decode(bytes_view bytes, single_file_head& out) {
  detail::field_reader in{bytes};
  std::uint32_t version = 0;
  const format_fault start = detail::check_start(in, detail::single_file_magic, version);
  if (start != format_fault::none) return start;
  if (bytes.size() < single_file_head_bytes || version == 0) return format_fault::damaged;
  const auto crc = load<std::uint32_t>(bytes.data() + detail::single_file_crc_at);
  if (crc != crc32c(bytes.first(detail::single_file_crc_at))) return format_fault::damaged;
  if (version > format_version) return format_fault::newer_version;
  single_file_head head;
  head.generation = in.take<std::uint64_t>();
  head.table_offset = in.take<std::uint64_t>();
  head.table_capacity = in.take<std::uint64_t>();
  head.table_bytes = in.take<std::uint64_t>();
  head.end = in.take<std::uint64_t>();
  head.incompat = in.take<std::uint64_t>();
  head.table_crc = in.take<std::uint32_t>();
  if ((head.incompat & ~incompat_known) != 0) return format_fault::unknown_feature;
  if (!detail::is_sound(head)) return format_fault::damaged;
  out = head;
  return format_fault::none;
}

/// Adds an entry to a table; the caller does so in ascending order of the names.
inline void encode(const single_file_entry& entry, std::vector<std::byte>& table) {
  const std::size_t at = table.size();
  table.resize(at + detail::single_file_entry_fixed_bytes + entry.name.size());
  detail::field_writer out{table.data() + at};
  out.put(entry.offset)
      .put(entry.capacity)
      .put(entry.size)
      .put(narrowed<std::uint8_t>(entry.name.size()))
      .put(as_bytes(entry.name));
}

/// Reads the table of a head; nothing when it is not whole or contradicts itself.
/// @cost  O(bytes log bytes), also in memory, whatever the numbers in it say
inline std::optional<std::vector<single_file_entry>> decode_table(const single_file_head& head,
                                                                  bytes_view table) {
  if (table_crc(head.generation, table) != head.table_crc) return std::nullopt;
  detail::field_reader in{table};
  std::vector<single_file_entry> entries;
  while (!in.done()) {
    auto entry = detail::take_entry(in);
    if (!entry) return std::nullopt;
    entries.push_back(std::move(*entry));
  }
  if (!detail::are_sound(head, entries)) return std::nullopt;
  return entries;
}

}  // namespace logdb::format
