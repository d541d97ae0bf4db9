// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Finds what a process that died had staged, where its log in one file was renamed since: the
/// control file beside it has the old name.

#include <optional>
#include <string>

#include <logdb/format/files/names.hpp>
#include <logdb/journal/staging/boot.hpp>
#include <logdb/journal/staging/staging.hpp>
#include <logdb/policy/storage_traits.hpp>

namespace logdb::detail {

/// Returns the name that a store had, if its control file of this boot stands beside that still.
/// @errors  errc::io
template <class Storage>
std::optional<std::string> find_former_name(const Storage& volume, const identity& store) {
  if constexpr (storage_traits<Storage>::has_files_beside()) {
    for (std::string& gone : volume.gone_with(format::control_name)) {
      const auto ring = staging<Storage>::of(
          volume.open_of(gone, format::control_name, open_mode::read_only), open_mode::read_only);
      if (is_of_this_boot(ring) && ring.header().store == store) return std::move(gone);
    }
  }
  return std::nullopt;
}

/// Gives a store that was renamed its control file back. The lease, which holds by every name, is
/// the caller's.
template <class Storage>
void follow_renaming(Storage& volume, const identity& store) {
  if constexpr (storage_traits<Storage>::has_files_beside()) {
    if (volume.exists(format::control_name)) return;
    const auto former = find_former_name(volume, store);
    if (former) volume.take_over(*former, format::control_name);
  }
}

}  // namespace logdb::detail
