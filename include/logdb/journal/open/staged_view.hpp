// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Shows a reader what a writer had accepted and not yet given to the kernel: where it has died and
/// nobody may write, no one else will. Writes nothing.
///
/// The writer may be alive and go on meanwhile: what is copied counts only as far as it is whole
/// frames at their places.

#include <algorithm>
#include <memory>

#include <logdb/journal/open/drain.hpp>
#include <logdb/journal/segments/known_segments.hpp>
#include <logdb/journal/staging/staging.hpp>

namespace logdb::detail {

/// Puts the staged frames into the segments of one reader's table.
template <class Policies>
class staged_view {
 public:
  using storage = typename Policies::storage;

  staged_view(const staging<storage>& ring, known_segments<Policies>& table)
      : ring_{ring}, shared_{ring.header()}, table_{table} {}

  /// Returns whether there were any. @errors errc::corrupt, errc::io
  bool show() {
    const std::uint64_t from = shared_.written.load(std::memory_order_acquire);
    const std::uint64_t to = shared_.appended.load(std::memory_order_acquire);
    if (from >= to || to - from > ring_.ring_bytes()) return false;
    const std::uint64_t count = shared_.extent_count.load(std::memory_order_acquire);
    bool any = false;
    for (std::uint64_t i = count - std::min<std::uint64_t>(count, control_extents); i < count;
         ++i) {
      const control_extent part = shared_.extents[i % control_extents];
      const std::uint64_t next =
          i + 1 < count ? shared_.extents[(i + 1) % control_extents].begin : to;
      const std::uint64_t begin = std::max(from, part.begin);
      const std::uint64_t end = std::min(next, to);
      if (begin >= end) continue;
      if (end - begin > ring_.ring_bytes() || !show(part, begin, end)) return any;
      any = true;
    }
    return any;
  }

 private:
  /// Shows one stretch; false: not all of it is there, and what follows has lost its place.
  bool show(const control_extent& part, std::uint64_t begin, std::uint64_t end) {
    const auto listed = table_.list()->find_log(segment_number{part.segment}, part.salt);
    const std::uint64_t offset = begin - part.base;
    if (listed == nullptr || offset < format::segment_header_bytes || offset > listed->capacity() ||
        end - begin > listed->capacity() - offset || listed->bytes_left() < listed->capacity()) {
      return false;
    }
    // A frame is checked at its place; the room before it is never touched.
    const auto image = std::make_unique_for_overwrite<std::byte[]>(offset + (end - begin));
    ring_.copy_out(stream_position{begin}, {image.get() + offset, end - begin});
    const bytes_view all{image.get(), offset + (end - begin)};
    const std::uint64_t kept = drainer<Policies>::whole_frames(all, offset, listed->seed());
    auto own = table_.make(listed->entry());
    own->overlay(show_in(part, offset, all.subspan(offset, kept)));
    table_.edit(
        [&](auto& edited) { std::replace(edited.log.begin(), edited.log.end(), listed, own); });
    return kept == end - begin;
  }

  /// Maps a segment with other bytes from an offset on than its file has.
  [[nodiscard]] typename storage::mapping show_in(const control_extent& part, std::uint64_t offset,
                                                  bytes_view shown) const {
    const auto name = format::segment_name(segment_number{part.segment});
    const auto file = table_.volume()->open(name, open_mode::read_only);
    require_inside(offset, shown.size(), file.size(), file.path());
    auto mapping = file.map_private(0, file.size());
    std::copy(shown.begin(), shown.end(),
              mapping.bytes().begin() + static_cast<std::ptrdiff_t>(offset));
    return mapping;
  }

  const staging<storage>& ring_;
  const typename staging<storage>::control_type& shared_;
  known_segments<Policies>& table_;
};

}  // namespace logdb::detail
