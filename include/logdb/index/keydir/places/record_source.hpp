// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Reads the record at an address: from its segment, or from staging while it is only there.

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <logdb/error.hpp>
#include <logdb/format/frames/key_value.hpp>
#include <logdb/index/keydir/places/address_space.hpp>
#include <logdb/index/keydir/places/value.hpp>
#include <logdb/journal/view/index_view.hpp>

namespace logdb::detail {

/// Room for bytes that are mostly few.
class scratch {
 public:
  static constexpr std::size_t few = 320;

  [[nodiscard]] std::span<std::byte> take(std::size_t bytes) {
    if (bytes <= small_.size()) return {small_.data(), bytes};
    if (large_.size() < bytes) large_.resize(bytes);
    return {large_.data(), bytes};
  }

 private:
  std::array<std::byte, few> small_;
  std::vector<std::byte> large_;
};

/// Returns what the frame of a record takes, or the record's share of a batch.
inline std::uint64_t disk_bytes_of(const format::key_record& record) {
  const std::uint64_t bytes = record.bytes.size();
  return record.head.batched ? bytes : format::frame_bytes(bytes);
}

/// What a key was before its next record.
template <class Policies>
struct replaced_record {
  stretch<Policies>* in = nullptr;
  address listed = 0;  // what the table says
  std::uint64_t disk_bytes = 0;
  format::key_verb verb{};
};

/// A record that was read: where it lies in its segment, or a copy.
template <class Policies>
struct read_record {
  format::key_record record{};
  stretch<Policies>* in = nullptr;
  std::uint64_t offset = 0;      // of the record in its segment
  address listed = 0;            // what the table says, also if it was moved since
  bool staged = false;           // `record` views `copy`
  mutable bool checked = false;  // its checksums hold
  bytes_view copy{};             // in `room`, with the frame header before the record
  scratch room{};

  /// Returns what its frame takes, or its share of a batch.
  [[nodiscard]] std::uint64_t disk_bytes() const { return disk_bytes_of(record); }
  [[nodiscard]] replaced_record<Policies> replaced() const {
    return {in, listed, disk_bytes(), record.head.verb};
  }
  /// Returns the stream position of the record.
  [[nodiscard]] stream_position position() const { return in->stream() + offset; }
};

/// Says what stands at an address.
enum class reading : std::uint8_t {
  whole,    ///< a record, as far as its lengths tell
  gone,     ///< its segment has just gone: look again
  damaged,  ///< no record
};

/// Reads records by address. Inside the gate, or under the lock of the key's shard.
///
/// What was read is not believed before is_intact() or check() says so; lsn_of() checks what it
/// needs by itself.
/// @threads  any
template <class Policies>
class record_source {
 public:
  using read_type = read_record<Policies>;

  /// @param view  null: the log is open to read, and nothing is in staging
  record_source(address_space<Policies>& space, index_view<Policies>* view)
      : space_{space}, view_{view} {}

  /// Reads what stands at an address; false: its segment has just gone, so look again.
  /// @errors  errc::corrupt, errc::io
  bool read(address at, read_type& out) const {
    const reading found = find(at, out);
    if (found == reading::damaged) throw_corrupt(out);
    return found == reading::whole;
  }

  /// The same, and says that it is damaged.
  /// @param out  without a record unless it is whole
  /// @errors     errc::corrupt: its segment cannot be read; errc::io
  reading find(address at, read_type& out) const {
    out.checked = false;
    for (;;) {
      out.in = space_.at(at);
      if (out.in == nullptr) return reading::gone;
      out.offset = at - out.in->base();
      const stream_position stream = out.in->stream();
      if (!stream) break;
      // While staging keeps it, what the segment has is in doubt: a sync may fail.
      const stream_position kept_from = view_->reached(Policies::durability::keeps_until);
      // Behind the watermark: what a heal has moved is seen as moved before it is seen as durable.
      if (const std::uint64_t moved = moved_to(*out.in, out.offset)) {
        at = moved;
        continue;
      }
      if (stream + out.offset < kept_from) break;
      if (copy(stream + out.offset, out)) return reading::whole;
    }
    out.staged = false;
    const bytes_view all = out.in->bytes();
    stretch<Policies>::prefetch_record(all.data() + out.offset);
    const bool is_one =
        out.offset < all.size() && format::decode_key_record(all.subspan(out.offset), out.record);
    return is_one ? reading::whole : reading::damaged;
  }

  /// Tells whether a checksum vouches for what says which record it is: its frame's header, and in
  /// a batch its own number there.
  [[nodiscard]] bool is_placed(const read_type& found) const {
    if (found.checked || found.staged) return true;
    if (found.record.head.batched) [[unlikely]]
      return is_intact_in_batch(found);
    if (found.offset < format::frame_header_bytes) return false;
    const std::uint64_t at = found.offset - format::frame_header_bytes;
    const std::byte* const header = found.in->bytes().data() + at;
    const format::detail::header_fields fields{at, format::load<std::uint32_t>(header + 4),
                                               format::load<std::uint64_t>(header + 8),
                                               format::load<std::uint64_t>(header + 16)};
    return format::detail::shape_kind(fields.shape) == format::frame_kind::record &&
           format::detail::bound_crc(found.in->segment()->seed(), fields) ==
               format::load<std::uint32_t>(header);
  }

  /// Returns the lsn of a record that was read.
  /// @errors  errc::corrupt: what says it is damaged
  [[nodiscard]] lsn lsn_of(const read_type& found) const {
    if (!is_placed(found)) throw_corrupt(found);
    const auto& head = found.record.head;
    const std::uint64_t back = head.batched ? head.back : format::frame_header_bytes;
    const lsn first = load_first(found, back) + (head.batched ? head.index : 0);
    const auto& segment = found.in->segment();
    const bool attached = segment->role() == format::segment_role::attached;
    return attached ? segment->base() + (first - lsn{1}) : first;
  }

  /// Tells whether the checksums hold of what was read.
  [[nodiscard]] bool is_intact(const read_type& found) const {
    if (found.checked || found.staged) return true;
    if (found.record.head.batched) [[unlikely]]
      return is_intact_in_batch(found);
    format::frame_view frame;
    const auto fault =
        format::read_frame(found.in->bytes(), found.offset - format::frame_header_bytes,
                           found.in->segment()->seed(), frame);
    return found.checked = fault == format::frame_fault::none &&
                           frame.payload.size() == found.record.bytes.size();
  }
  /// Throws unless they do.
  /// @errors  errc::corrupt
  void check(const read_type& found) const {
    if (!is_intact(found)) throw_corrupt(found);
  }

  /// Returns bytes of a record that was read for keeps: a copy, or a view that pins the segment.
  [[nodiscard]] static stored_bytes keep(const read_type& found, bytes_view bytes) {
    if (found.staged) return stored_bytes::copy_of(bytes);
    if (bytes.size() <= stored_bytes::inline_bytes) return stored_bytes{bytes};
    return {found.in->segment(), bytes};
  }

  [[noreturn]] static void throw_corrupt(const read_type& found) {
    throw_corrupt(found.in, found.offset);
  }
  [[noreturn]] static void throw_corrupt(const stretch<Policies>* in, std::uint64_t offset) {
    throw error{errc::corrupt, "the record of a key is damaged", in->segment()->site(offset)};
  }

 private:
  /// Checks a record of a batch by its own checksum, which vouches for its place in the frame.
  [[nodiscard, gnu::noinline]] bool is_intact_in_batch(const read_type& found) const {
    const auto& head = found.record.head;
    format::frame_view frame;
    const bool placed =
        head.back <= found.offset &&
        format::read_header(found.in->bytes(), found.offset - head.back,
                            found.in->segment()->seed(), frame) == format::frame_fault::none &&
        head.back + found.record.bytes.size() <= frame.bytes;
    return found.checked = placed && format::key_record_crc(found.record) == head.crc;
  }

  /// Returns the address of what was at an offset before a failed sync; 0: it is still there.
  [[nodiscard]] address moved_to(const stretch<Policies>& from, std::uint64_t offset) const {
    const relocation* const moved = from.moved();
    if (moved == nullptr) return 0;
    const std::uint64_t to = moved->find(offset);
    if (to == 0) return 0;
    const auto target = std::static_pointer_cast<segment<Policies>>(moved->to);
    return space_.of(target).base() + to;
  }

  /// Copies a record and the 24 bytes before it; false: it is in its segment by now.
  bool copy(stream_position position, read_type& out) const {
    constexpr std::size_t before = format::frame_header_bytes;
    // As much as most records take, at once; what may lie behind it is not looked at.
    const std::uint64_t there = view_->reached(watermark::appended) - (position - before);
    std::uint64_t bytes = std::min<std::uint64_t>(there, scratch::few);
    for (;;) {
      const auto all = out.room.take(static_cast<std::size_t>(bytes));
      if (!view_->copy_staged(position - before, all)) return false;
      out.copy = all;
      if (format::decode_key_record(out.copy.subspan(before), out.record)) break;
      const std::uint64_t wanted = before + format::key_record_bytes(out.copy.subspan(before));
      if (wanted <= bytes || wanted > there) throw_corrupt(out);
      bytes = wanted;
    }
    return out.staged = true;
  }

  /// Loads the first lsn of the frame that begins so many bytes before the record.
  [[nodiscard]] lsn load_first(const read_type& found, std::uint64_t back) const {
    if (back > found.offset) throw_corrupt(found);
    std::array<std::byte, 8> field;
    if (found.staged && back == format::frame_header_bytes) {
      return lsn{format::load<std::uint64_t>(found.copy.data() + 8)};
    }
    if (found.staged && view_->copy_staged(found.position() - back + 8, field)) {
      return lsn{format::load<std::uint64_t>(field.data())};
    }
    return lsn{format::load<std::uint64_t>(found.in->bytes().data() + found.offset - back + 8)};
  }

  address_space<Policies>& space_;
  index_view<Policies>* view_;
};

}  // namespace logdb::detail
