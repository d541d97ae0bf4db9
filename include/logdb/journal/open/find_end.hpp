// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Finds where a log ends, and tells a torn tail from corruption. Writes nothing.
///
/// What the manifest bounds is trusted: segments that others follow, and the end of a log that was
/// closed. From there on every frame is verified. At the first bytes that are no frame the question
/// is whether they were promised. Sync marks answer it: a mark further on that says "durable up to
/// n" with n at or above the record expected here proves corruption. So does the control file of
/// this boot. Without such a proof nothing here was ever acknowledged: a torn tail.

#include <algorithm>
#include <utility>
#include <vector>

#include <logdb/durability_point.hpp>
#include <logdb/journal/open/open_walk.hpp>
#include <logdb/journal/staging/dead_writer.hpp>

namespace logdb::detail {

/// Walks the open part of a list to its end.
template <class Policies>
class end_finder {
 public:
  end_finder(const segment_list<Policies>& list, recovery_mode mode, dead_writer proven)
      : list_{list}, mode_{mode}, proven_{proven}, walk_{list, true} {}

  /// @errors  errc::corrupt, unless it salvages
  log_end<Policies> run() {
    if (walk_.is_closed()) return closed();
    while (!is_end(walk_.walk_on())) {
    }
    return std::move(end());
  }

 private:
  [[nodiscard]] log_end<Policies>& end() { return walk_.end(); }
  [[nodiscard]] segment<Policies>& current() const { return walk_.current(); }
  [[nodiscard]] bytes_view frames() const { return walk_.frames(); }

  /// Returns all bytes of a segment behind the one that is walked, read by calls.
  [[nodiscard]] static bytes_view all_of(segment<Policies>& later) {
    const bytes_view bytes = later.bytes();
    later.probe(0, bytes.size());
    return bytes;
  }

  /// Ends where the log was closed. Its frames were durable then, and nothing was appended since:
  /// if they end elsewhere, or staging knows of more, something is damaged.
  log_end<Policies> closed() {
    if (walk_.is_contradicted() || proven_.kept >= end().place.next) {
      end().tail_is_zero = false;
      if (mode_ == recovery_mode::refuse) throw_corrupt(scan_stop::bound);
      note_damage(damage_kind::corruption, 0, scan_stop::bound);
    }
    return std::move(end());
  }

  /// Decides about the place where a walk stopped; false: it goes on behind damage.
  bool is_end(scan_stop stop) {
    if (stop == scan_stop::sealed) {
      end().tail_is_zero = false;  // nothing may follow a seal, and no segment does
      return true;
    }
    // A file has its size on stable storage before anything names it: one that is cut had more.
    const bool is_cut = current().bytes_left() < current().capacity();
    if (!is_cut && is_rest_zero()) return is_end_at_zeros(stop);
    end().tail_is_zero = false;
    if (!is_cut && !find_proof()) return drop_tail(stop);
    if (mode_ == recovery_mode::refuse) throw_corrupt(stop);
    return !skip(stop);
  }

  [[nodiscard]] bool is_rest_zero() {
    if constexpr (!has_step<durability_point::zeros_before_resuming>) return true;
    if (proven_.appended && proven_.appended + 1 == end().place.next) return true;
    const std::uint64_t at = std::min<std::uint64_t>(end().place.offset, frames().size());
    walk_.need(at, frames().size(), frames().size());
    if (!is_zero(frames().subspan(at))) return false;
    for (std::size_t i = end().segment + 1; i < list_.log.size(); ++i) {
      const bytes_view all = all_of(*list_.log[i]);
      const auto frames_begin = std::min<std::size_t>(all.size(), format::segment_header_bytes);
      if (!is_zero(all.subspan(frames_begin))) return false;
    }
    return true;
  }

  /// Ends at zeros. That they follow what was proven durable is damage as well.
  bool is_end_at_zeros(scan_stop stop) {
    if (proven_.kept < end().place.next) return true;
    end().tail_is_zero = false;
    if (mode_ == recovery_mode::refuse) throw_corrupt(stop);
    note_damage(damage_kind::corruption, frames().size() - end().place.offset, stop);
    return true;
  }

  /// Looks for a promise about the record expected here.
  [[nodiscard]] bool find_proof() {
    // Behind a hole that copying left there are marks, too: to salvage is to go on there.
    if (proven_.is_copy) return mode_ == recovery_mode::salvage;
    if (proven_.kept >= end().place.next) return true;
    if (promises(current(), end().place.offset + format::frame_alignment)) return true;
    for (std::size_t i = end().segment + 1; i < list_.log.size(); ++i) {
      // What the manifest bounds was durable, and so was all before it.
      if (list_.log[i]->end() > end().place.next) return true;
      if (promises(*list_.log[i], format::segment_header_bytes)) return true;
    }
    return false;
  }

  [[nodiscard]] bool promises(segment<Policies>& where, std::uint64_t from) {
    if constexpr (!has_step<durability_point::mark_vouches>) return false;
    const bytes_view bytes = &where == &current() ? where.bytes() : all_of(where);
    if (&where == &current()) walk_.need(from, bytes.size(), bytes.size());
    format::frame_view frame;
    format::search_work searched;
    while (const auto found = format::find_frame(bytes, from, where.seed(), searched)) {
      if (format::read_frame(bytes, *found, where.seed(), frame) != format::frame_fault::none)
        break;
      if (frame.header.kind == format::frame_kind::mark) {
        const auto mark = format::decode_mark(frame.payload);
        if (mark && mark->durable >= end().place.next) return true;
      }
      from = *found + frame.bytes;
    }
    return false;
  }

  bool drop_tail(scan_stop stop) {
    const bytes_view rest = frames().subspan(end().place.offset);
    const auto last =
        std::find_if(rest.rbegin(), rest.rend(), [](std::byte b) { return b != std::byte{}; });
    note_damage(damage_kind::torn_tail, static_cast<std::uint64_t>(rest.rend() - last), stop);
    return true;
  }

  /// Goes on at the next whole frame, here or in the next segment; false: there is none.
  bool skip(scan_stop stop) {
    std::uint64_t from = end().place.offset + format::frame_alignment;
    while (const auto found = format::find_frame(frames(), from, current().seed(), searched_)) {
      const lsn first = format::load_header(frames().data() + *found).first;
      if (first >= end().place.next) {
        note_damage(damage_kind::corruption, *found - end().place.offset, stop);
        end().place.offset = *found;
        end().place.next = first;
        return true;
      }
      from = *found + format::frame_alignment;
    }
    // Up to where the file should end, if somebody cut it.
    const std::uint64_t size = std::max<std::uint64_t>(frames().size(), current().capacity());
    note_damage(damage_kind::corruption, size - std::min(size, end().place.offset), stop);
    searched_ = {};
    if (walk_.is_last()) return false;
    walk_.enter_next(std::max(end().place.next, first_in_next()));
    return true;
  }

  /// The first whole frame of the next segment says with which record it begins.
  [[nodiscard]] lsn first_in_next() {
    segment<Policies>& next = *list_.log[end().segment + 1];
    const bytes_view bytes = all_of(next);
    const auto found = format::find_frame(bytes, format::segment_header_bytes, next.seed());
    return found ? format::load_header(bytes.data() + *found).first : lsn{};
  }

  void note_damage(damage_kind kind, std::uint64_t bytes, scan_stop stop) {
    end().damages.push_back({kind,
                             {current().number(), end().place.offset},
                             bytes,
                             end().place.next,
                             std::string{reason(stop)}});
  }

  [[noreturn]] void throw_corrupt(scan_stop stop) {
    throw error{errc::corrupt,
                "records that were durable are damaged: " + std::string{reason(stop)},
                current().site(end().place.offset, end().place.next)};
  }

  const segment_list<Policies>& list_;
  recovery_mode mode_;
  dead_writer proven_;  // by the word of the control file
  open_walk<Policies> walk_;
  format::search_work searched_;  // in the current segment, to go on behind damage
};

}  // namespace logdb::detail
