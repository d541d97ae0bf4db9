// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The steps that durability rests on, by name, so that tests can leave out one at a time.
///
/// A build with -DLOGDB_LEAVE_OUT=segment_sync is the library without that step. The tests must
/// fail for each one: a step whose loss no test sees would be a missing
/// test or a superfluous step. In every other build the names cost nothing.

namespace logdb::detail {

enum class durability_point {
  none,
  // syncs
  segment_sync,          ///< of a segment, before its records count as durable
  header_sync,           ///< of a new segment's header, before the manifest names it
  segment_name_sync,     ///< of that segment's name
  manifest_sync,         ///< of a manifest, before it is renamed over the last one
  directory_sync,        ///< of the names, when a manifest has been renamed
  attachment_sync,       ///< of a large transaction's segment, before the log commits it
  attachment_name_sync,  ///< of that segment's name
  resume_sync,           ///< of what a dead process had only given to the kernel
  torn_sync,             ///< of a torn segment, before the manifest bounds it
  heal_sync,             ///< of the segment that takes what a failed sync left in doubt
  seal_sync,             ///< of everything before a segment's bounds are settled
  close_sync,            ///< of everything, before a close settles the active segment
  file_name_sync,        ///< of the name of a store in one file, which a dead writer may have left
  region_move_sync,      ///< of a region that was moved, before a table names its new place
  compacted_sync,        ///< of a compacted file, before it is renamed over the other
  survivors_sync,        ///< of what a compaction of keys keeps, before the manifest names it
  // orders
  listed_before_used,        ///< a segment stands in the manifest before a record goes into it
  unlisted_before_unlinked,  ///< the manifest forgets a segment before its file goes
  healed_before_durable,     ///< the manifest names a healed segment before its records are durable
  staged_until_durable,      ///< staging keeps a record until no failed sync can lose it
  one_sync_a_failure,        ///< a failed sync is never tried again on its file
  bound_behind_torn,         ///< the manifest says where a torn segment ends
  zeros_before_resuming,     ///< a segment is gone on with only if nothing stands behind its end
  region_in_doubt,           ///< a region that a failed sync may have lost bytes of stays in doubt
  table_in_doubt,            ///< a table that a failed sync may have lost is written anew
  table_settled,             ///< what a writer finds is made durable before it writes beside it
  durable_table_kept,        ///< no table is written over the newest durable one
  replacement_durable,       ///< what replaced a record is durable before compaction drops that
  survivors_before_unlinked,  ///< the manifest names what compaction kept before the rest goes
  // checks
  header_checksum,
  payload_checksum,
  salt_in_checksum,
  offset_in_checksum,
  lsn_order,         ///< a frame must continue the lsns before it
  staged_checksum,   ///< only staged frames that verify are drained
  boot_of_staging,   ///< a control file of another boot proves nothing
  store_of_staging,  ///< nor one of another store
  mark_vouches,      ///< a mark behind damage proves that it was promised
  tombstone_kept,    ///< a tombstone stays while an older segment may hold its key
  // release stores
  watermark_release,  ///< of what is written and what is durable; without it the store may come
                      ///< before what it covers
};

#if defined(LOGDB_LEAVE_OUT)
inline constexpr durability_point left_out = durability_point::LOGDB_LEAVE_OUT;
#else
inline constexpr durability_point left_out = durability_point::none;
#endif

/// Tells whether this build has a step.
template <durability_point Point>
inline constexpr bool has_step = Point != left_out;

}  // namespace logdb::detail
