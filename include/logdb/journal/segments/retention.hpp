// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Decides which sealed segments a log no longer has to keep.

#include <algorithm>
#include <vector>

#include <logdb/journal/believed_clock.hpp>
#include <logdb/journal/segments/segment_list.hpp>
#include <logdb/options.hpp>

namespace logdb::detail {

/// Says how old segments are by a clock that does not have to be right: by what the log's own times
/// say has passed since.
template <class Policies>
class segment_ages {
 public:
  /// @param age_max  a step of a 16th of it is believed at once
  segment_ages(const segment_list<Policies>& list, std::chrono::nanoseconds age_max, timestamp now)
      : clock_{age_max / 16} {
    for (const auto& segment : list.log) {
      if (!segment->base()) break;
      clock_.go_to(segment->time_first());
      passed_.push_back(clock_.go_to(segment->time_last()));
    }
    now_ = clock_.go_to(now);
  }

  /// Returns how long ago the newest record of the n-th segment was written.
  [[nodiscard]] std::uint64_t age(std::size_t n) const { return now_ - passed_[n]; }
  /// Returns by how much the clock is ahead of what is believed.
  [[nodiscard]] std::chrono::nanoseconds leapt() const {
    constexpr auto most = std::chrono::nanoseconds::max();
    return std::chrono::nanoseconds{
        std::min<std::uint64_t>(clock_.leapt(), static_cast<std::uint64_t>(most.count()))};
  }

 private:
  believed_clock clock_;
  std::vector<std::uint64_t> passed_;  // up to the newest record of each
  std::uint64_t now_ = 0;
};

/// Weighs the segments of one list against the options, from the oldest on.
template <class Policies>
class retention_scale {
 public:
  retention_scale(const segment_list<Policies>& list, const retention_options& wanted, lsn end)
      : wanted_{wanted}, end_{end} {
    for (const auto& segment : list.log) {
      bytes_ += bytes_of(*segment);
      end_ = std::max({end_, segment->base(), segment->end()});
    }
    for (const auto& segment : list.attached) bytes_ += bytes_of(*segment);
  }

  /// Tells whether a segment, the oldest left, may go; if so takes it off the scale.
  bool takes(segment<Policies>& oldest, std::uint64_t age) {
    const bool is_old = age > static_cast<std::uint64_t>(wanted_.age_max.count());
    const bool goes =
        bytes_ > wanted_.bytes_max || end_ - oldest.end() >= wanted_.records_max || is_old;
    if (goes) bytes_ -= bytes_of(oldest);
    return goes;
  }

 private:
  [[nodiscard]] std::uint64_t bytes_of(segment<Policies>& one) const {
    const bool counts = wanted_.bytes_max != retention_options::unlimited;
    return counts ? one.disk_bytes() : one.capacity();
  }

  const retention_options& wanted_;
  lsn end_;  // one past the last record that counts
  std::uint64_t bytes_ = 0;
};

/// Returns the first record that stays; 0 when nothing goes.
/// @param end  one past the last record that is there for good
template <class Policies>
lsn first_kept(const basic_segment_list<Policies>& list, const retention_options& wanted,
               timestamp now, lsn end) {
  if (wanted.keeps_all()) return {};
  const segment_ages<Policies> ages{list, wanted.age_max, now};
  retention_scale<Policies> scale{list, wanted, end};
  lsn keep{};
  for (std::size_t i = 0; i < list.log.size(); ++i) {
    auto& oldest = *list.log[i];
    if (!oldest.end() || !scale.takes(oldest, ages.age(i))) break;
    keep = oldest.end();
  }
  return keep;
}

}  // namespace logdb::detail
