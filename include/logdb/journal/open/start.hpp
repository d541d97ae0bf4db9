// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The manifest that a log is opened to write from: what is there, or one of a new store.

#include <utility>

#include <logdb/error.hpp>
#include <logdb/format/files/manifest.hpp>
#include <logdb/journal/open/rebuild.hpp>
#include <logdb/journal/staging/boot.hpp>
#include <logdb/journal/staging/staging.hpp>
#include <logdb/policy/storage_traits.hpp>

namespace logdb::detail {

/// Draws the identity of a new store.
template <class System>
identity random_identity() {
  identity store{};
  if (const int failed = System::random(store.data(), store.size()); failed < 0) {
    throw_errno(-failed, "cannot draw a store's identity");
  }
  return store;
}

/// Throws where there is no store, and a control file of this boot holds what one accepted: the
/// store's file was renamed, or removed.
template <class Storage>
void require_nothing_staged(const Storage& volume) {
  const auto ring = staging<Storage>::open(volume, open_mode::read_only);
  if (!is_of_this_boot(ring) || !ring.may_hold_accepted()) return;
  throw error{errc::corrupt,
              "there is no log, but a control file with records that one had accepted: bring the "
              "log back, or remove the control file",
              {.path = volume.path() / format::control_name}};
}

/// Returns the manifest to start from: what is there, or one of a new store.
/// @param is_alone  whether nobody else may be at it
/// @errors  errc::not_a_log, errc::format_mismatch, errc::corrupt, errc::io
template <class Policies>
format::manifest starting_manifest(const typename Policies::storage& volume, recovery_mode mode,
                                   bool is_alone) {
  const auto load = [&] {
    return load_or_rebuild<Policies>(volume, open_mode::read_write, mode, is_alone);
  };
  if (auto found = load()) return *found;
  try {
    require_vacant(volume);
    require_nothing_staged(volume);
  } catch (const error&) {
    // Another process may have made the log just now.
    if (auto found = load()) return *found;
    throw;
  }
  format::manifest fresh{.store = random_identity<typename Policies::storage::system>(),
                         .next_segment = 1};
  fresh.index_id = Policies::index::id;
  fresh.first = lsn{1};
  return fresh;
}

}  // namespace logdb::detail
