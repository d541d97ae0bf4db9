// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Makes of the segments in which a log ended those in which it goes on.

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

#include <logdb/durability_point.hpp>
#include <logdb/format/files/names.hpp>
#include <logdb/journal/open/find_end.hpp>
#include <logdb/journal/segments/footer.hpp>
#include <logdb/journal/segments/segment_table.hpp>
#include <logdb/light.hpp>
#include <logdb/options.hpp>
#include <logdb/policy/storage_traits.hpp>
#include <logdb/stats.hpp>

namespace logdb::detail {

/// What the options and the durability policy say of the segments of a log.
struct segment_wishes {
  recovery_mode mode = recovery_mode::refuse;
  std::uint64_t segment_bytes = 0;  // none is larger
  std::uint64_t first_bytes = 0;    // of a new one
  std::uint64_t seal_bytes = 0;     // kept free behind the last frame
  bool zero_fill = false;
};

/// The last segments of a log that is being opened. Believes the end that it is told, and changes
/// no manifest: what it did takes effect with the next one.
///
/// @threads  one
template <class Policies>
class log_tail {
 public:
  using storage = typename Policies::storage;
  using system = typename storage::system;

  log_tail(basic_segment_table<Policies>& segments, const segment_wishes& wishes,
           recovery_report& report)
      : segments_{segments}, wishes_{wishes}, report_{report} {}

  /// The segment that takes appends.
  [[nodiscard]] const segment_ptr<Policies>& active() const { return active_; }
  /// The one that is ready behind it; null: none is.
  [[nodiscard]] const segment_ptr<Policies>& next() const { return next_; }
  [[nodiscard]] const log_end<Policies>& end() const { return end_; }

  /// Begins another segment behind the end.
  void add_segment(segment_plan plan) {
    plan.capacity = wishes_.first_bytes;
    plan.zero_fill = wishes_.zero_fill;
    active_ = segments_.create(plan);
    const timestamp now = std::max(end_.place.time, system::now());
    active_->begin(plan.base, now);
    segments_.edit([&](auto& list) { list.log.push_back(active_); });
    end_.place = {.next = plan.base, .time = now};
  }

  /// Opens to write what may be written before anything is mapped: where a file system makes a copy
  /// of a file that is first opened to write (overlayfs), a mapping from before shows the old one.
  void claim(const segment_list<Policies>& list) {
    for (auto each = list.log.begin(); each != list.log.end(); ++each) {
      const auto next = std::next(each);
      const bool bounded = (*each)->end() && next != list.log.end() && (*next)->base();
      if (bounded) continue;
      (*each)->claim();
      if (wishes_.mode == recovery_mode::salvage) restore_size(**each);
    }
  }

  /// Believes an end that was found.
  /// @param rewrites  whether the kernel has what a sync that failed may have lost
  void believe(log_end<Policies> found, bool rewrites) {
    end_ = std::move(found);
    rewrites_ = rewrites;
  }

  /// Makes the segment durable in which the log ends.
  void make_end_durable(const segment_list<Policies>& list) {
    make_durable(*list.log[end_.segment], end_.place.offset);
  }
  /// Gives the segments before the last their bounds for good.
  void settle_sealed(const segment_list<Policies>& list) {
    for (std::size_t i = 0; i < end_.segment; ++i) {
      auto& sealed = *list.log[i];
      if (sealed.settled()) continue;
      make_durable(sealed, sealed.end_offset());
      settle_whole(segments_, sealed, write_footer(sealed));
      sealed.release();
    }
  }

  /// Goes on where the last writer stopped, or in a new segment where that cannot be.
  void go_on(const segment_list<Policies>& list) {
    if (end_.tail_is_zero && has_room(list) && may_go_on_in(*list.log[end_.segment])) {
      continue_segment(list);
    } else {
      replace_tail(list);
    }
    drop_uncommitted();
  }

  /// Unlinks what has no place any more, once a manifest says so.
  void drop_gone() {
    for (const auto& segment : gone_) segment->drop();
  }

 private:
  /// Gives a file its size back that somebody cut, to salvage: what is drained has its place behind
  /// the cut.
  void restore_size(segment<Policies>& part) {
    const bool is_sane = part.capacity() <= wishes_.segment_bytes;
    if (!is_sane || !segments_.volume()->exists(format::segment_name(part.number()))) return;
    auto& file = part.writable();
    const std::uint64_t size = file.size();
    if (size >= part.capacity()) return;
    file.resize(part.capacity());
    report_.damages.push_back({.kind = damage_kind::corruption,
                               .at = {part.number(), size},
                               .bytes = part.capacity() - size,
                               .reason = "the file was cut"});
  }

  /// Makes what a dead process had only given to the kernel durable, before anything builds on it.
  void make_durable(segment<Policies>& part, std::uint64_t end) {
    if (part.bytes().empty()) return;  // salvaged, without its file
    auto& file = part.writable();
    if (rewrites_) {
      // Staging no longer had it to be written again: after a sync that failed, the kernel calls
      // clean what it has not brought to disk.
      constexpr std::uint64_t begin = format::segment_header_bytes;
      file.write(begin, part.bytes().subspan(begin, end - begin));
    }
    file.sync();
  }

  /// Tells whether a seal fits behind the end, as behind every frame that a writer placed.
  [[nodiscard]] bool has_room(const segment_list<Policies>& list) const {
    return end_.place.offset + wishes_.seal_bytes <= list.log[end_.segment]->capacity();
  }

  /// Tells whether a segment may be written: it is all there, and no other directory has it, as a
  /// copy made of hard links has.
  [[nodiscard]] static bool may_go_on_in(segment<Policies>& part) {
    if (part.bytes_left() < part.capacity()) return false;
    auto& file = part.writable();
    using file_type = typename Policies::storage::file;
    return file_traits<file_type>::identify(file, platform::file_identity{}).names <= 1;
  }

  /// Goes on where the last writer stopped: nothing was ever written behind that place.
  void continue_segment(const segment_list<Policies>& list) {
    active_ = list.log[end_.segment];
    if constexpr (has_step<durability_point::resume_sync>) {
      make_durable(*active_, end_.place.offset);
    }
    active_->reopen();
    if (end_.segment + 1 == list.log.size()) return;
    const auto& ready = list.log[end_.segment + 1];
    // Numbers ascend along the stream: one that a healing overtook is of no use.
    const bool follows = ready->number() > active_->number() && may_go_on_in(*ready);
    if (follows) {
      // The manifest may say with which record it was to begin: those before it were lost.
      ready->begin(lsn{}, end_.place.time);
      (void)ready->writable();  // now: where it is needed nothing may fail but the disk
      next_ = ready;
    }
    drop_behind(list, end_.segment + (follows ? 2 : 1));
  }

  /// Bounds the torn segment at its last whole frame and goes on in a new one, which says so.
  void replace_tail(const segment_list<Policies>& list) {
    auto& torn = *list.log[end_.segment];
    segment_plan plan{.base = end_.place.next};
    const bool holds_records = end_.place.next > torn.base();
    if (holds_records) {
      plan.predecessor = torn.number();
      plan.predecessor_end = end_.place.offset;
      if constexpr (has_step<durability_point::torn_sync>) make_durable(torn, end_.place.offset);
      if constexpr (has_step<durability_point::bound_behind_torn>) {
        torn.seal(end_.place.next, end_.place.offset);
        settle_whole(segments_, torn);
      }
      torn.release();
    }
    drop_behind(list, end_.segment + (holds_records ? 1 : 0));
    add_segment(plan);
  }

  void drop_behind(const segment_list<Policies>& list, std::size_t first) {
    gone_.assign(list.log.begin() + static_cast<std::ptrdiff_t>(first), list.log.end());
    segments_.edit([&](auto& edited) { edited.log.resize(first); });
  }

  /// Gives up attached segments whose commit was lost though the manifest had come to name them.
  void drop_uncommitted() {
    segments_.edit([this](auto& list) {
      const auto is_lost = [this](const auto& own) { return own->base() >= end_.place.next; };
      light::move_if(list.attached, gone_, is_lost);
    });
  }

  basic_segment_table<Policies>& segments_;
  segment_wishes wishes_;
  recovery_report& report_;
  log_end<Policies> end_{};
  bool rewrites_ = false;
  segment_ptr<Policies> active_;
  segment_ptr<Policies> next_;
  std::vector<segment_ptr<Policies>> gone_;
};

}  // namespace logdb::detail
