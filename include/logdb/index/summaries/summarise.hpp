// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Reads a sealed segment, and what is attached to it, and makes its summary.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include <logdb/format/frames/batch.hpp>
#include <logdb/format/frames/frame.hpp>
#include <logdb/format/frames/payloads.hpp>
#include <logdb/journal/inspect/scan.hpp>
#include <logdb/journal/segments/segment_list.hpp>
#include <logdb/query/summary/build/builder.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

/// Calls `use(summary_record)` for each record of a sealed segment, in the order of a walk.
///
/// @threads  one
template <class Policies, class Use>
class summary_reader {
 public:
  summary_reader(const segment_list<Policies>& list, Use& use) : list_{list}, use_{use} {}

  /// Reads it all; every checksum is verified.
  /// @param goes_on  is told after each MiB how many bytes were read; false: that is enough
  /// @return         false: it is damaged, or was not read to its end
  /// @errors         errc::io
  template <class GoesOn>
  bool read(segment<Policies>& from, GoesOn&& goes_on) {
    scan_place place = from.start();
    const auto each = [this, &goes_on](const format::frame_view& frame, const scan_place& at) {
      if (frame.header.kind == format::frame_kind::attach) return read_attached(frame, at, goes_on);
      if (is_whole_) give(frame, at, {.offset = at.offset, .frame_time = at.time}, {});
    };
    walk(from, from.end_offset(), place, each, goes_on);
    return is_whole_ && place.next == from.end();
  }

 private:
  static constexpr std::uint64_t step_bytes = std::uint64_t{1} << 20;

  template <class Visit, class GoesOn>
  void walk(segment<Policies>& from, std::uint64_t end, scan_place& place, Visit&& visit,
            GoesOn& goes_on) {
    const bytes_view all = from.bytes().first(end);
    const auto read_at = [&](std::uint64_t offset, format::frame_view& frame) {
      return format::read_frame(all, offset, from.seed(), frame);
    };
    auto stop = scan_stop::bound;
    while (is_whole_ && stop == scan_stop::bound && place.offset < end) {
      const std::uint64_t begin = place.offset;
      const std::uint64_t until = std::min(end, begin + step_bytes);
      from.probe(begin, until);
      stop = scan_to(until, place, read_at, visit);
      is_whole_ = is_whole_ && place.offset != begin && goes_on(place.offset - begin);
    }
  }

  template <class GoesOn>
  void read_attached(const format::frame_view& frame, const scan_place& at, GoesOn& goes_on) {
    const auto attached = format::decode_attach(frame.payload);
    const auto own = attached ? list_.find_attached(*attached, at.next) : nullptr;
    is_whole_ = is_whole_ && own != nullptr && own->is_plain();
    if (!is_whole_) return;
    scan_place place{.next = lsn{1}, .time = at.time};
    const std::optional<std::uint64_t> before{at.next.value() - 1};
    const auto each = [&](const format::frame_view& inner, const scan_place& there) {
      if (is_whole_) give(inner, there, {.offset = at.offset, .frame_time = at.time}, before);
    };
    walk(*own, attached->end_offset, place, each, goes_on);
    is_whole_ = is_whole_ && place.next == lsn{1} + attached->records;
  }

  /// @param like    says where the frame stands that a walk goes to
  /// @param before  the lsn behind which those of an attached segment count; none: it is the log's
  void give(const format::frame_view& frame, const scan_place& at, query::summary_record like,
            std::optional<std::uint64_t> before) {
    like.appended = at.time;
    like.number = before ? static_cast<std::uint32_t>(at.next.value() - 1) : 0;
    like.at = at.next + before.value_or(0);
    if (frame.header.kind == format::frame_kind::record) {
      like.text = as_text(frame.payload);
      return use_(like);
    }
    const auto batch =
        format::batch_view::open(frame.header.kind, frame.header.count, frame.payload);
    if (!batch) return;
    for (const bytes_view each : *batch) {
      like.text = as_text(each);
      use_(like);
      ++like.number;
      ++like.at;
    }
  }

  const segment_list<Policies>& list_;
  Use& use_;
  bool is_whole_ = true;
};

}  // namespace logdb::detail
