// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Reads a whole log and checks every checksum and every lsn.

#include <logdb/journal/walker.hpp>
#include <logdb/stats.hpp>

namespace logdb::detail {

/// Verifies the segments of a scope, one after the other, behind damage too.
template <class Policies>
class verifier {
 public:
  explicit verifier(read_scope<Policies> scope) : scope_{std::move(scope)} {}

  /// @cost  reads the whole log
  [[nodiscard]] verification run() {
    for (const auto& segment : scope_.list->log) {
      if (segment->base() && segment->base() <= scope_.last) check(*segment);
    }
    for (const auto& segment : scope_.list->attached) check(*segment);
    return result_;
  }

 private:
  void check(segment<Policies>& checked) {
    bytes_view bytes;
    try {
      bytes = checked.bytes();
    } catch (const error& failure) {
      result_.damages.push_back({damage_kind::corruption,
                                 {checked.number(), 0},
                                 checked.capacity(),
                                 checked.base(),
                                 failure.what()});
      return;
    }
    const std::uint64_t end = checked.end_offset();
    if (end != 0) bytes = bytes.first(std::min<std::uint64_t>(end, bytes.size()));
    scan_place place = checked.start();
    while (check_run(checked, bytes, place)) {
    }
  }

  /// Scans to the end or past one damage; true when there is more behind it.
  bool check_run(segment<Policies>& checked, bytes_view bytes, scan_place& place) {
    const std::uint64_t begin = place.offset;
    const bool attached = checked.role() == format::segment_role::attached;
    const lsn last = attached ? lsn{~std::uint64_t{0}} : scope_.last;
    const auto stop = scan(bytes, checked.seed(), place, format::read_frame,
                           [this, last](const format::frame_view& frame, const scan_place& at) {
                             if (at.next > last) return;
                             ++result_.frames;
                             result_.records += frame.header.count;
                           });
    result_.bytes += place.offset - begin;
    const bool whole = stop == scan_stop::bound || stop == scan_stop::sealed;
    if (whole || place.next > last) return false;
    const auto next =
        format::find_frame(bytes, place.offset + format::frame_alignment, checked.seed());
    const std::uint64_t resumed = next.value_or(bytes.size());
    result_.damages.push_back({damage_kind::corruption,
                               {checked.number(), place.offset},
                               resumed - place.offset,
                               place.next,
                               std::string{reason(stop)}});
    if (!next) return false;
    place.offset = resumed;
    place.next = format::load_header(bytes.data() + resumed).first;
    return true;
  }

  read_scope<Policies> scope_;
  verification result_;
};

}  // namespace logdb::detail
