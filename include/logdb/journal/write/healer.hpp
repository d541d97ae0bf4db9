// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What follows a failed write or sync: the same bytes once more, in a new segment, or the end.
///
/// A failed sync is never retried on its file: the kernel has dropped the dirty pages and says
/// success the second time. Everything above `durable` is still in staging.
///
/// @source  Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include <logdb/durability_point.hpp>
#include <logdb/journal/open/open_walk.hpp>
#include <logdb/journal/state.hpp>
#include <logdb/journal/write/relocation.hpp>
#include <logdb/light.hpp>
#include <logdb/platform/expects.hpp>
#include <logdb/policy/index.hpp>

namespace logdb::detail {

/// Moves what is staged and not durable to a new segment. Used once, with the append lock.
template <class Policies>
class healer {
 public:
  using core_type = journal_state<Policies>;
  static constexpr bool keeps_positions = index_traits<typename Policies::index>::reads_staging;

  explicit healer(core_type& core)
      : core_{core},
        from_{core.reached(watermark::durable)},
        to_{core.reached(watermark::appended)} {
    LOGDB_EXPECTS(core.append_mutex.is_held());
  }

  /// @errors  whatever the disk says; nothing was changed then
  void run() {
    if (from_ == to_) return;
    read_staged();
    const healing_mark mark{core_.control()};
    const auto& torn = core_.append.extents.front();
    const bool keeps_part = holds_durable(torn);
    place_ = {.next = first_, .time = torn.segment->time_last()};
    fresh_ = core_.segments.create(plan(keeps_part ? &torn : nullptr));
    fresh_->begin(first_, place_.time);
    reframe();
    fresh_->see(place_.time);  // of their last group: what comes next must not be older
    fresh_->writable().write(format::segment_header_bytes, frames_);
    if constexpr (has_step<durability_point::heal_sync>) fresh_->writable().sync();
    if (keeps_part) bounded_ = bound(torn);
    list();
    take_over();
  }

 private:
  /// Says in the control file that what is staged is being moved: who dies meanwhile leaves it to
  /// be opened anew.
  struct healing_mark {
    explicit healing_mark(typename core_type::control_type& told) : shared{told} {
      // Release, as the words that are put after it: a process that dies has stored the first ones.
      shared.healing.store(1, std::memory_order_release);
    }
    healing_mark(const healing_mark&) = delete;
    healing_mark& operator=(const healing_mark&) = delete;
    ~healing_mark() { shared.healing.store(0, std::memory_order_release); }
    typename core_type::control_type& shared;
  };

  /// Takes what is staged, and the lsn that it begins with. Not from the watermark: a leader that
  /// died may have moved the one that counts records and not yet the one that counts bytes.
  /// @errors  errc::corrupt when it is more than staging keeps: nothing there can be trusted then
  void read_staged() {
    frames_.resize(core_.ring.require_kept(to_ - from_));
    core_.ring.copy_out(from_, frames_);
    first_ = header_at(0).first;
  }
  /// @errors  errc::corrupt when there is no frame: somebody wrote over it
  [[nodiscard]] format::frame_header header_at(std::size_t at) const {
    const std::size_t left = frames_.size() - at;
    if (left >= format::frame_header_bytes) {
      const auto header = format::load_header(frames_.data() + at);
      if (format::frame_bytes(header.payload_bytes) <= left) return header;
    }
    throw error{errc::corrupt, "what is staged is no frame"};
  }

  /// Tells whether a segment has frames before what is lost: also from before this open, or healed
  /// into it, which its extent does not tell.
  [[nodiscard]] bool holds_durable(const extent<Policies>& torn) const {
    return from_ - torn.base > format::segment_header_bytes;
  }

  [[nodiscard]] segment_plan plan(const extent<Policies>* torn) const {
    segment_plan plan{.base = first_};
    plan.capacity = std::max(core_.append.extents.back().segment->capacity(),
                             2 * (format::segment_header_bytes + (to_ - from_)));
    plan.zero_fill = Policies::durability::prewrites;
    if (torn != nullptr) {
      plan.predecessor = torn->segment->number();
      plan.predecessor_end = from_ - torn->base;
    }
    return plan;
  }

  /// Gives the staged frames headers for their new places; seals, which ended the old ones, go.
  /// @errors  as header_at()
  void reframe() {
    std::size_t kept = 0;
    for (std::size_t at = 0; at < frames_.size();) {
      const auto header = header_at(at);
      const std::uint64_t bytes = format::frame_bytes(header.payload_bytes);
      if (header.kind != format::frame_kind::seal) {
        note_move(from_ + at, bytes);
        std::memmove(frames_.data() + kept, frames_.data() + at, bytes);
        adopt(frames_.data() + kept, header, bytes);
        kept += bytes;
      }
      at += bytes;
    }
    frames_.resize(kept);
  }

  void adopt(std::byte* at, const format::frame_header& header, std::uint64_t bytes) {
    const bytes_view payload{at + format::frame_header_bytes, header.payload_bytes};
    if (place_.offset == format::segment_header_bytes) begin_at(header, payload);
    format::encode_header(at, header, fresh_->seed(), place_.offset);
    if (place_.offset + bytes > fresh_->entries().due()) {
      fresh_->entries().note({place_.next, place_.offset, place_.time});
    }
    advance(place_, {.header = header, .payload = payload, .bytes = bytes});
  }

  /// Remembers where a frame goes, for an index that has positions of frames.
  void note_move(stream_position stream, std::uint64_t bytes) {
    if constexpr (keeps_positions) {
      if (moves_.empty()) moves_.resize(core_.append.extents.size());
      std::size_t part = core_.append.extents.size() - 1;
      while (core_.append.extents[part].begin > stream) --part;
      if (moves_[part] == nullptr) moves_[part] = std::make_unique<relocation>();
      moves_[part]->to = fresh_;
      moves_[part]->moves.push_back(
          {stream - core_.append.extents[part].base, place_.offset, bytes});
    }
  }

  /// Tells the index, before anybody can look where the frames were.
  void forward() noexcept {
    if constexpr (keeps_positions) {
      for (std::size_t part = 0; part < moves_.size(); ++part) {
        if (moves_[part] == nullptr) continue;
        auto& entries = core_.append.extents[part].segment->entries();
        index_traits<typename Policies::index>::forward(entries, std::move(moves_[part]));
      }
    }
  }

  /// Takes the time of the first group: with an earlier one a search by time would begin here and
  /// miss what is before.
  void begin_at(const format::frame_header& first, bytes_view payload) {
    if (first.kind != format::frame_kind::mark) return;
    if (const auto mark = format::decode_mark(payload)) place_.time = mark->time;
    fresh_->begin(first_, place_.time);
  }

  /// Puts the new segment in the place of what was not durable.
  void list() {
    std::vector<segment_number> lost;
    for (const auto& part : core_.append.extents) lost.push_back(part.segment->number());
    if (bounded_ != nullptr) lost.erase(lost.begin());
    const auto replace = [&](segment_list<Policies>& list) {
      // At once with the rest: no manifest may bound it and not name what follows.
      if (bounded_ != nullptr) {
        const auto number = core_.append.extents.front().segment->number();
        const auto is_torn = [number](const auto& each) { return each->number() == number; };
        std::replace_if(list.log.begin(), list.log.end(), is_torn, bounded_);
      }
      light::erase_if(list.log, [&lost](const auto& segment) {
        // One that was made ready goes too: segment numbers ascend along the stream.
        return !segment->base() || light::find(lost, segment->number()) != lost.end();
      });
      list.log.push_back(fresh_);
    };
    if constexpr (has_step<durability_point::healed_before_durable>) {
      core_.segments.change(replace, [](auto&) {});
    } else {
      core_.segments.edit(replace);
    }
  }

  /// Returns a view of the torn segment that ends with what is durable, all of it listed. Readers
  /// that are under way keep the old one: what was shown to them goes on in it.
  [[nodiscard]] segment_ptr<Policies> bound(const extent<Policies>& torn) const {
    auto entry = torn.segment->entry();
    entry.end = first_;
    entry.end_offset = from_ - torn.base;
    auto bounded = core_.segments.make(entry);
    bounded->supersede(torn.segment);
    list_all_in(core_.segments, *bounded, entry.end_offset);
    return bounded;
  }

  void take_over() {
    forward();
    if (bounded_ != nullptr)
      core_.append.extents.front().segment->settle();  // no footer for the old view
    for (auto part = core_.append.extents.begin() + (bounded_ != nullptr ? 1 : 0);
         part != core_.append.extents.end(); ++part) {
      part->segment->drop();
    }
    put_word<typename core_type::system>(core_.control().ready.segment, 0);  // before its file goes
    if (core_.append.next != nullptr) core_.append.next->drop();
    core_.append.next = nullptr;
    core_.append.extents.clear();
    core_.begin_extent(core_.append.writers_own(fresh_), to_ - place_.offset, to_);
    cover_all(core_.control(), to_);
    core_.control().heals.fetch_add(1, std::memory_order_relaxed);
    core_.signals.chores.signal();
  }

  core_type& core_;
  stream_position from_;
  stream_position to_;
  std::vector<std::byte> frames_;  // what is staged; with new headers once they are there
  lsn first_{};                    // of the first of them
  scan_place place_{};
  segment_ptr<Policies> fresh_;
  segment_ptr<Policies> bounded_;                   // what stays of the torn one; null: nothing
  std::vector<std::unique_ptr<relocation>> moves_;  // by extent; null: nothing went from there
};

/// Does what heal_or_fail() says, with the append lock.
template <class Policies>
void heal_in_turn(journal_state<Policies>& core, const char* failure) noexcept {
  LOGDB_EXPECTS(core.append_mutex.is_held());
  try {
    // Where frames went that an index has positions of, only this process could tell its own.
    constexpr bool can_tell =
        !journal_state<Policies>::is_shared || !healer<Policies>::keeps_positions;
    if constexpr (journal_state<Policies>::syncs && can_tell) {
      healer<Policies>{core}.run();
    } else {
      core.life.fail(failure);
    }
  } catch (const std::exception& second) {
    core.life.fail(failure, second.what());
  }
}

/// Heals a failed write or sync once, or fails the log. After it the log is sound or failed, never
/// between.
/// @param failure  what failed first
template <class Policies>
void heal_or_fail(journal_state<Policies>& core, const char* failure) noexcept {
  try {
    const typename journal_state<Policies>::append_guard lock{core.append_mutex};
    heal_in_turn(core, failure);
  } catch (const std::exception& second) {
    // The lock could not be had: what others did could not be learned. An append that looks at its
    // limit right now may let some others pass; they are in staging, for the next open.
    core.life.fail(failure, second.what());
  }
}

}  // namespace logdb::detail
