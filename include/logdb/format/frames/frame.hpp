// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The frame: the unit that is written and checksummed. Writes its header, reads it with checks.
///
/// Drawn byte by byte in docs/format.md; do not change: on disk.
/// ```
///  0 u32 header_crc     CRC-32C of: segment's salt (u64), frame's offset (u64), bytes 4..24
///  4 u32 payload_crc    CRC-32C of the payload
///  8 u64 first_lsn      of its first record; in a frame without records, what the next will get
/// 16 u32 payload_bytes
/// 20 u24 count          records in the frame, 0 in a frame without records
/// 23 u8  kind           low 4 bits frame_kind; high 4 bits flags, none defined yet
/// 24 payload, then zeros up to a multiple of 8
/// ```

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <logdb/durability_point.hpp>
#include <logdb/format/bytes.hpp>
#include <logdb/format/crc32c.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/types.hpp>

namespace logdb::format {

using logdb::detail::durability_point;
using logdb::detail::has_step;

/// Says what a frame's payload is. Do not change: on disk.
enum class frame_kind : std::uint8_t {
  record = 1,      ///< one record
  batch = 2,       ///< many records, each under 64 KiB: batch.hpp
  wide_batch = 3,  ///< many records of any length: batch.hpp
  mark = 4,        ///< what the previous sync made durable: payloads.hpp
  seal = 5,        ///< the end of a segment's records
  footer = 6,      ///< derived data of a sealed segment: payloads.hpp
  cursor = 7,      ///< a named reader's place: payloads.hpp
  attach = 8,      ///< commits a transaction that has a segment of its own: payloads.hpp
};

inline constexpr std::size_t frame_header_bytes = 24;
inline constexpr std::size_t frame_alignment = 8;
inline constexpr std::uint32_t frame_count_max = (1u << 24) - 1;
/// No record gets a larger one, and no file is believed that says so: sums of lsns never wrap.
inline constexpr lsn lsn_max{std::uint64_t{1} << 62};

/// Gives how many bytes a frame takes: header and payload, rounded up to the alignment.
constexpr std::uint64_t frame_bytes(std::uint64_t payload_bytes) {
  return (frame_header_bytes + payload_bytes + frame_alignment - 1) & ~(frame_alignment - 1);
}

/// What a header says, without its own CRC.
struct frame_header {
  std::uint32_t payload_crc = 0;
  std::uint32_t payload_bytes = 0;
  lsn first{};
  std::uint32_t count = 0;  ///< 1 for a record, 1 .. frame_count_max for a batch, 0 for the others
  frame_kind kind = frame_kind::record;

  friend constexpr bool operator==(const frame_header&, const frame_header&) = default;
};

/// What binds header CRCs to one segment: the CRC of its salt.
enum class frame_seed : std::uint32_t {};

/// Makes the seed of a segment. @cost once a segment
inline frame_seed make_seed(std::uint64_t salt) {
  if constexpr (!has_step<durability_point::salt_in_checksum>) salt = 0;
  std::array<std::byte, 8> bytes;
  store(bytes.data(), salt);
  return frame_seed{crc32c(bytes)};
}

/// Says why there is no valid frame at an offset.
enum class frame_fault {
  none,          ///< there is one
  zeros,         ///< the 24 bytes of the header are all zero: never written
  out_of_space,  ///< less than a header remains, or a valid header's frame passes the end
  bad_header,    ///< the header's CRC, kind, flags or count is wrong, or the offset is unaligned
  bad_payload,   ///< the header is valid, the payload's CRC or the padding is wrong
};

/// A frame where it stands in a segment's bytes.
struct frame_view {
  frame_header header{};
  bytes_view payload{};
  std::uint64_t bytes = 0;  ///< of the whole frame: the next one stands so much further
};

namespace detail {

/// Bytes 16..24 of a header as one integer: payload_bytes, count, kind.
constexpr std::uint64_t pack_shape(const frame_header& header) {
  return std::uint64_t{header.payload_bytes} | std::uint64_t{header.count} << 32 |
         std::uint64_t{static_cast<std::uint8_t>(header.kind)} << 56;
}
constexpr std::uint32_t shape_payload_bytes(std::uint64_t shape) {
  return static_cast<std::uint32_t>(shape);
}
constexpr std::uint32_t shape_count(std::uint64_t shape) {
  return static_cast<std::uint32_t>(shape >> 32) & frame_count_max;
}
constexpr frame_kind shape_kind(std::uint64_t shape) {
  return static_cast<frame_kind>(shape >> 56);
}

/// Tells whether kind, flags and count agree with each other.
constexpr bool is_valid_shape(std::uint64_t shape) {
  switch (shape_kind(shape)) {
    case frame_kind::record: return shape_count(shape) == 1;
    case frame_kind::batch:
    case frame_kind::wide_batch: return shape_count(shape) != 0;
    case frame_kind::mark:
    case frame_kind::seal:
    case frame_kind::footer:
    case frame_kind::cursor:
    case frame_kind::attach: return shape_count(shape) == 0;
  }
  return false;
}

/// What a header CRC covers after the seed.
struct header_fields {
  std::uint64_t offset;
  std::uint32_t payload_crc;
  std::uint64_t first;
  std::uint64_t shape;
};

using header_crc_function = std::uint32_t (*)(frame_seed, const header_fields&);

inline std::uint32_t header_crc_software(frame_seed seed, const header_fields& fields) {
  std::array<std::byte, 28> bytes;
  field_writer{bytes.data()}
      .put(fields.offset)
      .put(fields.payload_crc)
      .put(fields.first)
      .put(fields.shape);
  return crc32c_software(bytes, static_cast<std::uint32_t>(seed));
}

#if defined(LOGDB_CRC32C_HAS_STEPS)
LOGDB_CRC32C_TARGET inline std::uint32_t header_crc_hardware(frame_seed seed,
                                                             const header_fields& fields) {
  std::uint32_t crc = ~static_cast<std::uint32_t>(seed);
  crc = crc32c_step(crc, fields.offset);
  crc = crc32c_step(crc, fields.payload_crc);
  crc = crc32c_step(crc, fields.first);
  return ~crc32c_step(crc, fields.shape);
}
#else
inline std::uint32_t header_crc_hardware(frame_seed seed, const header_fields& fields) {
  return header_crc_software(seed, fields);
}
#endif

// Chosen as crc32c_chosen is; of its own, since four steps inline are half the cost of a call that
// finds its way through lengths.
inline std::uint32_t header_crc_resolve(frame_seed seed, const header_fields& fields);
inline constinit platform::atomic<header_crc_function> header_crc_chosen{&header_crc_resolve};

inline std::uint32_t header_crc_resolve(frame_seed seed, const header_fields& fields) {
  const header_crc_function chosen =
      crc32c_is_hardware() ? &header_crc_hardware : &header_crc_software;
  header_crc_chosen.store(chosen, std::memory_order_relaxed);
  return chosen(seed, fields);
}

inline std::uint32_t header_crc(frame_seed seed, const header_fields& fields) {
  if constexpr (crc32c_always_hardware) {
    return header_crc_hardware(seed, fields);
  } else {
    return header_crc_chosen.load(std::memory_order_relaxed)(seed, fields);
  }
}

/// The header CRC, which binds a frame to its segment and its place there.
inline std::uint32_t bound_crc(frame_seed seed, header_fields fields) {
  if constexpr (!has_step<durability_point::offset_in_checksum>) fields.offset = 0;
  return header_crc(seed, fields);
}

inline frame_fault header_fault(const std::byte* at) {
  const std::uint64_t any =
      load<std::uint64_t>(at) | load<std::uint64_t>(at + 8) | load<std::uint64_t>(at + 16);
  return any == 0 ? frame_fault::zeros : frame_fault::bad_header;
}

/// Tells whether the bytes after the payload are zero. Padding lies in the frame's last word.
inline bool is_padding_zero(const std::byte* frame, std::uint64_t bytes,
                            std::uint32_t payload_bytes) {
  const std::uint64_t padding = bytes - frame_header_bytes - payload_bytes;  // 0 .. 7
  const std::uint64_t last = load<std::uint64_t>(frame + bytes - 8);
  return (last >> 1) >> (63 - 8 * padding) == 0;  // in two shifts: one by 64 is undefined
}

}  // namespace detail

/// Writes a frame's header.
///
/// @param out      frame_header_bytes; the payload and zero padding to frame_bytes() follow it
/// @param offset   where the frame will stand, bytes from the segment's start, a multiple of 8
/// @threads        any
/// @cost           about 4 ns
inline void encode_header(std::byte* out, const frame_header& header, frame_seed seed,
                          std::uint64_t offset) {
  const std::uint64_t shape = detail::pack_shape(header);
  const std::uint32_t crc =
      detail::bound_crc(seed, {offset, header.payload_crc, header.first.value(), shape});
  store(out, crc);
  store(out + 4, header.payload_crc);
  store(out + 8, header.first.value());
  store(out + 16, shape);
}

/// Takes a header as it stands, without any check: for frames that this process has just made.
/// @param at   frame_header_bytes bytes
inline frame_header load_header(const std::byte* at) {
  const auto shape = load<std::uint64_t>(at + 16);
  return {load<std::uint32_t>(at + 4), detail::shape_payload_bytes(shape),
          lsn{load<std::uint64_t>(at + 8)}, detail::shape_count(shape), detail::shape_kind(shape)};
}

/// Reads a frame from a part of a segment and checks everything but its payload's CRC and padding.
///
/// @param part      bytes of the segment, as far as they may be read
/// @param first     the offset of the part in the segment
/// @param out       what was read; unchanged unless the result is `none`
/// @threads         any
inline frame_fault read_header_in(bytes_view part, std::uint64_t first, std::uint64_t offset,
                                  frame_seed seed, frame_view& out) {
  const std::uint64_t place = offset - first;  // wraps before the part: then it is out of space
  if (place > part.size() || part.size() - place < frame_header_bytes) {
    return frame_fault::out_of_space;
  }
  const std::byte* const at = part.data() + place;
  const auto payload_crc = load<std::uint32_t>(at + 4);
  const auto first_lsn = load<std::uint64_t>(at + 8);
  const auto shape = load<std::uint64_t>(at + 16);
  const bool matches =
      detail::bound_crc(seed, {offset, payload_crc, first_lsn, shape}) == load<std::uint32_t>(at);
  const bool aligned = offset % frame_alignment == 0;
  if ((has_step<durability_point::header_checksum> && !matches) || !detail::is_valid_shape(shape) ||
      !aligned) [[unlikely]] {
    return detail::header_fault(at);
  }
  const std::uint32_t payload_bytes = detail::shape_payload_bytes(shape);
  const std::uint64_t bytes = frame_bytes(payload_bytes);
  if (bytes > part.size() - place) [[unlikely]]
    return frame_fault::out_of_space;
  // One by one: a header built aside and copied would be read back wider than it was written,
  // which stalls: 15 ns a frame instead of 8.
  out.header.payload_crc = payload_crc;
  out.header.payload_bytes = payload_bytes;
  out.header.first = lsn{first_lsn};
  out.header.count = detail::shape_count(shape);
  out.header.kind = detail::shape_kind(shape);
  out.payload = {at + frame_header_bytes, payload_bytes};
  out.bytes = bytes;
  return frame_fault::none;
}

/// The same from a segment that is given from its start.
inline frame_fault read_header(bytes_view segment, std::uint64_t offset, frame_seed seed,
                               frame_view& out) {
  return read_header_in(segment, 0, offset, seed, out);
}

/// Reads a frame from a part of a segment and checks all of it: header CRC first, then kind, count,
/// length, payload.
///
/// @param part      bytes of the segment, as far as they may be read
/// @param first     the offset of the part in the segment
/// @param out       what was read; unspecified unless the result is `none`
/// @threads         any
/// @cost            O(payload); about 12 ns for 128 bytes
inline frame_fault read_frame_in(bytes_view part, std::uint64_t first, std::uint64_t offset,
                                 frame_seed seed, frame_view& out) {
  const frame_fault fault = read_header_in(part, first, offset, seed, out);
  if (fault != frame_fault::none) [[unlikely]]
    return fault;
  const std::byte* const at = part.data() + (offset - first);
  const bool matches = !has_step<durability_point::payload_checksum> ||
                       crc32c(out.payload) == out.header.payload_crc;
  const bool intact = matches && detail::is_padding_zero(at, out.bytes, out.header.payload_bytes);
  return intact ? frame_fault::none : frame_fault::bad_payload;
}

/// The same from a segment that is given from its start.
inline frame_fault read_frame(bytes_view segment, std::uint64_t offset, frame_seed seed,
                              frame_view& out) {
  return read_frame_in(segment, 0, offset, seed, out);
}

namespace detail {

/// Rejects most of what is no frame without a CRC: what it asks is part of read_header.
inline bool may_be_frame(bytes_view part, std::uint64_t place) {
  const auto shape = load<std::uint64_t>(part.data() + place + 16);
  return is_valid_shape(shape) && frame_bytes(shape_payload_bytes(shape)) <= part.size() - place;
}

}  // namespace detail

/// Counts what searches in one segment have cost so far.
struct search_work {
  std::uint64_t bytes = 0;  ///< of the frames whose payloads were checked
};

/// Finds the next whole valid frame in a part of a segment: to resynchronise after damage, and to
/// look for marks.
///
/// Valid headers whose payloads are damaged are passed over. In a file that was not crafted they
/// do not overlap; once their payloads add up to more than the segment, the search ends.
///
/// @param first     the offset of the part in the segment, a multiple of the alignment
/// @param from      where to begin, >= first; rounded up to the alignment
/// @param checked   payload bytes checked so far; the same object for all searches of one walk
///                  keeps the whole walk linear
/// @return          its offset, >= from
/// @threads         any
/// @cost            O(segment); several GB/s
inline std::optional<std::uint64_t> find_frame_in(bytes_view part, std::uint64_t first,
                                                  std::uint64_t from, frame_seed seed,
                                                  search_work& checked) {
  if (from - first > part.size()) return std::nullopt;
  frame_view frame;
  for (std::uint64_t at = ((from + frame_alignment - 1) & ~(frame_alignment - 1)) - first;
       at <= part.size() && part.size() - at >= frame_header_bytes; at += frame_alignment) {
    if (!detail::may_be_frame(part, at)) continue;
    if (read_header_in(part, first, first + at, seed, frame) != frame_fault::none) continue;
    checked.bytes += frame.bytes;
    if (checked.bytes > first + part.size()) return std::nullopt;
    if (frame.header.first > lsn_max) continue;
    if (read_frame_in(part, first, first + at, seed, frame) == frame_fault::none) return first + at;
  }
  return std::nullopt;
}

/// The same in a segment that is given from its start.
inline std::optional<std::uint64_t> find_frame(bytes_view segment, std::uint64_t from,
                                               frame_seed seed, search_work& checked) {
  return find_frame_in(segment, 0, from, seed, checked);
}

/// The same for a single search.
inline std::optional<std::uint64_t> find_frame(bytes_view segment, std::uint64_t from,
                                               frame_seed seed) {
  search_work checked;
  return find_frame(segment, from, seed, checked);
}

}  // namespace logdb::format
