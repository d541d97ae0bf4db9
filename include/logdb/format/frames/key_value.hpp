// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The record of a key-value log: what one put, add or erase says of one key.
///
/// Do not change: on disk.
/// ```
///  0 u32 value_bytes
///  4 u16 key_bytes
///  6 u8  kind          1 put, 2 erase, 3 add
///  7 u8  flags         1 expires, 2 in a batch, 4 the version before is in the same batch
///  8 u64 previous      lsn of the key's version before, 0: none; with flag 4 how many lsns before
/// 16 i64 expires       only with flag 1: log time, ns since 1970
///  … u32 crc           only with flag 2: CRC-32C of the record without these four bytes
///  … u32 back          only with flag 2: bytes from the frame's start to the record's
///  … u32 index         only with flag 2: number of the record in its frame, from 0
///  … u32 0             only with flag 2
///  … key, value        to the record's end
/// ```

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include <logdb/format/bytes.hpp>
#include <logdb/format/crc32c.hpp>
#include <logdb/types.hpp>

namespace logdb::format {

/// Says what a record does to its key. Do not change: on disk.
enum class key_verb : std::uint8_t {
  put = 1,    ///< the key has this value and no other
  erase = 2,  ///< it has none: a tombstone
  add = 3,    ///< it has this value, too
};

inline constexpr std::size_t key_bytes_max = 0xffff;
inline constexpr std::size_t key_record_fixed_bytes = 16;
inline constexpr std::size_t key_record_head_bytes_max = 40;

// Do not change: on disk.
inline constexpr std::uint8_t key_flag_expires = 1;
inline constexpr std::uint8_t key_flag_batched = 2;
inline constexpr std::uint8_t key_flag_near = 4;

/// What stands before the key and the value.
struct key_record_head {
  std::uint32_t value_bytes = 0;
  std::uint16_t key_bytes = 0;
  key_verb verb = key_verb::put;
  std::uint64_t previous = 0;          ///< an lsn, or a distance if `near`
  bool near = false;                   ///< the version before stands in the same batch
  std::optional<timestamp> expires{};  ///< in log time
  bool batched = false;                ///< stands in a batch frame, with the fields below
  std::uint32_t crc = 0;
  std::uint32_t back = 0;
  std::uint32_t index = 0;

  [[nodiscard]] constexpr std::size_t head_bytes() const {
    return key_record_fixed_bytes + (expires ? 8 : 0) + (batched ? 16 : 0);
  }
  [[nodiscard]] constexpr std::uint64_t record_bytes() const {
    return head_bytes() + key_bytes + std::uint64_t{value_bytes};
  }
};

/// A record of a key where it stands.
struct key_record {
  key_record_head head{};
  bytes_view key{};
  bytes_view value{};
  bytes_view bytes{};  ///< all of it
};

/// Writes a head. @param out  head_bytes()
inline void encode_key_head(std::byte* out, const key_record_head& head) {
  std::uint8_t flags = head.expires ? key_flag_expires : std::uint8_t{0};
  if (head.batched) flags |= key_flag_batched;
  if (head.near) flags |= key_flag_near;
  detail::field_writer fields{out};
  fields.put(head.value_bytes)
      .put(head.key_bytes)
      .put(static_cast<std::uint8_t>(head.verb))
      .put(flags)
      .put(head.previous);
  if (head.expires) fields.put(static_cast<std::int64_t>(head.expires->time_since_epoch().count()));
  if (head.batched) fields.put(head.crc).put(head.back).put(head.index).put(std::uint32_t{0});
}

namespace detail {

inline std::size_t key_crc_offset(const key_record_head& head) {
  return key_record_fixed_bytes + (head.expires ? 8 : 0);
}

inline bool is_key_verb(std::uint8_t verb) {
  return verb >= static_cast<std::uint8_t>(key_verb::put) &&
         verb <= static_cast<std::uint8_t>(key_verb::add);
}

inline void load_key_extras(const std::byte* at, std::uint8_t flags, key_record_head& head) {
  at += key_record_fixed_bytes;
  head.expires.reset();
  if ((flags & key_flag_expires) != 0) {
    head.expires = timestamp{std::chrono::nanoseconds{load<std::int64_t>(at)}};
    at += 8;
  }
  head.batched = (flags & key_flag_batched) != 0;
  if (!head.batched) return;
  head.crc = load<std::uint32_t>(at);
  head.back = load<std::uint32_t>(at + 4);
  head.index = load<std::uint32_t>(at + 8);
}

}  // namespace detail

/// Returns how many bytes a record takes, from its first 16; 0: these are no record's.
inline std::uint64_t key_record_bytes(bytes_view front) {
  if (front.size() < key_record_fixed_bytes) return 0;
  const auto verb = load<std::uint8_t>(front.data() + 6);
  const auto flags = load<std::uint8_t>(front.data() + 7);
  if (!detail::is_key_verb(verb) || flags > 7) return 0;
  return key_record_fixed_bytes + ((flags & key_flag_expires) != 0 ? 8u : 0u) +
         ((flags & key_flag_batched) != 0 ? 16u : 0u) + load<std::uint16_t>(front.data() + 4) +
         std::uint64_t{load<std::uint32_t>(front.data())};
}

/// Reads a record at the start of some bytes; false when there is none, or not all of it.
/// @param bytes  may go on behind the record
/// @param out    unchanged if false
inline bool decode_key_record(bytes_view bytes, key_record& out) {
  const std::uint64_t size = key_record_bytes(bytes);
  if (size == 0 || size > bytes.size()) return false;
  const std::byte* const at = bytes.data();
  key_record_head& head = out.head;
  head.value_bytes = load<std::uint32_t>(at);
  head.key_bytes = load<std::uint16_t>(at + 4);
  head.verb = static_cast<key_verb>(load<std::uint8_t>(at + 6));
  const auto flags = load<std::uint8_t>(at + 7);
  head.previous = load<std::uint64_t>(at + 8);
  head.near = (flags & key_flag_near) != 0;
  detail::load_key_extras(at, flags, head);
  out.bytes = bytes.first(static_cast<std::size_t>(size));
  out.value = out.bytes.last(head.value_bytes);
  out.key = out.bytes.first(out.bytes.size() - head.value_bytes).last(head.key_bytes);
  return true;
}

/// The same; nothing when there is none.
inline std::optional<key_record> decode_key_record(bytes_view bytes) {
  std::optional<key_record> found{std::in_place};
  if (!decode_key_record(bytes, *found)) found.reset();
  return found;
}

/// Computes the checksum that a record in a batch carries, from its bytes.
inline std::uint32_t key_record_crc(const key_record& record) {
  const std::size_t at = detail::key_crc_offset(record.head);
  return crc32c(record.bytes.subspan(at + 4), crc32c(record.bytes.first(at)));
}

/// Completes the head of a record in a batch, once its place in the frame is known.
/// @param record   the record's bytes, written with a head that is `batched`
inline void finish_batched(std::span<std::byte> record, std::uint64_t previous, bool near,
                           std::uint32_t back, std::uint32_t index) {
  auto flags = load<std::uint8_t>(record.data() + 7);
  flags = static_cast<std::uint8_t>(near ? flags | key_flag_near : flags & ~key_flag_near);
  store(record.data() + 7, flags);
  store(record.data() + 8, previous);
  const std::size_t at = key_record_fixed_bytes + ((flags & key_flag_expires) != 0 ? 8u : 0u);
  store(record.data() + at + 4, back);
  store(record.data() + at + 8, index);
  const bytes_view whole = record;
  store(record.data() + at, crc32c(whole.subspan(at + 4), crc32c(whole.first(at))));
}

}  // namespace logdb::format
