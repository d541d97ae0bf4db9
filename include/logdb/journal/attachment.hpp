// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A segment of its own for one transaction that is too large for staging.

#include <algorithm>
#include <utility>

#include <logdb/durability_point.hpp>
#include <logdb/journal/batch_builder.hpp>
#include <logdb/journal/core.hpp>
#include <logdb/journal/walker.hpp>

namespace logdb::detail {

/// Owns a segment that is whole but that no frame in the log names yet; if none ever does, it is
/// unlinked.
template <class Policies>
class uncommitted {
 public:
  uncommitted() = default;
  explicit uncommitted(segment_ptr<Policies> own) : own_{std::move(own)} {}
  uncommitted(uncommitted&& other) noexcept = default;
  uncommitted& operator=(uncommitted&& other) noexcept {
    std::swap(own_, other.own_);
    return *this;
  }
  ~uncommitted() {
    if (own_ != nullptr && !own_->base()) own_->drop();
  }

  [[nodiscard]] explicit operator bool() const { return own_ != nullptr; }
  [[nodiscard]] const segment_ptr<Policies>& segment() const { return own_; }

 private:
  segment_ptr<Policies> own_;  // has a base once it is committed
};

/// Writes batches to a segment that no reader knows until one small frame in the log commits it.
///
/// Its lsns are local, from 1. Unlinked unless it is finished. One thread at a time.
template <class Policies>
class attachment {
 public:
  using core_type = journal_core<Policies>;

  /// @errors  errc::closed, errc::failed, errc::no_space, errc::io
  explicit attachment(core_type& core) : core_{core} {
    // Behind a close the store is another writer's, and the number might be, too.
    core.require_open();
    own_ = core.segments.create({.role = format::segment_role::attached});
    if (core.state.load() != log_state::open) {
      own_->drop();
      core.require_open();
    }
    number_ = own_->number();
  }
  attachment(const attachment&) = delete;
  attachment& operator=(const attachment&) = delete;
  ~attachment() {
    if (own_ != nullptr) own_->drop();
  }

  /// Is the place behind what was added so far.
  [[nodiscard]] const scan_place& place() const { return place_; }
  [[nodiscard]] std::uint64_t records() const { return place_.next.value() - 1; }
  [[nodiscard]] segment_number number() const { return number_; }

  /// Appends records, in as many frames as they need.
  /// @errors  errc::record_too_large for one that no frame holds; errc::no_space, errc::io
  void add(batch_builder batch) {
    while (!batch.empty()) {
      const std::size_t count = fitting(batch);
      write(count == batch.count() ? std::exchange(batch, {}) : batch.split_front(count));
    }
  }

  /// Forgets what was added since a place was asked for.
  void rollback(const scan_place& to) { place_ = to; }

  /// Makes it durable, its name too, and returns it ready to be committed.
  /// @errors  errc::no_space, errc::io
  [[nodiscard]] uncommitted<Policies> finish() {
    if constexpr (has_step<durability_point::attachment_sync>) own_->writable().sync();
    if constexpr (has_step<durability_point::attachment_name_sync>) core_.segments.volume()->sync();
    uncommitted<Policies> finished{core_.segments.make(entry())};
    own_ = nullptr;
    return finished;
  }

  /// Returns a view of what was added so far, for the transaction itself.
  [[nodiscard]] read_scope<Policies> scope() const {
    auto list = std::make_shared<segment_list<Policies>>();
    auto shown = entry();
    shown.base = lsn{1};
    shown.end = place_.next;
    list->log.push_back(core_.segments.make(shown));
    return {std::move(list), lsn{1}, place_.next - 1};
  }

 private:
  static constexpr std::uint64_t frame_payload_max = std::uint64_t{1} << 31;

  [[nodiscard]] format::manifest_segment entry() const {
    format::manifest_segment entry{.number = own_->number(), .salt = own_->salt()};
    entry.capacity = place_.offset;
    entry.end_offset = place_.offset;
    entry.role = format::segment_role::attached;
    return entry;
  }

  /// Returns how many records of a batch one frame takes; one at least, which may be too large.
  static std::size_t fitting(const batch_builder& batch) {
    std::uint64_t bytes = 0;
    std::size_t count = 0;
    for (const std::size_t length : batch.lengths()) {
      bytes += length + sizeof(std::uint32_t);
      if (count == format::frame_count_max || (count != 0 && bytes > frame_payload_max)) break;
      ++count;
    }
    return count;
  }

  void write(const batch_builder& batch) {
    const auto table = batch.table();
    const std::uint64_t payload = table.size() + batch.bytes().size();
    format::frame_header header{.payload_crc =
                                    format::crc32c(batch.bytes(), format::crc32c(table))};
    header.payload_bytes = format::narrowed<std::uint32_t>(payload);
    header.first = place_.next;
    header.count = format::narrowed<std::uint32_t>(batch.count());
    header.kind = batch.kind();
    std::vector<std::byte> head(format::frame_header_bytes + table.size());
    format::encode_header(head.data(), header, own_->seed(), place_.offset);
    std::ranges::copy(table, head.begin() + format::frame_header_bytes);
    auto& file = own_->writable();
    file.write(place_.offset, head, batch.bytes());
    const std::array<std::byte, format::frame_alignment> zeros{};
    const std::uint64_t padding =
        format::frame_bytes(payload) - format::frame_header_bytes - payload;
    file.write(place_.offset + head.size() + batch.bytes().size(),
               bytes_view{zeros}.first(padding));
    place_.offset += format::frame_bytes(payload);
    place_.next += batch.count();
  }

  core_type& core_;
  segment_ptr<Policies> own_;  // null once finished
  segment_number number_{};
  scan_place place_{.next = lsn{1}};
};

}  // namespace logdb::detail
