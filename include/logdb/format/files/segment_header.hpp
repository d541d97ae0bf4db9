// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The first 4096 bytes of each segment, and what any file of the format can be refused for.
///
/// Do not change: on disk. The byte-order mark and the CRC keep their places in every version.
/// ```
///   0 8 bytes magic            "LOGDBSEG"
///   8 u32 format_version
///  12 u32 byte_order           0x01020304
///  16 16 bytes store           uuid
///  32 u64 number               of this segment
///  40 u64 salt                 random
///  48 u64 base                 lsn of its first record; 0: attached, or made ready ahead
///  56 u64 capacity             bytes that frames may use, this header included
///  64 u64 predecessor          number of the segment before; 0: none
///  72 u64 predecessor_end      offset where that one ends; 0: at its seal
///  80 u64 compat               feature bits that any reader and writer may ignore
///  88 u64 read_only_compat     that a reader may ignore
///  96 u64 incompat             that nobody may ignore
/// 104 u32 index_id
/// 108 u32 compression_id
/// 112 u8  role                 1 log, 2 attached, 3 compacted
/// 113 11 bytes                 0, ignored
/// 124 u32 crc                  CRC-32C of bytes 0..124
/// 128 zeros to 4096, ignored
/// ```

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <logdb/format/bytes.hpp>
#include <logdb/format/crc32c.hpp>
#include <logdb/types.hpp>

namespace logdb::format {

inline constexpr std::uint32_t format_version = 1;
inline constexpr std::uint32_t byte_order_mark = 0x01020304;
inline constexpr std::uint64_t read_only_compat_known = 0;  ///< other bits: open read-only
inline constexpr std::uint64_t incompat_known = 0;          ///< other bits: refuse

/// Says why a segment header or a manifest cannot be read.
enum class format_fault {
  none,
  not_ours,          ///< no such magic: some other file
  damaged,           ///< ours, but the CRC, the length or a field is wrong
  newer_version,     ///< intact and written by a later version of the format
  unknown_feature,   ///< intact, with an incompat bit that this version does not know
  wrong_byte_order,  ///< written big-endian
};

/// Tells whether a later version of the library could read it.
constexpr bool is_beyond_us(format_fault fault) {
  return fault == format_fault::newer_version || fault == format_fault::unknown_feature;
}

/// Says what a segment holds. Do not change: on disk.
enum class segment_role : std::uint8_t {
  log = 1,        ///< frames in lsn order
  attached = 2,   ///< one transaction, committed by an attach frame
  compacted = 3,  ///< what is left of segments of the log: lsns ascend, with gaps
};

inline constexpr std::size_t segment_header_bytes = 4096;

/// What a segment says about itself.
struct segment_header {
  std::array<std::byte, 16> store{};
  segment_number number{};
  std::uint64_t salt = 0;
  lsn base{};
  std::uint64_t capacity = 0;
  segment_number predecessor{};
  std::uint64_t predecessor_end = 0;
  std::uint64_t compat = 0;
  std::uint64_t read_only_compat = 0;
  std::uint64_t incompat = 0;
  std::uint32_t index_id = 0;
  std::uint32_t compression_id = 0;
  segment_role role = segment_role::log;

  friend bool operator==(const segment_header&, const segment_header&) = default;
};

namespace detail {

inline constexpr std::string_view segment_magic = "LOGDBSEG";
inline constexpr std::size_t segment_fields_bytes = 128;
inline constexpr std::size_t segment_crc_at = 124;

constexpr bool is_role(std::uint8_t role) {
  return role == static_cast<std::uint8_t>(segment_role::log) ||
         role == static_cast<std::uint8_t>(segment_role::attached) ||
         role == static_cast<std::uint8_t>(segment_role::compacted);
}

/// Checks what both file kinds begin with: magic, version, byte order; takes them from `in`.
inline format_fault check_start(field_reader& in, std::string_view magic, std::uint32_t& version) {
  if (as_text(in.take(magic.size())) != magic) return format_fault::not_ours;
  version = in.take<std::uint32_t>();
  const auto order = in.take<std::uint32_t>();
  if (!in.ok()) return format_fault::damaged;
  if (order == byte_order_mark) return format_fault::none;
  return order == 0x04030201 ? format_fault::wrong_byte_order : format_fault::damaged;
}

inline segment_header take_segment_header(field_reader& in) {
  segment_header header;
  const bytes_view store = in.take(header.store.size());
  std::memcpy(header.store.data(), store.data(), store.size());
  header.number = segment_number{in.take<std::uint64_t>()};
  header.salt = in.take<std::uint64_t>();
  header.base = lsn{in.take<std::uint64_t>()};
  header.capacity = in.take<std::uint64_t>();
  header.predecessor = segment_number{in.take<std::uint64_t>()};
  header.predecessor_end = in.take<std::uint64_t>();
  header.compat = in.take<std::uint64_t>();
  header.read_only_compat = in.take<std::uint64_t>();
  header.incompat = in.take<std::uint64_t>();
  header.index_id = in.take<std::uint32_t>();
  header.compression_id = in.take<std::uint32_t>();
  header.role = static_cast<segment_role>(in.take<std::uint8_t>());
  return header;
}

}  // namespace detail

/// Writes the first segment_header_bytes of a segment.
inline std::array<std::byte, segment_header_bytes> encode(const segment_header& header) {
  std::array<std::byte, segment_header_bytes> out{};
  detail::field_writer{out.data()}
      .put(as_bytes(detail::segment_magic))
      .put(format_version)
      .put(byte_order_mark)
      .put(bytes_view{header.store})
      .put(to_integer(header.number))
      .put(header.salt)
      .put(header.base.value())
      .put(header.capacity)
      .put(to_integer(header.predecessor))
      .put(header.predecessor_end)
      .put(header.compat)
      .put(header.read_only_compat)
      .put(header.incompat)
      .put(header.index_id)
      .put(header.compression_id)
      .put(static_cast<std::uint8_t>(header.role));
  store(out.data() + detail::segment_crc_at, crc32c(bytes_view{out}.first(detail::segment_crc_at)));
  return out;
}

/// Reads a segment header.
///
/// @param bytes   the segment's start: 128 bytes or more
/// @param out     what was read; unchanged unless the result is `none`
/// @threads       any
inline format_fault decode(bytes_view bytes, segment_header& out) {
  detail::field_reader in{bytes};
  std::uint32_t version = 0;
  const format_fault start = detail::check_start(in, detail::segment_magic, version);
  if (start != format_fault::none) return start;
  if (bytes.size() < detail::segment_fields_bytes) return format_fault::damaged;
  const auto crc = load<std::uint32_t>(bytes.data() + detail::segment_crc_at);
  if (crc != crc32c(bytes.first(detail::segment_crc_at))) return format_fault::damaged;
  if (version == 0) return format_fault::damaged;
  if (version > format_version) return format_fault::newer_version;
  const segment_header header = detail::take_segment_header(in);
  if ((header.incompat & ~incompat_known) != 0) return format_fault::unknown_feature;
  if (!detail::is_role(static_cast<std::uint8_t>(header.role))) return format_fault::damaged;
  out = header;
  return format_fault::none;
}

}  // namespace logdb::format
