// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The live segments of one log as this process knows them, with the cursors: a list, exchanged as
/// a whole.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include <logdb/journal/control/control.hpp>
#include <logdb/journal/manifest/cursor_table.hpp>
#include <logdb/journal/manifest/manifest_file.hpp>
#include <logdb/journal/segments/segment_list.hpp>
#include <logdb/options.hpp>
#include <logdb/platform/expects.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/platform/scoped_lock.hpp>

namespace logdb::detail {

/// The list, and the manifest that would say so. Writes nothing: it is all that a reader has, and
/// what a segment table publishes.
///
/// @threads  any; readers of the list wait only for its exchange, never for the disk
template <class Policies>
class basic_known_segments {
 public:
  using storage = typename Policies::storage;
  using system = typename storage::system;
  using mutex = platform::basic_mutex<system>;
  using guard = platform::scoped_lock<mutex>;
  using list_type = segment_list<Policies>;

  basic_known_segments(std::shared_ptr<storage> volume, format::manifest start,
                       typename Policies::index::options chosen, recovery_mode mode,
                       bool has_many_writers = false)
      : volume_{std::move(volume)},
        manifest_{std::move(start)},
        chosen_{chosen},
        mode_{mode},
        has_many_writers_{has_many_writers} {
    list_ = list_named<Policies>(manifest_, [this](const auto& of) { return make_named(of); });
    cursors_ = cursor_table{manifest_.cursors};
  }
  basic_known_segments(const basic_known_segments&) = delete;
  basic_known_segments& operator=(const basic_known_segments&) = delete;

  [[nodiscard]] const identity& store() const { return manifest_.store; }
  [[nodiscard]] const std::shared_ptr<storage>& volume() const { return volume_; }

  /// Returns the generation of the manifest that was read or begun last.
  [[nodiscard]] std::uint64_t generation() const {
    guard lock{list_mutex_};
    return manifest_.generation;
  }

  [[nodiscard]] segment_list_ptr<Policies> list() const {
    guard lock{list_mutex_};
    return list_;
  }

  /// Says with which record a segment begins that another process has made the active one.
  void learn_begun(segment_number number, lsn first, timestamp time) {
    guard lock{list_mutex_};
    begun_.learn(number, first, time);
    for (const auto& each : list_->log) begun_.tell(*each);
  }

  /// Exchanges the list for an edited copy.
  template <class Edit>
  void edit(Edit&& change) {
    guard lock{list_mutex_};
    edit_locked(change);
  }

  /// Says that a number is taken, unless no writer counts to it; returns which one came next.
  std::uint64_t reserve(segment_number taken) {
    guard lock{list_mutex_};
    const std::uint64_t next = manifest_.next_segment;
    if (to_integer(taken) >= format::segment_number_max) return next;
    manifest_.next_segment = std::max(next, to_integer(taken) + 1);
    return next;
  }

  /// Lists one with the attached ones, by number: transactions end in another order than begun.
  void attach(segment_ptr<Policies> made) {
    edit([&made](list_type& list) { insert_attached(list, std::move(made)); });
  }

  /// Lists one that was met in the log, unless it is, or was: another process may have dropped it
  /// together with what it is attached to, or compacted it, since the walk.
  void attach_met(const format::manifest_segment& entry) {
    edit([&](list_type& list) {
      if (list.has(entry.number) || list.is_through_with(entry.base)) return;
      insert_attached(list, make(entry));
    });
  }

  /// Marks the bounds of a segment as being on stable storage. All in it is listed: settle_whole()
  /// sees to that.
  void settle(segment<Policies>& sealed, std::uint64_t footer_offset) {
    LOGDB_EXPECTS(sealed.is_listed_to(sealed.end_offset()));
    guard lock{list_mutex_};
    sealed.settle(footer_offset);
  }

  /// Remembers a cursor; what was logged later in the stream wins.
  void set_cursor(const format::manifest_cursor& cursor) {
    guard lock{list_mutex_};
    cursors_.set(cursor);
  }

  /// Returns where a cursor stands; 0 when it was never set.
  [[nodiscard]] lsn cursor(std::string_view name) const {
    guard lock{list_mutex_};
    return cursors_.find(name);
  }

  [[nodiscard]] segment_ptr<Policies> make(const format::manifest_segment& entry) const {
    auto made =
        std::make_shared<segment<Policies>>(volume_, entry, manifest_.store, chosen_, mode_);
    if (!has_many_writers_) made->note_listed(~std::uint64_t{0});
    return made;
  }

  /// Takes over what a manifest says, and keeps what this process knows beyond it.
  void adopt(const format::manifest& found) {
    guard lock{list_mutex_};
    if (found.generation <= manifest_.generation) return;  // another thread knows more already
    auto fresh = list_named<Policies>(found, [this](const auto& of) { return keep_or_make(of); });
    for (const auto& own : list_->attached) {
      // It was met in the log, and no manifest names it yet.
      const bool kept = own->base() >= found.first && !names_all_at(found, own->base());
      if (kept && !fresh->has(own->number())) insert_attached(*fresh, own);
    }
    for (const auto& each : fresh->log) begun_.tell(*each);
    for (const auto& cursor : found.cursors) cursors_.set(cursor);
    // The rest stays as it is, and is read without the lock: whose store, which index.
    manifest_.generation = found.generation;
    manifest_.next_segment = found.next_segment;
    list_ = std::move(fresh);
  }

 protected:
  /// Begins the next manifest; returns the generation before.
  /// @param said  the last generation of any process
  std::uint64_t next_generation(std::uint64_t said) {
    guard lock{list_mutex_};
    return next_generation_locked(said);
  }
  /// Begins it at once with the change that it is to tell of: who has read the one before must not
  /// put its list in the place.
  template <class Edit>
  std::uint64_t next_generation(std::uint64_t said, Edit&& change) {
    guard lock{list_mutex_};
    edit_locked(change);
    return next_generation_locked(said);
  }
  /// Goes back to the generation before.
  /// @param leave  is called with the one that is left, before anybody can read the one before
  template <class Leave>
  void go_back(std::uint64_t before, Leave leave) {
    guard lock{list_mutex_};
    leave(manifest_.generation);
    manifest_.generation = before;
  }

  /// Returns the number of the next segment, by this process's word, and takes it.
  segment_number take_number() {
    guard lock{list_mutex_};
    return segment_number{manifest_.next_segment++};
  }
  [[nodiscard]] std::uint64_t next_number() const {
    guard lock{list_mutex_};
    return manifest_.next_segment;
  }
  [[nodiscard]] std::uint32_t index_id() const { return manifest_.index_id; }

  /// Returns the manifest that says what is known now.
  /// @param named   becomes the list that it is of
  /// @param shared  what numbers are taken by where several processes do; null: there is one
  [[nodiscard]] format::manifest compose(segment_list_ptr<Policies>& named,
                                         const control_header<system>* shared) {
    guard lock{list_mutex_};
    named = list_;
    if (shared != nullptr)
      manifest_.next_segment = shared->next_segment.load(std::memory_order_relaxed);
    manifest_.segments.clear();
    for (const auto& segment : list_->log) manifest_.segments.push_back(segment->entry());
    for (const auto& segment : list_->attached) manifest_.segments.push_back(segment->entry());
    if (!list_->log.empty()) manifest_.first = list_->log.front()->base();
    // One that is not durable yet would stand behind the end of the log after a power cut.
    manifest_.cursors = cursors_.settle([this](segment_number number) {
      const auto found = list_->find_log(number);
      return found == nullptr || found->settled();
    });
    return manifest_;
  }

 private:
  std::uint64_t next_generation_locked(std::uint64_t said) {
    const std::uint64_t before = manifest_.generation;
    // No number is used twice, also if nobody could tell whether one came to rule.
    manifest_.generation = std::max(before, said) + 1;
    return before;
  }

  template <class Edit>
  void edit_locked(Edit&& change) {
    auto copy = std::make_shared<list_type>(*list_);
    change(*copy);
    list_ = std::move(copy);
  }

  /// Returns the segment of an entry: the known one, if it says the same.
  [[nodiscard]] segment_ptr<Policies> keep_or_make(const format::manifest_segment& entry) const {
    auto known = find_same(*list_, entry);
    if (known == nullptr) return make_named(entry);
    learn_from(*known, entry);
    return known;
  }
  /// Makes one that a manifest names; that also names what it holds, if it bounds it.
  [[nodiscard]] segment_ptr<Policies> make_named(const format::manifest_segment& entry) const {
    auto made = make(entry);
    made->note_listed(entry.end_offset);
    return made;
  }

  std::shared_ptr<storage> volume_;
  mutable mutex list_mutex_;   // of all below that changes
  format::manifest manifest_;  // segments and cursors: as last written
  cursor_table cursors_;
  begun_segments begun_;
  segment_list_ptr<Policies> list_;
  typename Policies::index::options chosen_;
  recovery_mode mode_;
  bool has_many_writers_;  // then what is attached is listed when a walk meets it
};

template <class Policies>
using known_segments = basic_known_segments<stored_of<Policies>>;

}  // namespace logdb::detail
