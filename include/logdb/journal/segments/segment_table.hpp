// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The live segments of one log and the manifest that names them: where segments come and go.

#include <algorithm>
#include <exception>
#include <new>
#include <utility>
#include <vector>

#include <logdb/durability_point.hpp>
#include <logdb/journal/control/shared_turn.hpp>
#include <logdb/journal/segments/cursor_table.hpp>
#include <logdb/journal/segments/manifest_file.hpp>
#include <logdb/journal/segments/segment_list.hpp>
#include <logdb/light.hpp>
#include <logdb/options.hpp>
#include <logdb/platform/expects.hpp>
#include <logdb/platform/scoped_lock.hpp>

namespace logdb::detail {

/// Owns the list and the manifest.
///
/// @threads  any; readers of the list wait only for its exchange, never for the disk
template <class Policies>
class basic_segment_table {
 public:
  using storage = typename Policies::storage;
  using system = typename storage::system;
  using mutex = platform::basic_mutex<system>;
  using guard = platform::scoped_lock<mutex>;
  using list_type = segment_list<Policies>;
  using control_type = control_header<system>;

  basic_segment_table(std::shared_ptr<storage> volume, format::manifest start,
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

  [[nodiscard]] const identity& store() const { return manifest_.store; }
  [[nodiscard]] const std::shared_ptr<storage>& volume() const { return volume_; }

  /// Has the control file tell which manifest was published last, by a lone publisher.
  void tell(control_type& control) { told_ = &control; }
  /// Say that others publish manifests, too, as the control file orders them.
  void share(control_type& shared) { shared_ = &shared; }
  void begin_sharing(control_type& shared) {
    guard lock{list_mutex_};
    shared.next_segment.store(manifest_.next_segment, std::memory_order_relaxed);
    shared.generation.store(manifest_.generation, std::memory_order_release);
    shared_ = &shared;
  }

  /// Learns of the manifests that others have published since. @errors errc::io, errc::corrupt
  void refresh() {
    if (shared_ == nullptr || shared_->generation.load(std::memory_order_acquire) <= generation())
      return;
    const auto found = require_manifest<Policies>(*volume_);
    say_published(*shared_, found.generation);
    adopt(found);
  }
  [[nodiscard]] std::uint64_t generation() const {
    guard lock{list_mutex_};
    return manifest_.generation;
  }

  [[nodiscard]] segment_list_ptr<Policies> list() const {
    guard lock{list_mutex_};
    return list_;
  }

  /// Makes the file of a new segment, its header on stable storage. It is not listed yet.
  [[nodiscard]] segment_ptr<Policies> create(const segment_plan& plan) {
    format::manifest_segment entry{.number = take_number(), .salt = random_salt<system>()};
    entry.capacity = plan.capacity;
    entry.base = plan.base;
    entry.role = plan.role;
    auto made = make(entry);
    made->adopt(volume_->create(format::segment_name(entry.number)));
    try {
      write_header(*volume_, *made, plan, manifest_.index_id);
    } catch (...) {
      made->drop();  // a half-made file is of no use
      throw;
    }
    return made;
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

  /// Marks the bounds of a segment as being on stable storage. Requires that all in it is listed:
  /// settle_whole() sees to that.
  void settle(segment<Policies>& sealed, std::uint64_t footer_offset) {
    LOGDB_EXPECTS(sealed.is_listed_to(sealed.end_offset()));
    guard lock{list_mutex_};
    sealed.settle(footer_offset);
  }

  /// Writes the manifest of what is listed now; when it returns the manifest is on stable storage.
  void publish() {
    guard lock{publish_mutex_};
    const auto turn = take_turn();
    if (const auto doubt = write_or(next_generation([] {}), [] {})) std::rethrow_exception(doubt);
  }

  /// Learns also of a manifest whose writer died before it could say so.
  void refresh_for_sure() {
    guard lock{publish_mutex_};
    (void)take_turn();
  }

  /// Exchanges the list and writes its manifest, before or after whatever others publish; when it
  /// returns that is on stable storage.
  /// @errors  as try_change(), and what that returns
  template <class Edit, class Undo>
  void change(Edit&& to_next, Undo&& back) {
    if (const auto doubt = try_change(to_next, back)) std::rethrow_exception(doubt);
  }

  /// Does so, and returns why it may not be on stable storage; null: it is.
  ///
  /// What fails before the manifest is in its place is undone. From there on it rules, for other
  /// processes, too: a crash may then bring back the one before, so nothing may be unlinked that
  /// one names until a later one is durable. A sync that failed is not tried again.
  template <class Edit, class Undo>
  [[nodiscard]] std::exception_ptr try_change(Edit&& to_next, Undo&& back) {
    guard lock{publish_mutex_};
    const auto turn = take_turn();
    return write_or(next_generation([&] { edit_locked(to_next); }), [&] { edit(back); });
  }

  /// Drops what the manifest no longer names: at once, or with the next that is durable.
  /// @param doubt  what try_change() gave
  void drop(const std::vector<segment_ptr<Policies>>& gone,
            const std::exception_ptr& doubt) noexcept {
    if (!doubt) return drop_all<Policies>(gone);
    guard lock{publish_mutex_};
    try {
      owed_.insert(owed_.end(), gone.begin(), gone.end());
    } catch (const std::bad_alloc&) {
      // The next open removes them.
    }
  }

  /// Makes sure that no crash brings a manifest back that came before the one that rules.
  /// @errors  errc::io, errc::no_space
  void make_durable() {
    if (const guard lock{publish_mutex_}; !std::exchange(is_in_doubt_, true)) {
      volume_->sync();
      is_in_doubt_ = false;
      return;
    }
    publish();  // what the sync that failed has lost another one may call clean
  }

  /// Drops every sealed segment that ends at or before a record, and what is attached to it but for
  /// some, by ascending numbers, whose bytes are still read; returns how many went. When it returns
  /// no crash brings back what it or an earlier one that threw has dropped.
  /// @errors  errc::io, errc::no_space: nothing has changed, or all of it, which a crash may undo
  std::size_t drop_front(lsn first_kept, std::span<const segment_number> kept = {}) {
    std::vector<segment_ptr<Policies>> gone;
    list_type looked_at = *list();
    take_front(looked_at, first_kept, kept, gone);
    if (const guard lock{publish_mutex_}; gone.empty() && !is_in_doubt_) return 0;
    if constexpr (!has_step<durability_point::unlisted_before_unlinked>) {
      for (const auto& segment : gone) volume_->remove(format::segment_name(segment->number()));
    }
    const auto doubt = try_change(
        [&](list_type& list) {
          gone.clear();  // others may have done some of it
          take_front(list, first_kept, kept, gone);
        },
        [&gone](list_type& list) { give_back(list, gone); });
    drop(gone, doubt);
    if (doubt) std::rethrow_exception(doubt);
    return gone.size();
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

 private:
  using turn_type = shared_turn<system>;

  /// Waits until no other process publishes, and learns what they did.
  [[nodiscard]] turn_type take_turn() {
    if (shared_ == nullptr) return {};
    turn_type turn{*shared_, shared_->publish_lock};
    // A process that died may have written one and not said so.
    if (turn.is_inherited()) {
      const auto found = load_manifest<Policies>(*volume_, open_mode::read_write);
      if (found) shared_->generation.store(found->generation, std::memory_order_release);
    }
    refresh();
    return turn;
  }

  template <class Edit>
  void edit_locked(Edit&& change) {
    auto copy = std::make_shared<list_type>(*list_);
    change(*copy);
    list_ = std::move(copy);
  }

  /// Begins the next manifest, at once with the change that it is to tell of: who has read the one
  /// before must not put its list in the place. Returns the generation before.
  template <class Change>
  std::uint64_t next_generation(Change make_change) {
    guard lock{list_mutex_};
    make_change();
    const std::uint64_t before = manifest_.generation;
    // No number is used twice, also if nobody could tell whether one came to rule.
    const std::uint64_t said =
        shared_ == nullptr ? 0 : shared_->generation.load(std::memory_order_acquire);
    manifest_.generation = std::max(before, said) + 1;
    return before;
  }

  /// @param before  the generation of the one before, as this process knows it
  template <class Undo>
  [[nodiscard]] std::exception_ptr write_or(std::uint64_t before, Undo undo) {
    auto stands = manifest_standing::former;
    std::exception_ptr failure;
    try {
      stands = write_manifest(failure);
    } catch (...) {
      failure = std::current_exception();
    }
    if (stands != manifest_standing::next) {
      undo();
      go_back(before, stands);
      std::rethrow_exception(failure);
    }
    is_in_doubt_ = failure != nullptr;
    if (!is_in_doubt_) drop_all<Policies>(std::exchange(owed_, {}));
    return failure;
  }

  /// Goes back to the generation before; if it cannot be told which one rules, all who share the
  /// log, this process too, look again until it can.
  void go_back(std::uint64_t before, manifest_standing stands) {
    if (shared_ == nullptr) return;
    guard lock{list_mutex_};
    if (stands == manifest_standing::unknown)
      shared_->generation.store(manifest_.generation, std::memory_order_release);
    manifest_.generation = before;
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

  segment_number take_number() {
    if (shared_ != nullptr)
      return segment_number{shared_->next_segment.fetch_add(1, std::memory_order_relaxed)};
    guard lock{list_mutex_};
    return segment_number{manifest_.next_segment++};
  }

  [[nodiscard]] format::manifest next_manifest(segment_list_ptr<Policies>& named) {
    guard lock{list_mutex_};
    named = list_;
    if (shared_ != nullptr)
      manifest_.next_segment = shared_->next_segment.load(std::memory_order_relaxed);
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

  /// @param failure  as of put_draft_in_place()
  manifest_standing write_manifest(std::exception_ptr& failure) {
    segment_list_ptr<Policies> named;
    const auto next = next_manifest(named);
    LOGDB_EXPECTS(format::is_consistent(next));  // else nobody could open the log any more
    write_draft(*volume_, next);
    for (const auto& segment : named->log) segment->note_named();
    const auto stands = put_draft_in_place<Policies>(*volume_, next.generation, failure);
    if (stands != manifest_standing::next) return stands;
    if (told_ != nullptr) told_->generation.store(next.generation, std::memory_order_release);
    if (shared_ != nullptr) shared_->generation.store(next.generation, std::memory_order_release);
    return stands;
  }

  std::shared_ptr<storage> volume_;
  control_type* shared_ = nullptr;  // of who else publishes; null: nobody
  control_type* told_ = nullptr;    // by who publishes alone; null: nobody does, or not yet
  mutable mutex list_mutex_;        // of list_ and manifest_
  mutex publish_mutex_;             // one manifest at a time, in order
  bool is_in_doubt_ = false;        // guarded by publish_mutex_: a sync of the names failed
  std::vector<segment_ptr<Policies>> owed_;  // guarded by it: to be dropped with a durable manifest
  format::manifest manifest_;                // segments and cursors: as last written
  cursor_table cursors_;                     // guarded by list_mutex_
  begun_segments begun_;                     // guarded by list_mutex_
  segment_list_ptr<Policies> list_;
  typename Policies::index::options chosen_;
  recovery_mode mode_;
  bool has_many_writers_;  // then what is attached is listed when a walk meets it
};

template <class Policies>
using segment_table = basic_segment_table<stored_of<Policies>>;

}  // namespace logdb::detail
