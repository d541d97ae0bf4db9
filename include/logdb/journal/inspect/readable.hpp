// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Whether a log may be read here, and what of it. Looks by calls at what is then read through a
/// mapping: a device that refuses a read ends a call with an error, and a mapped read with SIGBUS.

#include <cstdint>
#include <utility>

#include <logdb/error.hpp>
#include <logdb/policy/storage_traits.hpp>

namespace logdb::detail {

/// Reads a stretch of a file by calls, where the storage has any.
/// @errors  errc::io for what cannot be read
template <class File>
void read_by_calls(const File& opened, std::uint64_t from, std::uint64_t to) {
  try {
    file_traits<File>::probe(opened, from, to - from);
  } catch (const error& refused) {
    if (refused.condition() != errc::io) throw;
    auto where = refused.site();
    where.remedy = "check the device, or open with recovery_mode::salvage to read what is intact";
    throw error{errc::io, "cannot read the segment", std::move(where)};
  }
}

/// Returns the bytes of a segment for a scan.
/// @errors  as bytes(); errc::corrupt when the file was cut
template <class Segment>
[[nodiscard]] bytes_view whole_bytes(Segment& opened) {
  const bytes_view all = opened.bytes();
  const std::uint64_t there = opened.bytes_there();
  if (there == all.size()) return all;
  throw error{errc::corrupt, "the file was cut while the log was open", opened.site(there)};
}

/// Maps a file, with zeros where it cannot be read.
template <class File>
[[nodiscard]] auto map_what_is_readable(const File& opened) {
  return file_traits<File>::map_readable(opened);
}

}  // namespace logdb::detail
