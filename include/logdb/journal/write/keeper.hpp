// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Keeps segments: makes the next one ready ahead, finishes sealed ones, gives old ones up.

#include <algorithm>
#include <vector>

#include <logdb/durability_point.hpp>
#include <logdb/journal/segments/footer.hpp>
#include <logdb/journal/segments/retention.hpp>
#include <logdb/journal/share/shared_view.hpp>
#include <logdb/journal/write/committer.hpp>
#include <logdb/light.hpp>

namespace logdb::detail {

/// Does what would stall an append if it waited until it is needed.
///
/// @threads  any
template <class Policies>
class keeper {
 public:
  using core_type = journal_state<Policies>;
  using guard = typename core_type::guard;
  using append_guard = typename core_type::append_guard;
  using shared_turn = detail::shared_turn<typename core_type::system>;

  keeper(core_type& core, committer<Policies>& commits, view_of<Policies>& view)
      : core_{core}, commits_{commits}, view_{view} {}

  /// Makes the next segment ready unless it is.
  /// @errors  errc::no_space, errc::io; then there is still none
  void provide() {
    guard lock{provide_mutex_};
    if (is_ready()) return;
    const auto turn = take_turn([](auto& shared) -> auto& { return shared.provide_lock; });
    while (!is_ready()) {
      core_.life.require_open();
      const std::uint64_t heals = core_.control().heals.load(std::memory_order_relaxed);
      const auto made = make();
      if constexpr (has_step<durability_point::listed_before_used>) list(made);
      if (!offer(made, heals)) unlist(made);
      if constexpr (!has_step<durability_point::listed_before_used>) list(made);
    }
  }

  /// Finishes what is sealed, and applies retention.
  /// @errors  errc::failed; errc::no_space and errc::io of the manifest: to be tried again
  void chores() {
    meet_seals();
    learn_sealed();
    guard lock{chores_mutex_};
    core_.life.require_writable();
    const auto turn = take_turn([](auto& shared) -> auto& { return shared.chores_lock; });
    const auto list = view_.catch_up();
    for (const auto& segment : list->log) {
      if (segment->end() && !segment->settled() && finish(*segment)) owes_manifest_ = true;
    }
    if (!owes_manifest_) return;
    core_.segments.publish();
    retain();
    owes_manifest_ = false;
    core_.signals.settled.signal();
  }

  /// Waits for what is under way; nothing follows once the log has ended, but ranges and snapshots
  /// go on.
  void end() {
    const guard provided{provide_mutex_};
    const guard done{chores_mutex_};
    keep_readable<Policies>(core_.segments.list());
  }

  /// Gives up what the options no longer want kept.
  void retain() {
    const auto list = core_.segments.list();
    const lsn keep = first_kept(*list, retention_of(core_.options), core_type::system::now(),
                                core_.reached_lsn(watermark::durable) + 1);
    if (keep) core_.segments.drop_front(keep);
  }

 private:
  [[nodiscard]] bool is_ready() {
    append_guard lock{core_.append_mutex};
    return core_.append.next != nullptr;
  }

  /// Makes one of the size wanted; on a disk that is nearly full a smaller one will do.
  [[nodiscard]] segment_ptr<Policies> make() {
    segment_plan plan{.capacity = next_capacity()};
    plan.zero_fill = Policies::durability::prewrites;
    const std::uint64_t least = core_.ring.ring_bytes() / 2;
    for (;; plan.capacity = std::max(plan.capacity / 2, least)) {
      try {
        return core_.segments.create(plan);
      } catch (const error& failure) {
        if (failure.condition() != errc::no_space || plan.capacity == least) throw;
      }
    }
  }

  /// Twice the active one, up to what the options say: a small log stays small.
  [[nodiscard]] std::uint64_t next_capacity() {
    append_guard lock{core_.append_mutex};
    const std::uint64_t active = core_.append.extents.back().segment->capacity();
    return std::max(std::min(2 * active, core_.options.segment_bytes), core_.ring.ring_bytes() / 2);
  }

  /// Hands it to the append path, unless a heal took a segment with a higher number meanwhile.
  bool offer(const segment_ptr<Policies>& made, std::uint64_t heals) {
    append_guard lock{core_.append_mutex};
    if (core_.control().heals.load(std::memory_order_relaxed) != heals) return false;
    core_.append.next = core_.append.writers_own(made);
    return true;
  }

  void list(const segment_ptr<Policies>& made) {
    const auto add = [&](auto& list) {
      // There is none that is made ready but this: another is left from when memory ran out, or
      // from a healing that overtook it.
      light::erase_if(list.log, [&](const auto& each) { return is_left_over(list, *each); });
      list.log.push_back(made);
    };
    core_.segments.change(add, [&](auto& list) {
      light::erase_if(list.log, [&made](const auto& each) { return each == made; });
      if (!made->is_named()) made->drop();  // not by another thread's manifest either
    });
  }

  /// Tells whether a segment was made ready and nobody knows of it any more. Of one that others
  /// have begun meanwhile this process may not have heard yet: that one is the active one, or
  /// listed before it.
  [[nodiscard]] bool is_left_over(const segment_list<Policies>& list,
                                  const segment<Policies>& listed) const {
    if (listed.base()) return false;
    if constexpr (core_type::is_shared) {
      const segment_number active{core_.control().last_extent().segment};
      return listed.number() > active || list.is_listed_behind(listed.number(), active);
    }
    return true;
  }

  void unlist(const segment_ptr<Policies>& made) {
    // No manifest may name a file that is gone.
    const auto doubt = core_.segments.try_change(
        [&](auto& list) {
          light::erase_if(list.log, [&made](const auto& each) { return each == made; });
        },
        [](auto&) {});
    core_.segments.drop({made}, doubt);
  }

  /// Waits for the other processes that write the log, where there may be some.
  template <class Choose>
  [[nodiscard]] shared_turn take_turn(Choose choose) {
    if constexpr (core_type::is_shared) {
      return {core_.control(), choose(core_.control())};
    } else {
      return {};
    }
  }

  /// Where others write, too, a seal is met in the segment. @errors errc::failed
  void meet_seals() {
    if constexpr (core_type::is_shared) {
      commits_.wait(core_.reached(watermark::appended), watermark::written);
    }
  }

  /// Has the index learn what is sealed before the locks of chores() are taken: it may read all of
  /// it, and nobody has to wait for that.
  void learn_sealed() {
    if constexpr (learns<Policies>()) {
      const auto list = core_.segments.list();
      for (const auto& each : list->log) {
        if (!each->end() || each->settled()) continue;
        wait_durable();
        learn_if_there(*each);
      }
    }
  }
  static void learn_if_there(segment<Policies>& sealed) {
    try {
      learn(sealed);
    } catch (const error&) {
      // Its footer is what is missing then: write_footer() tries again.
    }
  }

  /// Waits until all that was appended is durable, and so all that is sealed. @errors errc::failed
  void wait_durable() {
    if constexpr (has_step<durability_point::seal_sync>) {
      commits_.wait(core_.reached(watermark::appended), watermark::durable);
    }
  }

  /// Settles a sealed segment behind its footer; returns whether the manifest has something to
  /// learn.
  bool finish(segment<Policies>& sealed) {
    wait_durable();
    core_.segments.refresh();
    if (sealed.settled() || !is_listed(sealed)) return false;  // it was healed meanwhile
    settle_whole(core_.segments, sealed, write_footer(sealed));
    sealed.release();
    return true;
  }

  [[nodiscard]] bool is_listed(const segment<Policies>& sealed) const {
    const auto list = core_.segments.list();
    const auto is_it = [&sealed](const auto& each) { return each.get() == &sealed; };
    return light::any_of(list->log, is_it);
  }

  core_type& core_;
  committer<Policies>& commits_;
  view_of<Policies>& view_;
  typename core_type::mutex chores_mutex_;   // one at a time; held over the disk
  bool owes_manifest_ = false;               // guarded by chores_mutex_: of what was settled
  typename core_type::mutex provide_mutex_;  // one maker at a time; held over the disk
};

}  // namespace logdb::detail
