// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The layout of a summary, what a sealed segment's events hold. Do not change: on disk.
///
/// ```
///   0  char[8]  magic          "logdbsum"
///   8  u32      version        1
///  12  u32      parts          entries of the directory
///  16  byte[16] store          whose segment it is
///  32  u64      segment        its number
///  40  u64      salt           of the segment
///  48  u64      end_offset     where the segment's frames end
///  56  u64      options        a hash of the options that shaped it
///  64  u64      records        of the segment
///  72  u32      blocks         of the segment
///  76  u32      bytes_crc      CRC-32C of bytes 0 .. 76 and of the directory
///  80  directory, for each part: u32 kind, u32 crc, u64 offset, u64 bytes
/// ```
/// The parts follow, each once. A reader skips the kinds that it does not know. `crc` is that of
/// the whole part, but of the filter and the columns: those carry their own, so that a query reads
/// only what it asks for.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <logdb/format/bytes.hpp>
#include <logdb/format/crc32c.hpp>
#include <logdb/types.hpp>

namespace logdb::query {

/// Which segment a summary is of. One of any other is not believed.
struct summary_identity {
  std::array<std::byte, 16> store{};
  std::uint64_t segment = 0;
  std::uint64_t salt = 0;
  std::uint64_t end_offset = 0;
  std::uint64_t options = 0;  ///< a hash of the options that shape a summary

  friend bool operator==(const summary_identity&, const summary_identity&) = default;
};

/// What a summary says of one block: some 64 KiB of a segment's records.
///
/// ```
///  0 u64 offset       8 u64 first        16 i64 time       24 u32 skip     28 u32 records
/// 32 i64 time_min    40 i64 time_max    48 i64 append_min  56 i64 append_max  64 u32 flags
/// ```
struct summary_block {
  std::uint64_t offset = 0;  ///< of the frame that its first record stands in
  lsn first{};               ///< of its first record
  timestamp time{};          ///< with which a walk comes to that frame
  std::uint32_t skip = 0;    ///< records of that frame that belong to the block before
  std::uint32_t records = 0;
  timestamp time_min = timestamp::max();  ///< of the events' times
  timestamp time_max = timestamp::min();
  timestamp append_min = timestamp::max();
  timestamp append_max = timestamp::min();
  std::uint32_t flags = 0;

  friend bool operator==(const summary_block&, const summary_block&) = default;
};

/// The flags of a block.
namespace block_flag {
inline constexpr std::uint32_t malformed = 1;  ///< a record is no JSON object
inline constexpr std::uint32_t other = 2;      ///< a value lies at a path that is not summarised
inline constexpr std::uint32_t open = 4;       ///< an event has more values than are summarised
inline constexpr std::uint32_t full = 8;       ///< has too many values for the filter
inline constexpr std::uint32_t plain = 16;     ///< no backslash, and all numbers canonical
}  // namespace block_flag

namespace detail {

inline constexpr std::string_view summary_magic = "logdbsum";
inline constexpr std::uint32_t summary_version = 1;
inline constexpr std::size_t summary_header_bytes = 80;
inline constexpr std::size_t summary_part_bytes = 24;
inline constexpr std::uint32_t summary_parts_max = 64;
inline constexpr std::size_t summary_block_bytes = 68;
inline constexpr std::size_t summary_crc_at = 76;

enum class part_kind : std::uint32_t { blocks = 1, fields = 2, columns = 3, filter = 4 };

/// An entry of the directory.
struct summary_part {
  std::uint32_t kind = 0;
  std::uint32_t crc = 0;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

/// Bytes of the columns' part, with their CRC.
struct column_ref {
  std::uint64_t offset = 0;  // within the part
  std::uint32_t bytes = 0;   // 0: there is none
  std::uint32_t crc = 0;
};

/// What the part `fields` says of one path. On disk: u16 bytes of the path, the path, u8
/// `in_filter`, and four column_refs: u64 offset, u32 bytes, u32 crc.
struct summary_field {
  std::string_view path{};  // decoded names, joined by dots
  bool in_filter = false;   // its values, if not coded, are in the filter
  column_ref kinds{};       // packed: for each block a bit for each json_kind that is there
  column_ref bounds{};      // for each block two doubles, between which its numbers lie
  column_ref values{};      // each different value that an event has here, from code 1 on
  column_ref codes{};       // packed: the code of each record's value; 0: it has none
};

inline constexpr std::size_t summary_path_bytes_max = 1024;

/// Bytes that grow by fields.
class byte_sink {
 public:
  template <std::integral T>
  byte_sink& put(T value) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof value);
    format::store(bytes_.data() + at, value);
    return *this;
  }
  byte_sink& put(bytes_view bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }

  [[nodiscard]] std::vector<std::byte>& bytes() { return bytes_; }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }

 private:
  std::vector<std::byte> bytes_{};
};

inline std::int64_t to_count(timestamp time) { return time.time_since_epoch().count(); }
inline timestamp to_timestamp(std::int64_t count) {
  return timestamp{std::chrono::nanoseconds{count}};
}

inline void encode(byte_sink& out, const summary_block& block) {
  out.put(block.offset).put(block.first.value()).put(to_count(block.time));
  out.put(block.skip).put(block.records);
  out.put(to_count(block.time_min)).put(to_count(block.time_max));
  out.put(to_count(block.append_min)).put(to_count(block.append_max)).put(block.flags);
}

/// Reads a block of `summary_block_bytes`.
inline summary_block decode_block(bytes_view bytes) {
  format::detail::field_reader in{bytes};
  summary_block block;
  block.offset = in.take<std::uint64_t>();
  block.first = lsn{in.take<std::uint64_t>()};
  block.time = to_timestamp(in.take<std::int64_t>());
  block.skip = in.take<std::uint32_t>();
  block.records = in.take<std::uint32_t>();
  for (timestamp* time : {&block.time_min, &block.time_max, &block.append_min, &block.append_max}) {
    *time = to_timestamp(in.take<std::int64_t>());
  }
  block.flags = in.take<std::uint32_t>();
  return block;
}

}  // namespace detail
}  // namespace logdb::query
