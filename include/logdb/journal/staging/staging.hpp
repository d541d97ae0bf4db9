// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The staging ring: frames between their append and the disk, in the control file.

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <utility>

#include <logdb/format/files/names.hpp>
#include <logdb/format/frames/frame_writer.hpp>
#include <logdb/journal/control/control.hpp>
#include <logdb/journal/inspect/vacancy.hpp>
#include <logdb/policy/durability.hpp>
#include <logdb/policy/storage_traits.hpp>

namespace logdb::detail {

/// The mapped control file of one log. A stream position addresses the ring modulo its size.
///
/// @threads  the caller orders access: put() under the append lock, pieces() by the leader
template <class Storage>
class staging {
 public:
  using control_type = control_header<typename Storage::system>;

  staging() = default;

  /// Makes a control file of this size under a draft name and puts it in place of any other.
  static staging create(Storage& volume, std::uint64_t ring_bytes) {
    if (volume.exists(control_draft_name)) volume.remove(control_draft_name);
    auto file = volume.create(control_draft_name);
    file.allocate(control_header_bytes + ring_bytes);
    staging made{file.map(0, control_header_bytes + ring_bytes, open_mode::read_write)};
    made.header_ = new (made.mapping_.bytes().data()) control_type{};
    made.header_->ring_bytes = ring_bytes;
    made.mask_ = ring_bytes - 1;
    made.identity_ = identity_of(file);
    made.header_->file_number = made.identity_.number;
    return made;
  }

  /// Removes a control file that was not given its name. Does not throw.
  static void discard(Storage& volume) noexcept {
    try {
      volume.remove(control_draft_name);
    } catch (const std::exception&) {
      // The next open removes it.
    }
  }

  /// Gives the control file its name: from here on a crash finds it.
  static void publish(Storage& volume) { volume.rename(control_draft_name, format::control_name); }

  /// Maps the control file that is there; empty unless it is one, from layout 4 on, and its size
  /// what it says.
  static staging open(const Storage& volume, open_mode mode) {
    if (!volume.exists(format::control_name)) return {};
    return map_whole(volume.open(format::control_name, mode), mode);
  }

  /// Maps one that was opened.
  static staging of(const typename Storage::file& file, open_mode mode) {
    return map_whole(file, mode);
  }

  /// Does the same to write it, from a storage that was opened to read; empty where none can.
  /// @errors  errc::not_found, errc::permission_denied
  static staging open_beside_writers(const Storage& volume) {
    const auto file = storage_traits<Storage>::open_cache(volume, format::control_name);
    return file ? map_whole(*file, open_mode::read_write) : staging{};
  }

  [[nodiscard]] explicit operator bool() const { return header_ != nullptr; }
  [[nodiscard]] control_type& header() const { return *header_; }
  /// Tells whether it has the layout of this version: then all of it may be used.
  [[nodiscard]] bool is_current() const { return header_->layout == control_layout; }
  /// Tells whether this version knows its layout: then it may be drained.
  [[nodiscard]] bool is_known() const { return header_->layout <= control_layout; }
  /// Tells whether it is a copy of the file that the writer had mapped: then nothing says that its
  /// parts are of one moment.
  [[nodiscard]] bool is_copy() const {
    return is_current() && header_->file_number != identity_.number;
  }
  /// Tells whether another directory has the same file.
  [[nodiscard]] bool is_linked() const { return identity_.names > 1; }
  /// Returns what its writers show to readers; of layout 4, which did not say, what is given.
  [[nodiscard]] watermark shown(watermark otherwise) const {
    return header_->shows == 0 ? otherwise : static_cast<watermark>(header_->shows - 1);
  }
  /// Tells whether it may hold what was accepted and is not known to be durable.
  [[nodiscard]] bool may_hold_accepted() const {
    constexpr auto after_durable = 1 + static_cast<std::uint16_t>(watermark::durable);
    return header_->shows != after_durable && header_->appended.load(std::memory_order_acquire) !=
                                                  header_->durable.load(std::memory_order_acquire);
  }

  [[nodiscard]] std::uint64_t ring_bytes() const { return mask_ + 1; }
  [[nodiscard]] std::uint64_t bytes() const { return mapping_.bytes().size(); }
  [[nodiscard]] std::span<std::byte> memory() const { return mapping_.bytes(); }

  /// Puts a frame at a stream position, payload in two pieces, padded with zeros.
  void put(stream_position at, const format::frame_header& header, format::frame_seed seed,
           std::uint64_t offset, bytes_view first, bytes_view second = {}) {
    const std::uint64_t bytes = format::frame_bytes(header.payload_bytes);
    if (place_of(at) + bytes <= ring_bytes()) {
      format::write_frame(ring() + place_of(at), header, seed, offset, first, second);
    } else {
      put_around(at, header, seed, offset, first, second);
    }
  }

  /// Returns the length of a stretch that the ring can hold. A longer one was written over in part,
  /// by somebody who kept less of it: whatever stands there is not what it was.
  /// @errors  errc::corrupt
  [[nodiscard]] std::uint64_t require_kept(std::uint64_t bytes) const {
    if (bytes <= ring_bytes()) [[likely]]
      return bytes;
    throw error{errc::corrupt, "staging has lost records that were not durable yet"};
  }

  /// Returns where the bytes of a stretch lie: one piece, or two around the end of the ring.
  /// @errors  as require_kept()
  [[nodiscard]] std::pair<bytes_view, bytes_view> pieces(stream_position begin,
                                                         stream_position end) const {
    const std::uint64_t at = place_of(begin);
    const std::uint64_t bytes = require_kept(end - begin);
    const std::uint64_t front = std::min(bytes, ring_bytes() - at);
    return {{ring() + at, front}, {ring(), bytes - front}};
  }

  /// Copies a stretch out.
  void copy_out(stream_position begin, std::span<std::byte> out) const {
    const auto [first, second] = pieces(begin, begin + out.size());
    std::memcpy(out.data(), first.data(), first.size());
    if (!second.empty()) std::memcpy(out.data() + first.size(), second.data(), second.size());
  }

 private:
  explicit staging(typename Storage::mapping mapping) : mapping_{std::move(mapping)} {}

  static staging map_whole(const typename Storage::file& file, open_mode mode) {
    const std::uint64_t bytes = file.size();
    if (bytes <= control_header_bytes) return {};
    staging found{file.map(0, bytes, mode)};
    found.identity_ = identity_of(file);
    found.header_ = std::launder(reinterpret_cast<control_type*>(found.mapping_.bytes().data()));
    found.mask_ = found.header_->ring_bytes - 1;
    const bool ours = found.header_->magic == control_magic &&
                      found.header_->layout >= control_layout_first &&
                      std::has_single_bit(found.header_->ring_bytes) &&
                      found.header_->ring_bytes == bytes - control_header_bytes;
    return ours ? std::move(found) : staging{};
  }

  /// Returns where in the ring a stream position is.
  [[nodiscard]] std::uint64_t place_of(stream_position at) const { return at.value() & mask_; }
  [[nodiscard]] std::byte* ring() const { return mapping_.bytes().data() + control_header_bytes; }

  void put_around(stream_position at, const format::frame_header& header, format::frame_seed seed,
                  std::uint64_t offset, bytes_view first, bytes_view second) {
    const format::frame_rim rim{header, seed, offset};
    for (const bytes_view piece : {rim.head(), first, second, rim.padding()}) {
      copy_in(at, piece);
      at += piece.size();
    }
  }

  void copy_in(stream_position to, bytes_view bytes) {
    const std::uint64_t at = place_of(to);
    const std::uint64_t front = std::min<std::uint64_t>(bytes.size(), ring_bytes() - at);
    if (front != 0) std::memcpy(ring() + at, bytes.data(), front);
    if (front != bytes.size()) std::memcpy(ring(), bytes.data() + front, bytes.size() - front);
  }

  static platform::file_identity identity_of(const typename Storage::file& file) {
    return file_traits<typename Storage::file>::identify(file, platform::file_identity{});
  }

  typename Storage::mapping mapping_;
  platform::file_identity identity_{};
  control_type* header_ = nullptr;  // in mapping_; null: none
  std::uint64_t mask_ = 0;          // ring_bytes - 1
};

}  // namespace logdb::detail
