// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What the append lock guards: the segments that the end of the stream lies in, and what has been
/// begun there.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <utility>

#include <logdb/journal/believed_clock.hpp>
#include <logdb/journal/control/control_words.hpp>
#include <logdb/journal/control/watermarks.hpp>
#include <logdb/journal/segments/segment_table.hpp>
#include <logdb/journal/staging/extent.hpp>

namespace logdb::detail {

/// Returns a segment as the control file names it: a stretch with no place in the stream.
template <class Policies>
[[nodiscard]] control_extent describe(const basic_segment<Policies>& known) {
  return {.segment = to_integer(known.number()),
          .salt = known.salt(),
          .capacity = known.capacity(),
          .first = known.base().value(),
          .time = known.time_first().time_since_epoch().count()};
}

/// What one process knows of the end of the stream. The control file says the same in numbers, for
/// the other processes; what follows from that alone is not kept here.
///
/// @threads  the one that holds the append lock, or opens the log
template <class Policies, bool is_shared>
class basic_append_state {
 public:
  using table = basic_segment_table<Policies>;
  using system = typename Policies::storage::system;
  using control_type = control_header<system>;

  explicit basic_append_state(table& segments) : segments_{segments} {}

  /// Makes a segment the active one: what comes at stream position `begin` goes there.
  void begin_extent(control_type& shared, segment_ptr<Policies> active, stream_position base,
                    stream_position begin) {
    const std::uint64_t count = shared.extent_count.load(std::memory_order_relaxed);
    control_extent begun = describe(*active);
    begun.base = base.value();
    begun.begin = begin.value();
    put_extent<system>(shared.extents[count % control_extents], begun);
    shared.extent_count.store(count + 1, std::memory_order_release);  // pairs with the drainer
    // What follows is said by the extent, too: repair() takes it from there.
    put_word<system>(shared.base, base.value());
    put_word<system>(shared.seed, static_cast<std::uint32_t>(active->seed()));
    put_word<system>(shared.limit, 0);
    put_word<system>(shared.seal_at, 0);
    sealing = false;
    group_open = false;
    if constexpr (is_shared) {
      segments_.learn_begun(active->number(), active->base(), active->time_first());
    }
    extents.push_back({std::move(active), base, begin});
    enter_active();
  }

  /// Makes the extents those that the control file names and that are not durable yet; the last one
  /// in any case.
  ///
  /// Who died while it began another one was writing over the oldest of them, which was durable
  /// then: that one is only looked at while it is not.
  void adopt(const control_type& shared) {
    const std::uint64_t count = shared.extent_count.load(std::memory_order_acquire);
    const stream_position durable = reached_in(shared, watermark::durable);
    const auto from = [](std::uint64_t told) { return stream_position{told}; };
    extent_list<Policies> known;
    for (std::uint64_t i = count - std::min<std::uint64_t>(count, control_extents); i < count;
         ++i) {
      const control_extent& said = shared.extents[i % control_extents];
      const bool last = i + 1 == count;
      const stream_position end{last ? std::numeric_limits<std::uint64_t>::max()
                                     : shared.extents[(i + 1) % control_extents].begin};
      const bool needed = last || end > durable;
      if (!needed && i + control_extents == count) continue;
      segments_.learn_begun(segment_number{said.segment}, lsn{said.first},
                            timestamp{std::chrono::nanoseconds{said.time}});
      if (needed) known.push_back({find_known(said), from(said.base), from(said.begin), end});
    }
    extents = std::move(known);
    seen_extents = count;
    enter_active();
  }

  /// Forgets the extents that are durable.
  void drop_durable(stream_position durable) {
    while (extents.front().end <= durable) extents.erase(extents.begin());
  }

  /// Makes every segment here an object of this process's writers.
  void become_writers_own() {
    for (auto& each : extents) each.segment = writers_own(each.segment);
    if (next != nullptr) next = writers_own(next);
  }
  /// Returns the object to write a listed segment by. Where others write, too, it is another one:
  /// what this process knows as a reader it has from the log, not from what it did itself.
  [[nodiscard]] segment_ptr<Policies> writers_own(const segment_ptr<Policies>& listed) const {
    if constexpr (!is_shared) return listed;
    return make_known(describe(*listed));
  }
  /// Returns a new object for a segment that the control file names.
  [[nodiscard]] segment_ptr<Policies> make_known(const control_extent& said) const {
    format::manifest_segment entry{.number = segment_number{said.segment}, .salt = said.salt};
    entry.capacity = said.capacity;
    entry.base = lsn{said.first};
    entry.time_first = entry.time_last = timestamp{std::chrono::nanoseconds{said.time}};
    return segments_.make(entry);
  }

  extent_list<Policies> extents;  // not yet durable ones, the last is active
  segment_ptr<Policies> next;     // made ready; null: not yet
  stream_position segment_end{};  // where the active one is full
  stream_position index_due{};    // behind which to note a frame
  stream_position group_begin{};  // of the open group
  bool group_open = false;        // a mark leads what follows
  bool sealing = false;           // the seal of a roll stands, and nothing follows yet
  mark_clock marks;               // gives them their times
  // What a frame may end at by the bounds of this process, which are its own; 0: to be looked at.
  stream_position own_limit{};
  std::uint64_t seen_epoch = 0;    // of the control file, when the members above were taken from it
  std::uint64_t seen_extents = 0;  // ever begun, as told to the others

 private:
  /// Returns the segment that an extent is of: the one that was, or one of the same file.
  [[nodiscard]] segment_ptr<Policies> find_known(const control_extent& said) const {
    for (const auto& each : extents) {
      if (to_integer(each.segment->number()) == said.segment) return each.segment;
    }
    if (next != nullptr && to_integer(next->number()) == said.segment) {
      next->begin(lsn{said.first}, timestamp{std::chrono::nanoseconds{said.time}});
      return next;
    }
    return make_known(said);
  }

  /// Sets what follows from which segment is active.
  void enter_active() {
    const auto& active = extents.back();
    segment_end = active.base + active.segment->capacity();
    // Readers walk the log themselves where others write it, too, and note what they meet.
    index_due = is_shared ? stream_position::max()
                          : due_position(active.base, active.segment->entries().due());
  }

  table& segments_;
};

template <class Policies>
using append_state = basic_append_state<stored_of<Policies>, Policies::locking::shared_writers>;

}  // namespace logdb::detail
