// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Which log this is, and whether the history of one goes on from where it was known.

#include <logdb/format/crc32c.hpp>
#include <logdb/journal/control/control.hpp>
#include <logdb/journal/read/records.hpp>
#include <logdb/record.hpp>
#include <logdb/stats.hpp>

namespace logdb::detail {

/// Returns the identity of a store at a record.
inline log_identity identity_at(const identity& store, const record& newest) {
  return {.store = store,
          .at = newest.lsn(),
          .time = newest.time(),
          .checksum = format::crc32c(newest.bytes())};
}

/// Returns the identity of a store at the newest of the records that may be seen.
/// @errors  errc::corrupt, errc::io
template <class Scope>
log_identity identity_of(const identity& store, const Scope& seen) {
  const auto newest = newest_record(seen);
  return newest ? identity_at(store, *newest) : log_identity{.store = store};
}

/// Tells whether a snapshot has the record that an identity was taken at, in the same store.
/// @errors  errc::truncated, errc::not_found
template <class Snapshot>
bool continues(const log_identity& known, const identity& store, const Snapshot& seen) {
  if (store != known.store || known.at > seen.last_lsn()) return false;
  if (!known.at) return known == log_identity{.store = store};
  return known == identity_at(store, seen.read(known.at));
}

}  // namespace logdb::detail
