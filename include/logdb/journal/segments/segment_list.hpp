// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The live segments of one log at one moment, and what a new one is to be.

#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <logdb/durability_point.hpp>
#include <logdb/error.hpp>
#include <logdb/journal/segments/segment.hpp>
#include <logdb/light.hpp>

namespace logdb::detail {

/// The live segments at one moment; immutable, so that a reader keeps the one it began with.
template <class Policies>
struct basic_segment_list {
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

  /// Maps every segment, so that all can be read also when another process has unlinked some of
  /// them. Returns false when one could not be mapped.
  [[nodiscard]] bool hold() const {
    const auto is_held = [](const auto& segment) {
      try {
        (void)segment->bytes();
        return true;
      } catch (const error&) {
        return false;
      }
    };
    return light::all_of(log, is_held) && light::all_of(attached, is_held);
  }

  /// Returns the segment of the log that has a number, or null.
  [[nodiscard]] segment_ptr<Policies> find_log(segment_number number) const {
    const auto found = light::find(log, number, [](const auto& each) { return each->number(); });
    return found == log.end() ? nullptr : *found;
  }
  /// The same, but null if its salt is another one: then it is not the segment that was meant.
  [[nodiscard]] segment_ptr<Policies> find_log(segment_number number, std::uint64_t salt) const {
    auto found = find_log(number);
    return found != nullptr && found->salt() == salt ? found : nullptr;
  }

  /// Tells whether a number is taken here.
  [[nodiscard]] bool has(segment_number number) const {
    return find_log(number) != nullptr || find_attached(number) != nullptr;
  }

  /// Tells whether a segment of the log stands behind another one.
  [[nodiscard]] bool is_listed_behind(segment_number later, segment_number earlier) const {
    const auto number = [](const auto& segment) { return segment->number(); };
    const auto from = light::find(log, earlier, number);
    for (auto at = from; at != log.end(); ++at) {
      if (number(*at) == later) return later != earlier;
    }
    return false;
  }

  /// Tells whether what is attached at a record is listed, unless it is gone: the log begins behind
  /// it, or a settled segment has it, which may have been compacted.
  [[nodiscard]] bool is_through_with(lsn at) const {
    if (!log.empty() && at < log.front()->base()) return true;
    return light::any_of(log, [at](const auto& each) {
      return each->settled() && each->base() <= at && at < each->end();
    });
  }

  /// Returns an attached segment, or null.
  [[nodiscard]] segment_ptr<Policies> find_attached(segment_number number) const {
    const auto found =
        light::lower_bound(attached, number, [](const auto& segment) { return segment->number(); });
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
using segment_list = basic_segment_list<stored_of<Policies>>;
template <class Policies>
using segment_list_ptr = std::shared_ptr<const segment_list<Policies>>;

/// Remembers which list was held last, so that the same one costs nothing. Keeps none alive.
template <class Policies>
class held_list {
 public:
  /// Holds a list; false: not all of it could be.
  bool hold(const segment_list_ptr<Policies>& list) {
    if (last_.lock() == list) return true;
    if (!list->hold()) return false;
    last_ = list;
    return true;
  }

 private:
  std::weak_ptr<const segment_list<Policies>> last_;
};

/// Lists a segment with the attached ones.
template <class Policies>
void insert_attached(basic_segment_list<Policies>& list, segment_ptr<Policies> made) {
  const auto place = light::upper_bound(list.attached, made->number(),
                                        [](const auto& segment) { return segment->number(); });
  list.attached.insert(place, std::move(made));
}

/// Returns the list that a manifest names, of the segments that `make(entry)` gives.
template <class Policies, class Make>
auto list_named(const format::manifest& by, Make make) {
  auto list = std::make_shared<segment_list<Policies>>();
  for (const auto& entry : by.segments) {
    auto& where = entry.role != format::segment_role::attached ? list->log : list->attached;
    where.push_back(make(entry));
  }
  light::sort(list->attached, [](const auto& segment) { return segment->number(); });
  return list;
}

/// Returns the segment of a list that is an entry's, and says the same; null: there is none.
template <class Policies>
segment_ptr<Policies> find_same(const basic_segment_list<Policies>& list,
                                const format::manifest_segment& entry) {
  const auto is_same = [&entry](const auto& known) {
    if (known->number() != entry.number || known->salt() != entry.salt) return false;
    return !entry.end || (known->end() == entry.end && known->end_offset() == entry.end_offset);
  };
  for (const auto* where : {&list.log, &list.attached}) {
    const auto found = light::find_if(*where, is_same);
    if (found != where->end()) return *found;
  }
  return nullptr;
}

/// Tells a segment what the manifest says of it: how it begins, and how it ends.
template <class Policies>
void learn_from(basic_segment<Policies>& known, const format::manifest_segment& entry) {
  if (entry.base && !known.base()) known.begin(entry.base, entry.time_first);
  if (!entry.end || known.settled()) return;
  known.note_listed(entry.end_offset);  // what it holds the manifest names, too
  known.settle(entry.footer_offset);
}

/// Undoes take_front().
template <class Policies>
void give_back(basic_segment_list<Policies>& list, const std::vector<segment_ptr<Policies>>& gone) {
  const auto log_end = light::find(gone, format::segment_role::attached,
                                   [](const auto& segment) { return segment->role(); });
  list.log.insert(list.log.begin(), gone.begin(), log_end);
  std::for_each(log_end, gone.end(), [&list](const auto& own) { insert_attached(list, own); });
}

/// Takes off a list every settled segment that ends at or before a record, and what is attached to
/// it but for `kept`.
/// @param kept  numbers, ascending
template <class Policies>
void take_front(basic_segment_list<Policies>& list, lsn first_kept,
                std::span<const segment_number> kept, std::vector<segment_ptr<Policies>>& gone) {
  const auto stays = light::find_if(list.log, [first_kept](const auto& segment) {
    return !(segment->end() && segment->settled() && segment->end() <= first_kept);
  });
  if (stays == list.log.end()) return;
  const lsn first = (*stays)->base();
  if (!first) return;  // only one that is made ready would remain
  gone.assign(list.log.begin(), stays);
  list.log.erase(list.log.begin(), stays);
  const auto goes = [first, kept](const auto& own) {
    return own->base() < first && !std::binary_search(kept.begin(), kept.end(), own->number());
  };
  light::move_if(list.attached, gone, goes);
}

/// Maps a segment, so that whoever reads there goes on also when the next writer has unlinked it.
template <class Policies>
void keep_readable(basic_segment<Policies>& shown) noexcept {
  try {
    (void)shown.bytes();
  } catch (const std::exception&) {
    // A reader there is told.
  }
}

/// Does so with what others than the log have of its list.
template <class Policies>
void keep_readable(const segment_list_ptr<Policies>& known) noexcept {
  const bool is_shown = known.use_count() > 2;  // the log's, and the caller's
  for (const auto* some : {&known->log, &known->attached}) {
    for (const auto& each : *some) {
      if (is_shown || each.use_count() > 1) keep_readable(*each);
    }
  }
}

/// Unlinks segments once nobody reads them.
template <class Policies>
void drop_all(const std::vector<segment_ptr<Policies>>& gone) {
  for (const auto& segment : gone) {
    if (segment.use_count() > 1) keep_readable(*segment);
    segment->drop();
  }
}

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

/// Draws what tells a segment's frames from all others.
template <class System>
std::uint64_t random_salt() {
  std::uint64_t salt = 0;
  if (const int failed = System::random(&salt, sizeof salt); failed < 0) {
    throw_errno(-failed, "cannot draw a random salt");
  }
  return salt;
}

/// Says how a new segment comes about.
struct segment_plan {
  format::segment_role role = format::segment_role::log;
  lsn base{};  // 0: made ready ahead
  std::uint64_t capacity = 0;
  segment_number predecessor{};
  std::uint64_t predecessor_end = 0;
  bool zero_fill = false;  // written, not only allocated: its syncs then change no inode
};

/// Writes the header of a new segment, and its name, to stable storage. @errors errc::no_space, io
template <class Policies>
void write_header(typename Policies::storage& volume, basic_segment<Policies>& made,
                  const segment_plan& plan, std::uint32_t index_id) {
  format::segment_header header{.store = made.store(), .number = made.number()};
  header.salt = made.salt();
  header.base = plan.base;
  header.capacity = plan.capacity;
  header.predecessor = plan.predecessor;
  header.predecessor_end = plan.predecessor_end;
  header.index_id = index_id;
  header.role = plan.role;
  auto& file = made.writable();
  file.allocate(plan.capacity);
  if (plan.zero_fill) file.zero_fill(0, plan.capacity);
  file.write(0, bytes_view{format::encode(header)});
  if constexpr (has_step<durability_point::header_sync>) file.sync();
  // Its name too: the manifest that names it may otherwise reach the disk alone. That of an
  // attached one is synced when it is finished.
  constexpr bool syncs = has_step<durability_point::segment_name_sync>;
  if (syncs && plan.role != format::segment_role::attached) volume.sync();
}

}  // namespace logdb::detail
