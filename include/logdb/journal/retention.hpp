// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Decides which sealed segments a log no longer has to keep.

#include <algorithm>

#include <logdb/journal/segment_table.hpp>

namespace logdb::detail {

/// Weighs the segments of one list against the options, from the oldest on.
template <class Policies>
class retention_scale {
 public:
  explicit retention_scale(const segment_list<Policies>& list) {
    for (const auto& segment : list.log) {
      bytes_ += segment->capacity();
      if (segment->base()) last_ = std::max(last_, segment->base());
      if (segment->end()) last_ = std::max(last_, segment->end());
    }
    for (const auto& segment : list.attached) bytes_ += segment->capacity();
  }

  /// Tells whether a segment, the oldest left, may go; if so takes it off the scale.
  bool takes(const segment<Policies>& oldest, const retention_options& wanted, timestamp now) {
    const bool goes = bytes_ > wanted.bytes_max || last_ - oldest.end() >= wanted.records_max ||
                      is_old(oldest, wanted, now);
    if (goes) bytes_ -= oldest.capacity();
    return goes;
  }

 private:
  static bool is_old(const segment<Policies>& oldest, const retention_options& wanted,
                     timestamp now) {
    // Not by a difference: the times in a file may be any.
    const bool bounded = wanted.age_max < now.time_since_epoch();
    return bounded && oldest.time_last() < now - wanted.age_max;
  }

  std::uint64_t bytes_ = 0;
  lsn last_{};  // one past the last record of the sealed segments
};

/// Returns the first record that stays; 0 when nothing goes.
template <class Policies>
lsn first_kept(const segment_list<Policies>& list, const retention_options& wanted, timestamp now) {
  retention_scale<Policies> scale{list};
  lsn keep{};
  for (const auto& segment : list.log) {
    if (!segment->end() || !scale.takes(*segment, wanted, now)) break;
    keep = segment->end();
  }
  return keep;
}

}  // namespace logdb::detail
