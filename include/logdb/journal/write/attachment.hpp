// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A segment of its own for one transaction that is too large for staging.

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <logdb/compiled.hpp>
#include <logdb/durability_point.hpp>
#include <logdb/format/frames/frame_writer.hpp>
#include <logdb/journal/read/record_walker.hpp>
#include <logdb/journal/state.hpp>
#include <logdb/journal/write/batch_builder.hpp>

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
/// Its lsns are local, from 1. Unlinked unless it is released. One thread at a time.
template <class Policies>
class attachment {
 public:
  using core_type = journal_state<Policies>;

  /// @errors  errc::closed, errc::failed, errc::no_space, errc::io
  explicit attachment(core_type& core);
  attachment(const attachment&) = delete;
  attachment& operator=(const attachment&) = delete;
  ~attachment() {
    if (own_ != nullptr) own_->drop();
  }

  /// The place behind what was added so far.
  [[nodiscard]] const scan_place& place() const { return place_; }
  [[nodiscard]] std::uint64_t records() const { return place_.next.value() - 1; }
  /// The number of its file; another one once add() has moved it.
  [[nodiscard]] segment_number number() const { return number_; }

  /// Appends records, in as many frames as they need.
  /// @errors  errc::no_space, errc::io, errc::record_too_large; nothing was added
  void add(batch_view batch);
  void add(const batch_builder& batch) { add(batch.view()); }

  /// Forgets what was added since a place was asked for.
  void rollback(const scan_place& to) noexcept { place_ = to; }

  /// Makes it durable, its name too, and returns it ready to be committed.
  ///
  /// May be done again, but not after a sync that failed: the kernel may have dropped what was
  /// written, and would say success.
  /// @errors  errc::no_space, errc::io
  [[nodiscard]] segment_ptr<Policies> finish();
  /// Leaves the segment to the caller that has it from finish().
  void release() noexcept {
    own_->release();
    own_ = nullptr;
  }

  /// Returns a view of what was added so far, for the transaction itself.
  [[nodiscard]] read_scope<Policies> scope() const {
    auto list = std::make_shared<segment_list<Policies>>();
    auto seen = entry();
    seen.base = lsn{1};
    seen.end = place_.next;
    list->log.push_back(core_.segments.make(seen));
    list->log.back()->supersede(own_);
    shown_ = std::max(shown_, place_.offset);
    return {std::move(list), lsn{1}, place_.next - 1};
  }

 private:
  static constexpr std::uint64_t frame_payload_max = std::uint64_t{1} << 31;

  [[nodiscard]] segment_ptr<Policies> make() {
    // Behind a close the store is another writer's, and the number might be, too.
    core_.life.require_open();
    auto made = core_.segments.create({.role = format::segment_role::attached});
    if (!core_.life.is_open()) {
      made->drop();
      core_.life.require_open();
    }
    return made;
  }

  void require_sound() const {
    if (!is_in_doubt_) return;
    throw error{errc::io,
                "a sync of what a transaction had written failed: roll it back",
                {.path = own_->path()}};
  }

  [[nodiscard]] format::manifest_segment entry() const {
    format::manifest_segment entry{.number = own_->number(), .salt = own_->salt()};
    entry.capacity = place_.offset;
    entry.end_offset = place_.offset;
    entry.role = format::segment_role::attached;
    return entry;
  }

  /// Goes on in another file if what comes next would be written over what a reader still sees: it
  /// was rolled back, but not there.
  void leave_shown() {
    if (place_.offset >= shown_) return;
    if (own_.use_count() > 1) {
      auto fresh = make();
      try {
        copy_to(*fresh);
      } catch (...) {
        fresh->drop();
        throw;
      }
      own_->drop();
      own_ = std::move(fresh);
      number_ = own_->number();
    }
    shown_ = 0;
  }

  /// Writes all frames to the same places in another segment.
  void copy_to(segment<Policies>& fresh) const {
    const auto source = core_.segments.make(entry());
    const bytes_view all = source->bytes();
    for (std::uint64_t at = scan_place{}.offset; at < place_.offset;) {
      const auto header = format::load_header(all.data() + at);
      const format::frame_rim rim{header, fresh.seed(), at};
      const std::uint64_t bytes = format::frame_bytes(header.payload_bytes);
      fresh.writable().write(at, rim.head(), all.subspan(at, bytes).subspan(rim.head().size()));
      at += bytes;
    }
  }

  /// Returns how many records of a batch one frame takes; one at least, which may be too large.
  static std::size_t fitting(const batch_view& batch) {
    std::uint64_t bytes = 0;
    std::size_t count = 0;
    for (const std::size_t length : batch.lengths()) {
      bytes += length + sizeof(std::uint32_t);
      if (count == format::frame_count_max || (count != 0 && bytes > frame_payload_max)) break;
      ++count;
    }
    return count;
  }

  void write(const batch_view& batch) {
    const auto table = batch.table();
    format::require_payload(table.size() + batch.bytes().size());
    auto header = format::header_of(batch.kind(), format::narrowed<std::uint32_t>(batch.count()),
                                    table, batch.bytes());
    header.first = place_.next;
    const format::frame_rim rim{header, own_->seed(), place_.offset};
    std::vector<std::byte> head{rim.head().begin(), rim.head().end()};
    head.insert(head.end(), table.begin(), table.end());
    auto& file = own_->writable();
    file.write(place_.offset, head, batch.bytes());
    file.write(place_.offset + head.size() + batch.bytes().size(), rim.padding());
    place_.offset += format::frame_bytes(header.payload_bytes);
    place_.next += batch.count();
  }

  core_type& core_;
  segment_ptr<Policies> own_;  // null once released; who reads of it has it, too
  segment_number number_ = own_->number();
  scan_place place_{.next = lsn{1}};
  mutable std::uint64_t shown_ = 0;  // up to where a reader may look
  bool is_in_doubt_ = false;         // a sync failed
};

template <class Policies>
LOGDB_INLINE attachment<Policies>::attachment(core_type& core) : core_{core}, own_{make()} {}

template <class Policies>
LOGDB_INLINE void attachment<Policies>::add(batch_view batch) {
  require_sound();
  leave_shown();
  const scan_place before = place_;
  try {
    while (!batch.empty()) write(batch.split_front(fitting(batch)));
  } catch (...) {
    place_ = before;
    throw;
  }
}

template <class Policies>
LOGDB_INLINE segment_ptr<Policies> attachment<Policies>::finish() {
  require_sound();
  is_in_doubt_ = true;
  if constexpr (has_step<durability_point::attachment_sync>) own_->writable().sync();
  is_in_doubt_ = false;
  if constexpr (has_step<durability_point::attachment_name_sync>) core_.segments.volume()->sync();
  auto finished = core_.segments.make(entry());
  if (own_.use_count() > 1) finished->supersede(own_);  // it is being read
  return finished;
}

}  // namespace logdb::detail
