// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Reads the frames that are still in staging, which any of the processes that share a log may have
/// put there.

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <vector>

#include <logdb/error.hpp>
#include <logdb/format/frames/frame_writer.hpp>
#include <logdb/journal/share/shared_lead.hpp>
#include <logdb/journal/view/index_read.hpp>
#include <logdb/light.hpp>

namespace logdb::detail {

/// A frame in staging, copied.
template <class Policies>
struct staged_frame {
  format::frame_view frame{};
  bytes_view bytes{};  // from the first of its header on
  const segment_ptr<Policies>& in;
  std::uint64_t offset = 0;  // in the segment
};

/// Walks the frames of a log's stream from staging, in order.
///
/// @threads  one at a time
template <class Policies>
class staged_frames {
 public:
  explicit staged_frames(index_read<Policies>& log) : log_{log} {}

  /// Tells whether segments were begun since adopt(), in which frames may stand.
  [[nodiscard]] bool is_behind() const { return log_.extent_count() != extent_count_; }
  /// Learns in which segments the stream lies. In a turn.
  /// @param uses  is asked of each extent; false: it is durable, and its segment may have gone
  template <class Uses>
  void adopt(Uses uses) {
    extents_.clear();
    for (const auto& each : log_.extents()) {
      if (uses(each)) extents_.push_back(each);
    }
    extent_count_ = log_.extent_count();
  }

  /// Calls `visit(staged_frame)` for each frame from a stream position on, which is moved along;
  /// false: staging has given some up, which stand in the segments now.
  /// @errors  errc::corrupt: no frame stands there, though staging has it; those of `visit`
  template <class Visit>
  bool walk(stream_position& from, stream_position end, Visit visit) {
    std::uint64_t wanted = chunk_bytes;
    while (from < end) {
      chunk_.resize(static_cast<std::size_t>(std::min(end - from, wanted)));
      if (!log_.copy_staged(from, chunk_)) return false;
      std::uint64_t used = 0;
      try {
        while (const std::uint64_t bytes = take(from + used, used, visit)) used += bytes;
      } catch (const error& missing) {
        // What was attached may have been compacted meanwhile: the log tells what became of it.
        if (missing.condition() != errc::corrupt || log_.reached(keeps_until) <= from) throw;
        return false;
      }
      // The next frame is longer than what was copied.
      if (used == 0 && chunk_.size() == end - from) throw_overwritten();
      wanted = used == 0 ? 2 * wanted : chunk_bytes;
      from += used;
    }
    return true;
  }

  [[noreturn]] static void throw_overwritten() {
    throw error{errc::corrupt,
                "the control file was overwritten while the log was open",
                {.remedy = reopen_remedy}};
  }

 private:
  static constexpr watermark keeps_until = Policies::durability::keeps_until;
  static constexpr std::uint64_t chunk_bytes = std::uint64_t{64} << 10;

  /// Visits the frame at a place in the chunk; returns its bytes, 0: it is not all there.
  template <class Visit>
  std::uint64_t take(stream_position position, std::uint64_t at, Visit& visit) {
    if (chunk_.size() - at < format::frame_header_bytes) return 0;
    const auto& in = extent_of(position);
    const std::uint64_t offset = position - in.base;
    format::frame_view frame{.header = format::load_header(chunk_.data() + at)};
    require_bound(frame.header, at, *in.segment, offset);
    frame.bytes = format::frame_bytes(frame.header.payload_bytes);
    if (frame.bytes > chunk_.size() - at) return 0;
    const bytes_view bytes = bytes_view{chunk_}.subspan(at, frame.bytes);
    frame.payload = bytes.subspan(format::frame_header_bytes, frame.header.payload_bytes);
    visit(staged_frame<Policies>{frame, bytes, in.segment, offset});
    return frame.bytes;
  }

  [[nodiscard]] const extent<Policies>& extent_of(stream_position position) const {
    const auto past = light::upper_bound(extents_, position, &extent<Policies>::begin);
    if (past == extents_.begin()) throw_overwritten();
    return *std::prev(past);
  }

  /// Throws unless a header has the checksum that binds it to its place.
  void require_bound(const format::frame_header& header, std::uint64_t at,
                     const segment<Policies>& in, std::uint64_t offset) const {
    std::array<std::byte, format::frame_header_bytes> wanted;
    format::encode_header(wanted.data(), header, in.seed(), offset);
    if (std::memcmp(wanted.data(), chunk_.data() + at, wanted.size()) != 0) throw_overwritten();
  }

  index_read<Policies>& log_;
  std::uint64_t extent_count_ = 0;  // of which extents_ are the last
  std::vector<extent<Policies>> extents_;
  std::vector<std::byte> chunk_;
};

}  // namespace logdb::detail
