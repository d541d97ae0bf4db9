// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The live segments of one log at one moment, and what a new one is to be.

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include <logdb/journal/segment.hpp>

namespace logdb::detail {

/// Is the live segments at one moment; immutable, so that a reader keeps the one it began with.
template <class Policies>
struct segment_list {
  std::vector<segment_ptr<Policies>> log;  // in stream order; one that is made ready is the last
  std::vector<segment_ptr<Policies>> attached;  // by number

  /// Returns the place in `log` of the segment that holds a record; requires `at >=
  /// log.front()->base()`.
  [[nodiscard]] std::size_t find(lsn at) const {
    const auto past = std::partition_point(log.begin(), log.end(), [at](const auto& segment) {
      return segment->base() && segment->base() <= at;
    });
    return static_cast<std::size_t>(past - log.begin()) - (past == log.begin() ? 0 : 1);
  }

  /// Tells whether a number is taken here.
  [[nodiscard]] bool has(segment_number number) const {
    const auto is_it = [number](const auto& segment) { return segment->number() == number; };
    return std::ranges::any_of(log, is_it) || find_attached(number) != nullptr;
  }

  /// Tells whether a record lies in a settled segment: all that is attached there is listed, unless
  /// it was compacted.
  [[nodiscard]] bool is_settled_at(lsn at) const {
    return std::ranges::any_of(log, [at](const auto& each) {
      return each->settled() && each->base() <= at && at < each->end();
    });
  }

  /// Returns an attached segment, or null.
  [[nodiscard]] segment_ptr<Policies> find_attached(segment_number number) const {
    const auto found = std::ranges::lower_bound(
        attached, number, {}, [](const auto& segment) { return segment->number(); });
    return found != attached.end() && (*found)->number() == number ? *found : nullptr;
  }

  /// Returns the attached segment that a frame commits from a record on; null if it is not exactly
  /// that one.
  [[nodiscard]] segment_ptr<Policies> find_attached(const format::attach& what, lsn first) const {
    auto own = find_attached(what.segment);
    const bool belongs = own != nullptr && own->salt() == what.salt && own->base() == first &&
                         own->end() == first + what.records && own->end_offset() == what.end_offset;
    return belongs ? own : nullptr;
  }
};

template <class Policies>
using segment_list_ptr = std::shared_ptr<const segment_list<Policies>>;

/// Remembers with which record each of the last segments begins that other processes have made the
/// active one.
class begun_segments {
 public:
  void learn(segment_number number, lsn first, timestamp time) {
    last_[to_integer(number) % last_.size()] = {number, first, time};
  }
  /// Tells a segment where it begins, if that is known and it was not.
  template <class Segment>
  void tell(Segment& listed) const {
    const begun& known = last_[to_integer(listed.number()) % last_.size()];
    if (known.number == listed.number() && !listed.base()) listed.begin(known.first, known.time);
  }

 private:
  struct begun {
    segment_number number{};
    lsn first{};
    timestamp time{};
  };

  std::array<begun, 32> last_{};
};

/// Says how a new segment comes about.
struct segment_plan {
  format::segment_role role = format::segment_role::log;
  lsn base{};  // 0: made ready ahead
  std::uint64_t capacity = 0;
  segment_number predecessor{};
  std::uint64_t predecessor_end = 0;
  bool zero_fill = false;  // written, not only allocated: its syncs then change no inode
};

}  // namespace logdb::detail
