// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What an open does with the files that no manifest names.

#include <string>
#include <utility>
#include <vector>

#include <logdb/error.hpp>
#include <logdb/format/files/names.hpp>
#include <logdb/journal/inspect/vacancy.hpp>
#include <logdb/journal/open/newest_manifest.hpp>
#include <logdb/journal/segments/segment_table.hpp>
#include <logdb/light.hpp>

namespace logdb::detail {

/// Appended to the name of a file that salvage puts aside.
inline constexpr std::string_view kept_suffix = ".kept";

/// Puts a file aside under a name that no log uses. @errors errc::io
template <class Storage>
void put_aside(Storage& volume, const std::string& name) {
  std::string kept = name + std::string{kept_suffix};
  for (std::size_t n = 2; volume.exists(kept); ++n) {
    kept = name + std::string{kept_suffix} + std::to_string(n);
  }
  volume.rename(name, kept);
}

/// Tells whether a segment that the manifest does not name is this store's own: what its steps that
/// a crash cut short had made, or had given up. What says that it is another's is left to that one.
/// @errors  errc::io
template <class Storage>
bool is_own_orphan(const Storage& volume, const std::string& name, const identity& store) {
  try {
    const auto header = read_segment_header(volume, name);
    return !header || header->store == store;
  } catch (const error& failure) {
    if (failure.condition() != errc::not_a_log) throw;
    return false;  // a directory, say
  }
}

/// What an open knows of the segments that no manifest names.
struct orphan_facts {
  bool is_rebuilt = false;  ///< the manifest was made anew
  std::uint64_t next = 0;   ///< the number of the next segment, by the manifest's word
  lsn end{};                ///< one past the last record of the log
};

/// Tells whether an orphan must have been named by a later manifest: an older one was restored.
template <class Storage>
bool is_of_later_manifest(const Storage& volume, const std::string& name, const identity& store,
                          const orphan_facts& facts) {
  const auto number = format::parse_segment_name(name);
  return to_integer(*number) >= facts.next && holds_records_from(volume, name, store, facts.end);
}

/// Removes the store's own segments that its manifest does not name: each is named before a record
/// goes into it, so they hold nothing that was promised. Where the manifest had to be made anew, or
/// is an older one, that is not known: those with frames are put aside.
/// @errors  errc::io
template <class Policies>
void remove_orphans(basic_segment_table<Policies>& table, const orphan_facts& facts) {
  const auto list = table.list();
  auto& volume = *table.volume();
  std::vector<std::string> orphans;
  for (std::string& name : volume.names()) {
    const auto number = format::parse_segment_name(name);
    if (!number || list->has(*number)) continue;
    if (is_own_orphan(volume, name, table.store())) orphans.push_back(std::move(name));
  }
  const bool is_older = light::any_of(orphans, [&](const std::string& name) {
    return is_of_later_manifest(volume, name, table.store(), facts);
  });
  for (const std::string& name : orphans) {
    const bool stays = (facts.is_rebuilt || is_older) && !has_no_frames(volume, name);
    stays ? put_aside(volume, name) : volume.remove(name);
  }
}

}  // namespace logdb::detail
