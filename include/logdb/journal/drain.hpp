// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Brings to the segments what a process that died had only in staging.

#include <algorithm>
#include <memory>
#include <vector>

#include <logdb/durability/policy.hpp>
#include <logdb/durability_point.hpp>
#include <logdb/journal/dead_writer.hpp>
#include <logdb/journal/segment_table.hpp>
#include <logdb/journal/staging.hpp>

namespace logdb::detail {

/// Is what draining did.
struct drained {
  std::uint64_t bytes = 0;
  dead_writer proof{};
};

/// Writes the staged frames that verify, up to the first that does not. Idempotent: the same bytes
/// to the same places, however often.
template <class Policies>
class drainer {
 public:
  using storage = typename Policies::storage;

  drainer(const staging<storage>& ring, const segment_list<Policies>& list)
      : ring_{ring}, list_{list}, shared_{ring.header()} {}

  /// Tells whether a control file was left by a writer of this store on this boot of the machine.
  static bool is_alive(const staging<storage>& ring, const identity& store) {
    identity boot{};
    constexpr bool asks_boot = has_step<durability_point::boot_of_staging>;
    constexpr bool asks_store = has_step<durability_point::store_of_staging>;
    return ring && storage::system::boot_id(boot) == 0 &&
           (!asks_boot || ring.header().boot == boot) &&
           (!asks_store || ring.header().store == store);
  }

  /// @errors  errc::no_space, errc::io; may be run again
  drained run() {
    // What staging keeps begins here; what it no longer keeps the kernel has.
    const bool keeps_more = Policies::durability::keeps_until == watermark::durable;
    const auto& kept_from = keeps_more ? shared_.durable : shared_.written;
    const std::uint64_t from = kept_from.load(std::memory_order_acquire);
    const std::uint64_t to = shared_.appended.load(std::memory_order_acquire);
    if (from > to || to - from > ring_.ring_bytes()) return {};
    drained result{.proof = {.durable = lsn{shared_.durable_lsn.load(std::memory_order_acquire)}}};
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
      if (kept != end - begin) return result;  // what follows has lost its place
    }
    result.proof.appended = lsn{shared_.appended_lsn.load(std::memory_order_acquire)};
    return result;
  }

 private:
  /// Returns how many bytes of a stretch were whole frames, and are written now.
  std::uint64_t drain(const control_extent& part, std::uint64_t begin, std::uint64_t end) {
    const auto target = find(part);
    const std::uint64_t offset = begin - part.base;
    if (target == nullptr || offset < format::segment_header_bytes || offset > target->capacity() ||
        end - begin > target->capacity() - offset) {
      return 0;
    }
    (void)target->bytes();  // nothing is written to a file that is not what the manifest says
    // A frame is checked at its place, so the stretch is laid out as in its segment; the room
    // before it is never touched.
    const auto image = std::make_unique_for_overwrite<std::byte[]>(offset + (end - begin));
    ring_.copy_out(begin, {image.get() + offset, end - begin});
    const bytes_view all{image.get(), offset + (end - begin)};
    const std::uint64_t kept = has_step<durability_point::staged_checksum>
                                   ? whole_frames(all, offset, target->seed())
                                   : end - begin;
    if (kept != 0) target->writable().write(offset, all.subspan(offset, kept));
    return kept;
  }

  static std::uint64_t whole_frames(bytes_view all, std::uint64_t offset, format::frame_seed seed) {
    format::frame_view frame;
    std::uint64_t at = offset;
    while (format::read_frame(all, at, seed, frame) == format::frame_fault::none) at += frame.bytes;
    return at - offset;
  }

  [[nodiscard]] segment_ptr<Policies> find(const control_extent& part) const {
    const auto found = std::ranges::find_if(list_.log, [&part](const auto& segment) {
      return to_integer(segment->number()) == part.segment && segment->salt() == part.salt;
    });
    return found == list_.log.end() ? nullptr : *found;
  }

  const staging<storage>& ring_;
  const segment_list<Policies>& list_;
  const typename staging<storage>::control_type& shared_;
};

}  // namespace logdb::detail
