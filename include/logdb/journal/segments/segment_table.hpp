// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Publishes the live segments of one log: where segments come and go, for good.

#include <algorithm>
#include <exception>
#include <new>
#include <utility>
#include <vector>

#include <logdb/durability_point.hpp>
#include <logdb/journal/control/shared_turn.hpp>
#include <logdb/journal/segments/known_segments.hpp>
#include <logdb/light.hpp>
#include <logdb/platform/expects.hpp>

namespace logdb::detail {

/// The segments that this process knows, with the right to make new ones and to write the manifest.
///
/// @threads  any; who publishes waits for the disk and for whoever else does
template <class Policies>
class basic_segment_table : public basic_known_segments<Policies> {
  using known = basic_known_segments<Policies>;

 public:
  using typename known::guard;
  using typename known::list_type;
  using typename known::mutex;
  using typename known::storage;
  using typename known::system;
  using control_type = control_header<system>;

  using known::adopt;
  using known::edit;
  using known::generation;
  using known::known;
  using known::list;
  using known::make;
  using known::volume;

  /// Has the control file tell which manifest was published last, by a lone publisher.
  void tell(control_type& control) { told_ = &control; }
  /// Says that others publish manifests, too, as the control file orders them.
  void share(control_type& shared) {
    shared_ = &shared;
    doubt_.share(shared.in_doubt);
  }
  /// Does so from the manifest on that this process has; nobody else publishes yet.
  void begin_sharing(control_type& shared) {
    shared.next_segment.store(this->next_number(), std::memory_order_relaxed);
    shared.generation.store(generation(), std::memory_order_release);
    share(shared);
  }

  /// Learns of the manifests that others have published since. @errors errc::io, errc::corrupt
  void refresh() {
    if (shared_ == nullptr || shared_->generation.load(std::memory_order_acquire) <= generation())
      return;
    const auto found = require_manifest<Policies>(*volume());
    say_published(*shared_, found.generation);
    adopt(found);
  }

  /// Makes the file of a new segment, its header on stable storage. It is not listed yet.
  [[nodiscard]] segment_ptr<Policies> create(const segment_plan& plan) {
    format::manifest_segment entry{.number = take_number(), .salt = random_salt<system>()};
    entry.capacity = plan.capacity;
    entry.base = plan.base;
    entry.role = plan.role;
    auto made = make(entry);
    made->adopt(volume()->create(format::segment_name(entry.number)));
    try {
      write_header(*volume(), *made, plan, this->index_id());
    } catch (...) {
      made->drop();  // a half-made file is of no use
      throw;
    }
    return made;
  }

  /// Writes the manifest of what is listed now; when it returns the manifest is on stable storage.
  void publish() {
    guard lock{publish_mutex_};
    const auto turn = take_turn();
    if (const auto doubt = write_or(this->next_generation(last_said()), [] {}))
      std::rethrow_exception(doubt);
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
    return write_or(this->next_generation(last_said(), to_next), [&] { edit(back); });
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
    guard lock{publish_mutex_};
    const auto turn = take_turn();
    if (!doubt_.raise()) {
      volume()->sync();
      return doubt_.settle();
    }
    // What the sync that failed has lost another one may call clean.
    if (const auto doubt = write_or(this->next_generation(last_said()), [] {}))
      std::rethrow_exception(doubt);
  }

  /// Drops every sealed segment that ends at or before a record, and what is attached to it but for
  /// some, by ascending numbers, whose bytes are still read; returns how many went. When it returns
  /// no crash brings back what it or an earlier one that threw has dropped.
  /// @errors  errc::io, errc::no_space: nothing has changed, or all of it, which a crash may undo
  std::size_t drop_front(lsn first_kept, std::span<const segment_number> kept = {}) {
    std::vector<segment_ptr<Policies>> gone;
    list_type looked_at = *list();
    take_front(looked_at, first_kept, kept, gone);
    if (gone.empty() && !doubt_.is_raised()) return 0;
    if constexpr (!has_step<durability_point::unlisted_before_unlinked>) {
      for (const auto& segment : gone) volume()->remove(format::segment_name(segment->number()));
    }
    const auto doubt = try_change(
        [&](list_type& edited) {
          gone.clear();  // others may have done some of it
          take_front(edited, first_kept, kept, gone);
        },
        [&gone](list_type& edited) { give_back(edited, gone); });
    drop(gone, doubt);
    if (doubt) std::rethrow_exception(doubt);
    return gone.size();
  }

 private:
  using turn_type = shared_turn<system>;

  /// Waits until no other process publishes, and learns what they did.
  [[nodiscard]] turn_type take_turn() {
    if (shared_ == nullptr) return {};
    turn_type turn{*shared_, shared_->publish_lock};
    // A process that died may have written one and not said so; and whoever was told of its death
    // may have been unable to look.
    if (turn.is_inherited() || doubt_.is_raised()) {
      const auto found = load_manifest<Policies>(*volume(), open_mode::read_write);
      if (found) say_published(*shared_, found->generation);
    }
    refresh();
    return turn;
  }

  /// @param before  the generation of the one before, as this process knows it
  template <class Undo>
  [[nodiscard]] std::exception_ptr write_or(std::uint64_t before, Undo undo) {
    const bool doubted = doubt_.raise();
    auto stands = manifest_standing::former;
    std::exception_ptr failure;
    try {
      stands = write_manifest(failure);
    } catch (...) {
      failure = std::current_exception();
    }
    if (stands != manifest_standing::next) {
      if (stands == manifest_standing::former) doubt_.settle(doubted);
      undo();
      go_back(before, stands);
      std::rethrow_exception(failure);
    }
    if (!failure) doubt_.settle(), drop_all<Policies>(std::exchange(owed_, {}));
    return failure;
  }

  /// Goes back to the generation before; if it cannot be told which one rules, all who share the
  /// log, this process too, look again until it can.
  void go_back(std::uint64_t before, manifest_standing stands) {
    if (shared_ == nullptr) return;
    known::go_back(before, [&](std::uint64_t left) {
      if (stands == manifest_standing::unknown)
        shared_->generation.store(left, std::memory_order_release);
    });
  }

  /// Returns the last generation of any process that shares the log; 0: nobody does.
  [[nodiscard]] std::uint64_t last_said() const {
    return shared_ == nullptr ? 0 : shared_->generation.load(std::memory_order_acquire);
  }

  segment_number take_number() {
    if (shared_ == nullptr) return known::take_number();
    return segment_number{shared_->next_segment.fetch_add(1, std::memory_order_relaxed)};
  }

  /// @param failure  as of put_draft_in_place()
  manifest_standing write_manifest(std::exception_ptr& failure) {
    segment_list_ptr<Policies> named;
    const auto next = this->compose(named, shared_);
    LOGDB_EXPECTS(format::is_consistent(next));  // else nobody could open the log any more
    write_draft(*volume(), next);
    for (const auto& segment : named->log) segment->note_named();
    const auto stands = put_draft_in_place<Policies>(*volume(), next.generation, failure);
    if (stands != manifest_standing::next) return stands;
    if (told_ != nullptr) told_->generation.store(next.generation, std::memory_order_release);
    if (shared_ != nullptr) shared_->generation.store(next.generation, std::memory_order_release);
    return stands;
  }

  control_type* shared_ = nullptr;  // of who else publishes; null: nobody
  control_type* told_ = nullptr;    // by who publishes alone; null: nobody does, or not yet
  mutex publish_mutex_;             // one manifest at a time, in order
  manifest_doubt<system> doubt_;    // of the manifest that rules
  std::vector<segment_ptr<Policies>> owed_;  // guarded by it: to be dropped with a durable manifest
};

template <class Policies>
using segment_table = basic_segment_table<stored_of<Policies>>;

}  // namespace logdb::detail
