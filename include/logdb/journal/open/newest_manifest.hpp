// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Tells the manifest that was published last from an older one in its place: restored by somebody,
/// or what an older table of a log in one file leads to. What the later one names would be lost.

#include <cstdint>
#include <optional>
#include <string>

#include <logdb/error.hpp>
#include <logdb/journal/inspect/readable.hpp>
#include <logdb/journal/inspect/vacancy.hpp>
#include <logdb/journal/manifest/manifest_file.hpp>
#include <logdb/journal/staging/boot.hpp>
#include <logdb/journal/staging/staging.hpp>
#include <logdb/policy/storage_traits.hpp>

namespace logdb::detail {

/// Opens the control file, if there is one.
/// @errors  errc::io
template <class Storage>
staging<Storage> open_control(const Storage& volume) {
  try {
    return staging<Storage>::open(volume, open_mode::read_only);
  } catch (const error& gone) {
    if (gone.condition() != errc::not_found) throw;  // else the log was closed just now
    return {};
  }
}

/// Returns the manifest; nothing when there is none.
/// @errors  as load_manifest(); errc::corrupt too if a process of this boot has published a later
///          one
template <class Policies>
std::optional<format::manifest> load_newest(const typename Policies::storage& volume,
                                            open_mode mode) {
  const auto ring = open_control(volume);
  const bool tells = ring && ring.is_current() && !ring.is_copy();
  // Before the manifest is read: a live writer goes on.
  const std::uint64_t told = tells ? ring.header().generation.load(std::memory_order_acquire) : 0;
  auto found = load_manifest<Policies>(volume, mode);
  const bool is_older = found && found->generation < told && found->store == ring.header().store;
  if (is_older && is_of_this_boot(ring)) {
    throw error{errc::corrupt,
                "the manifest is older than the one that a process published last",
                {.path = locate(volume, format::manifest_name).path}};
  }
  return found;
}

/// Tells whether the manifest that is there is the one of a generation.
template <class Policies>
bool is_ruling(const typename Policies::storage& volume, std::uint64_t generation) {
  try {
    const auto found = load_manifest<Policies>(volume, open_mode::read_write);
    return found && found->generation == generation;
  } catch (const error&) {
    return false;
  }
}

/// Tells whether a segment of the log has a whole frame with records from one on.
/// @errors  errc::not_a_log, errc::io
template <class Storage>
bool holds_records_from(const Storage& volume, const std::string& name, const identity& store,
                        lsn first) {
  const auto header = read_segment_header(volume, name);
  if (!header || header->store != store || header->role != format::segment_role::log) return false;
  const auto file = volume.open(name, open_mode::read_only);
  const auto mapping = map_what_is_readable(file);
  const bytes_view all = mapping.bytes();
  const auto seed = format::make_seed(header->salt);
  format::frame_view frame;
  std::uint64_t at = format::segment_header_bytes;
  while (format::read_frame(all, at, seed, frame) == format::frame_fault::none) {
    if (frame.header.count != 0 && frame.header.first + frame.header.count > first) return true;
    at += frame.bytes;
  }
  return false;
}

/// Throws if there is a segment with records that only a later manifest can have named: rolling
/// made it, which names a segment before a record goes into it. Beside a writer that manifest may
/// have come meanwhile.
/// @errors  errc::corrupt, errc::io
template <class Policies>
void require_no_later_segment(const typename Policies::storage& volume,
                              const format::manifest& found) {
  // A copy made beside a writer, its manifest first, has some: it ends where the manifest does.
  if (const auto ring = open_control(volume); ring && ring.is_copy()) return;
  for (const std::string& name : volume.names()) {
    const auto number = format::parse_segment_name(name);
    if (!number || to_integer(*number) < found.next_segment) continue;
    try {
      const auto header = read_segment_header(volume, name);
      if (!header || header->base || !holds_records_from(volume, name, found.store, lsn{1})) {
        continue;
      }
    } catch (const error& failure) {
      const auto why = failure.condition();  // a directory, say, or a writer has removed it
      if (why != errc::not_a_log && why != errc::not_found) throw;
      continue;
    }
    const auto now = load_manifest<Policies>(volume, open_mode::read_only);
    if (now && now->next_segment > to_integer(*number)) continue;
    throw error{errc::corrupt,
                "the manifest is older than a segment with records, \"" + name + "\"",
                {.path = locate(volume, format::manifest_name).path}};
  }
}

/// Tells whether there is a manifest that can be used.
template <class Policies>
bool is_manifest_sound(const typename Policies::storage& volume) {
  try {
    const auto found = load_newest<Policies>(volume, open_mode::read_write);
    if (found) require_no_later_segment<Policies>(volume, *found);
    return found.has_value();
  } catch (const error&) {
    return false;
  }
}

}  // namespace logdb::detail
