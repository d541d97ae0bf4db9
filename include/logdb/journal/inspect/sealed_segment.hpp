// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A sealed segment, as its index learns it before the footer is written.

#include <cstdint>
#include <utility>

#include <logdb/format/frames/batch.hpp>
#include <logdb/format/frames/frame.hpp>
#include <logdb/journal/control/control.hpp>
#include <logdb/journal/inspect/scan.hpp>
#include <logdb/types.hpp>

namespace logdb {

/// The records of a segment that is sealed, on stable storage and not in the manifest yet.
///
/// @threads  any
class sealed_segment {
 public:
  /// @param bytes  from the segment's start to where its frames end
  sealed_segment(bytes_view bytes, format::frame_seed seed, const detail::scan_place& start,
                 const detail::identity& store)
      : bytes_{bytes}, seed_{seed}, start_{start}, store_{store} {}

  /// Calls `visit(record, offset, lsn)` for each record that stands in the segment, in order; the
  /// offset is that of its first byte. Every checksum is verified. Records of a transaction that
  /// has a segment of its own are not among them.
  /// @return  whether all of it is intact; false: it ended at damage
  /// @cost    reads the segment
  template <class Visit>
  bool for_each(Visit&& visit) const {
    detail::scan_place place = start_;
    detail::scan(bytes_, seed_, place, format::read_frame,
                 [&](const format::frame_view& frame, const detail::scan_place& at) {
                   give(frame, at.next, visit);
                 });
    return place.offset == bytes_.size();
  }

  /// Returns its bytes, from its start to where its frames end: offsets point into them.
  [[nodiscard]] bytes_view bytes() const { return bytes_; }
  /// Returns which store it belongs to.
  [[nodiscard]] const detail::identity& store() const { return store_; }

 private:
  template <class Visit>
  void give(const format::frame_view& frame, lsn first, Visit& visit) const {
    if (frame.header.kind == format::frame_kind::record) {
      return static_cast<void>(visit(frame.payload, offset_of(frame.payload), first));
    }
    const auto batch =
        format::batch_view::open(frame.header.kind, frame.header.count, frame.payload);
    if (!batch) return;
    for (const bytes_view each : *batch) {
      visit(each, offset_of(each), std::exchange(first, first + 1));
    }
  }

  [[nodiscard]] std::uint64_t offset_of(bytes_view record) const {
    return static_cast<std::uint64_t>(record.data() - bytes_.data());
  }

  bytes_view bytes_;
  format::frame_seed seed_;
  detail::scan_place start_;
  const detail::identity& store_;
};

}  // namespace logdb
