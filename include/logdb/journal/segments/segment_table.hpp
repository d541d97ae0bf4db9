// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The live segments of one log and the manifest that names them: where segments come and go.

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
    auto list = std::make_shared<list_type>();
    for (const auto& entry : manifest_.segments) {
      auto& where = entry.role != format::segment_role::attached ? list->log : list->attached;
      where.push_back(make_named(entry));
    }
    light::sort(list->attached, [](const auto& segment) { return segment->number(); });
    list_ = std::move(list);
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
    const auto found = load_manifest<Policies>(*volume_, open_mode::read_write);
    if (!found) {
      throw error{
          errc::corrupt, "the manifest is gone", {.path = volume_->path(), .remedy = gone_remedy}};
    }
    say_published(found->generation);
    adopt(*found);
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
      write_header(*made, plan);
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
    next_generation([] {});
    write_or([] {});
  }

  /// Learns also of a manifest whose writer died before it could say so.
  void refresh_for_sure() {
    guard lock{publish_mutex_};
    (void)take_turn();
  }

  /// Exchanges the list and writes its manifest, before or after whatever others publish; what
  /// fails is undone.
  template <class Edit, class Undo>
  void change(Edit&& to_next, Undo&& back) {
    guard lock{publish_mutex_};
    const auto turn = take_turn();
    next_generation([&] { edit_locked(to_next); });
    write_or([&] { edit(back); });
  }

  /// Drops every sealed segment that ends at or before a record, and what is attached to it but for
  /// some, by ascending numbers, whose bytes are still read; returns how many went.
  std::size_t drop_front(lsn first_kept, std::span<const segment_number> kept = {}) {
    std::vector<segment_ptr<Policies>> gone;
    list_type looked_at = *list();
    take_front(looked_at, first_kept, kept, gone);
    if (gone.empty()) return 0;
    if constexpr (!has_step<durability_point::unlisted_before_unlinked>) {
      for (const auto& segment : gone) volume_->remove(format::segment_name(segment->number()));
    }
    change(
        [&](list_type& list) {
          gone.clear();  // others may have done some of it
          take_front(list, first_kept, kept, gone);
        },
        [&gone](list_type& list) { give_back(list, gone); });
    drop_all<Policies>(gone);
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

  /// Says of a manifest that it was published, before this process acts on it and unlinks what it
  /// no longer names: its writer may not have come to that yet, or have died meanwhile. Others
  /// would then miss a file and be told that nothing has changed.
  void say_published(std::uint64_t generation) {
    std::uint64_t said = shared_->generation.load(std::memory_order_acquire);
    while (said < generation && !shared_->generation.compare_exchange_strong(
                                    said, generation, std::memory_order_acq_rel)) {
    }
  }

  template <class Edit>
  void edit_locked(Edit&& change) {
    auto copy = std::make_shared<list_type>(*list_);
    change(*copy);
    list_ = std::move(copy);
  }

  /// Begins the next manifest, at once with the change that it is to tell of: who has read the one
  /// before must not put its list in the place.
  template <class Change>
  void next_generation(Change make_change) {
    guard lock{list_mutex_};
    make_change();
    ++manifest_.generation;
  }

  template <class Undo>
  void write_or(Undo undo) {
    bool may_stand = false;
    try {
      segment_list_ptr<Policies> named;
      const auto next = next_manifest(named);
      write_manifest(next, *named, may_stand);
      if (shared_ != nullptr) shared_->generation.store(next.generation, std::memory_order_release);
    } catch (...) {
      undo();
      if (shared_ != nullptr) return_generation(may_stand);
      throw;
    }
  }

  /// Goes back to the generation on disk: that which failed, if it may stand and nobody can tell.
  void return_generation(bool may_stand) {
    const auto stands = may_stand ? generation_on_disk<Policies>(*volume_, generation()) : 0;
    const std::uint64_t now = std::max(shared_->generation.load(std::memory_order_acquire), stands);
    shared_->generation.store(now, std::memory_order_release);
    guard lock{list_mutex_};
    manifest_.generation = now;
  }

  /// Takes over what a manifest says, and keeps what this process knows beyond it.
  void adopt(const format::manifest& found) {
    guard lock{list_mutex_};
    if (found.generation <= manifest_.generation) return;  // another thread knows more already
    auto fresh = std::make_shared<list_type>();
    for (const auto& entry : found.segments) {
      auto& where = entry.role != format::segment_role::attached ? fresh->log : fresh->attached;
      where.push_back(keep_or_make(entry));
    }
    light::sort(fresh->attached, [](const auto& segment) { return segment->number(); });
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
    const auto keep = [&entry](const auto& known) {
      const bool same = known->number() == entry.number && known->salt() == entry.salt;
      return same &&
             (!entry.end || (known->end() == entry.end && known->end_offset() == entry.end_offset));
    };
    for (const auto* where : {&list_->log, &list_->attached}) {
      const auto found = light::find_if(*where, keep);
      if (found == where->end()) continue;
      if (entry.base && !(*found)->base()) (*found)->begin(entry.base, entry.time_first);
      if (entry.end && !(*found)->settled()) {
        (*found)->note_listed(entry.end_offset);  // what it holds this manifest names, too
        (*found)->settle(entry.footer_offset);
      }
      return *found;
    }
    return make_named(entry);
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

  void write_header(segment<Policies>& made, const segment_plan& plan) const {
    format::segment_header header{.store = manifest_.store, .number = made.number()};
    header.salt = made.salt();
    header.base = plan.base;
    header.capacity = plan.capacity;
    header.predecessor = plan.predecessor;
    header.predecessor_end = plan.predecessor_end;
    header.index_id = manifest_.index_id;
    header.role = plan.role;
    auto& file = made.writable();
    file.allocate(plan.capacity);
    if (plan.zero_fill) file.zero_fill(0, plan.capacity);
    file.write(0, bytes_view{format::encode(header)});
    if constexpr (has_step<durability_point::header_sync>) file.sync();
    // Its name too: the manifest that names it may otherwise reach the disk alone. That of an
    // attached one is synced when it is finished.
    constexpr bool syncs = has_step<durability_point::segment_name_sync>;
    if (syncs && plan.role != format::segment_role::attached) volume_->sync();
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

  /// @param may_stand  becomes true when it may be the one on disk, also if what follows fails
  void write_manifest(const format::manifest& next, const list_type& named, bool& may_stand) {
    LOGDB_EXPECTS(format::is_consistent(next));  // else nobody could open the log any more
    write_draft(*volume_, next);
    for (const auto& segment : named.log) segment->note_named();
    may_stand = true;
    put_draft_in_place(*volume_);
    if (told_ != nullptr) told_->generation.store(next.generation, std::memory_order_release);
  }

  std::shared_ptr<storage> volume_;
  control_type* shared_ = nullptr;  // of who else publishes; null: nobody
  control_type* told_ = nullptr;    // by who publishes alone; null: nobody does, or not yet
  mutable mutex list_mutex_;        // of list_ and manifest_
  mutex publish_mutex_;             // one manifest at a time, in order
  format::manifest manifest_;       // segments and cursors: as last written
  cursor_table cursors_;            // guarded by list_mutex_
  begun_segments begun_;            // guarded by list_mutex_
  segment_list_ptr<Policies> list_;
  typename Policies::index::options chosen_;
  recovery_mode mode_;
  bool has_many_writers_;  // then what is attached is listed when a walk meets it
};

template <class Policies>
using segment_table = basic_segment_table<stored_of<Policies>>;

}  // namespace logdb::detail
