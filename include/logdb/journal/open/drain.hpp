// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Brings to the segments what a process that died had only in staging.

#include <algorithm>
#include <memory>
#include <vector>

#include <logdb/durability_point.hpp>
#include <logdb/journal/segments/segment_list.hpp>
#include <logdb/journal/staging/boot.hpp>
#include <logdb/journal/staging/dead_writer.hpp>
#include <logdb/journal/staging/staging.hpp>
#include <logdb/policy/durability.hpp>

namespace logdb::detail {

/// What draining did.
struct drained {
  std::uint64_t bytes = 0;
  dead_writer proof{};
  bool whole = true;  // false: staging is damaged, and what was accepted is not all there
};

/// Writes the staged frames that verify, up to the first that does not. Idempotent: the same bytes
/// to the same places, however often.
template <class Policies>
class drainer {
 public:
  using storage = typename Policies::storage;

  drainer(const staging<storage>& ring, const segment_list<Policies>& list)
      : ring_{ring}, list_{list}, shared_{ring.header()} {}

  /// Tells whether a control file was left by a writer of this store.
  static bool is_of_store(const staging<storage>& ring, const identity& store) {
    return !has_step<durability_point::store_of_staging> || ring.header().store == store;
  }
  /// Tells whether it was, on this boot of the machine.
  static bool is_alive(const staging<storage>& ring, const identity& store) {
    return ring && is_of_store(ring, store) && is_of_this_boot(ring);
  }

  /// Tells whether staging kept a record only until the kernel had it: what a sync that failed had
  /// lost cannot be told from what it had not.
  [[nodiscard]] bool keeps_written_only() const { return kept_from() == watermark::written; }

  /// @errors  errc::no_space, errc::io; may be run again
  drained run() {
    // What staging keeps begins here; what it no longer keeps the kernel has.
    const auto& first_kept = keeps_written_only() ? shared_.written : shared_.durable;
    const std::uint64_t from = first_kept.load(std::memory_order_acquire);
    const std::uint64_t to = shared_.appended.load(std::memory_order_acquire);
    if (from > to || to - from > ring_.ring_bytes()) return {.whole = false};
    drained result = begin_result();
    const std::uint64_t count = shared_.extent_count.load(std::memory_order_acquire);
    for (std::uint64_t i = count - std::min<std::uint64_t>(count, control_extents); i < count;
         ++i) {
      const auto& part = shared_.extents[i % control_extents];
      const std::uint64_t next =
          i + 1 < count ? shared_.extents[(i + 1) % control_extents].begin : to;
      const std::uint64_t end = std::min(next, to);
      const std::uint64_t begin = std::max(from, part.begin);
      if (begin >= end) continue;
      const std::uint64_t kept = drain(part, begin, end);
      result.bytes += kept;
      if (kept == end - begin) continue;
      // What follows has lost its place; unless a heal has given it another.
      result.whole = ring_.is_copy() || shared_.healing.load(std::memory_order_acquire) != 0;
      return result;
    }
    if (!ring_.is_copy()) {
      result.proof.appended = lsn{shared_.appended_lsn.load(std::memory_order_acquire)};
    }
    return result;
  }

  /// Returns how many bytes from an offset on are whole frames, one behind the other.
  static std::uint64_t whole_frames(bytes_view all, std::uint64_t offset, format::frame_seed seed) {
    format::frame_view frame;
    std::uint64_t at = offset;
    while (format::read_frame(all, at, seed, frame) == format::frame_fault::none) at += frame.bytes;
    return at - offset;
  }

 private:
  /// Tells from which watermark on staging has everything, by the word of the one that wrote it.
  [[nodiscard]] watermark kept_from() const {
    if (shared_.keeps != 0) return static_cast<watermark>(shared_.keeps - 1);
    // Layout 4 did not say. The ring has everything from `durable` on if nothing can have been put
    // over it, the frame included that was just being put; the kernel has all up to `written`.
    const std::uint64_t pending = shared_.appended.load(std::memory_order_acquire) -
                                  shared_.durable.load(std::memory_order_acquire);
    const bool fits = pending <= ring_.ring_bytes() - ring_.ring_bytes() / 4;
    return fits ? watermark::durable : watermark::written;
  }

  [[nodiscard]] drained begin_result() const {
    drained result{.proof = {.is_copy = ring_.is_copy()}};
    // A copy of the segments may be older than that of the control file.
    if (ring_.is_copy()) return result;
    // What the kernel was given is there for as long as the machine runs.
    result.proof.kept = lsn{std::max(shared_.durable_lsn.load(std::memory_order_acquire),
                                     shared_.written_lsn.load(std::memory_order_acquire))};
    return result;
  }

  /// Returns how many bytes of a stretch were whole frames, and are written now.
  std::uint64_t drain(const control_extent& part, std::uint64_t begin, std::uint64_t end) {
    const auto target = find(part);
    const std::uint64_t offset = begin - part.base;
    if (target == nullptr || offset < format::segment_header_bytes || offset > target->capacity() ||
        end - begin > target->capacity() - offset) {
      return 0;
    }
    (void)target->bytes();  // nothing is written to a file that is not what the manifest says
    if (target->bytes_left() < target->capacity()) return 0;
    if (ring_.is_copy() && !reaches(*target, part, offset)) return 0;
    // A frame is checked at its place, so the stretch is laid out as in its segment; the room
    // before it is never touched.
    const auto image = std::make_unique_for_overwrite<std::byte[]>(offset + (end - begin));
    ring_.copy_out(stream_position{begin}, {image.get() + offset, end - begin});
    const bytes_view all{image.get(), offset + (end - begin)};
    const std::uint64_t kept = has_step<durability_point::staged_checksum>
                                   ? whole_frames(all, offset, target->seed())
                                   : end - begin;
    if (kept != 0) target->writable().write(offset, all.subspan(offset, kept));
    return kept;
  }

  /// Tells whether the frames of a segment reach up to an offset: no hole may come before what is
  /// drained.
  static bool reaches(segment<Policies>& target, const control_extent& part, std::uint64_t offset) {
    scan_place place{.next = lsn{part.first}};
    const bytes_view all = target.bytes();
    scan(all.first(std::min<std::uint64_t>(offset, all.size())), target.seed(), place,
         format::read_frame, [](const auto&, const auto&) {});
    return place.offset == offset;
  }

  [[nodiscard]] segment_ptr<Policies> find(const control_extent& part) const {
    return list_.find_log(segment_number{part.segment}, part.salt);
  }

  const staging<storage>& ring_;
  const segment_list<Policies>& list_;
  const typename staging<storage>::control_type& shared_;
};

}  // namespace logdb::detail
