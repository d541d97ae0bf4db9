// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Rewrites a run of segments: what is left of them goes into one new segment, in their place.

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <logdb/durability_point.hpp>
#include <logdb/format/frames/frame_writer.hpp>
#include <logdb/journal/segments/footer.hpp>
#include <logdb/journal/segments/segment_table.hpp>
#include <logdb/light.hpp>

namespace logdb::detail {

/// Adds up what a rewritten segment takes, before it is made: no more, since the disk keeps all of
/// its capacity.
class rewrite_size {
 public:
  /// Counts a record, in the order in which they will be put.
  void add(timestamp time, std::uint64_t record_bytes) {
    if (std::exchange(last_, time) != time) frames_ += format::frame_bytes(format::mark_bytes);
    frames_ += format::frame_bytes(record_bytes);
  }

  /// Returns where the frames will end.
  [[nodiscard]] std::uint64_t frames() const { return frames_; }
  /// Returns the capacity for them and a footer with so many bytes of the index.
  [[nodiscard]] std::uint64_t capacity(std::uint64_t index_bytes) const {
    return frames_ + footer_bytes + index_bytes;
  }

 private:
  static constexpr std::uint64_t footer_bytes = 256;  // without those of the index

  std::uint64_t frames_ = format::segment_header_bytes;
  std::optional<timestamp> last_;
};

/// Writes the survivors of a run of segments to a new segment and puts it in their place.
///
/// In this order: begin(), put() for each survivor, finish(), which makes them durable with their
/// footer, and publish(), which names the new segment in one manifest instead of the old ones and
/// then drops those. Whatever fails before that manifest, or is given up, leaves everything as it
/// was.
/// @threads  one at a time, and one rewrite at a time a log
template <class Policies>
class basic_segment_rewrite {
 public:
  /// @param run  settled segments that follow one another in the stream; listed
  basic_segment_rewrite(segment_table<Policies>& table, std::vector<segment_ptr<Policies>> run)
      : table_{table}, run_{std::move(run)} {}
  basic_segment_rewrite(const basic_segment_rewrite&) = delete;
  basic_segment_rewrite& operator=(const basic_segment_rewrite&) = delete;
  ~basic_segment_rewrite() {
    // A manifest that names it may be on disk: then the next open removes it.
    if (fresh_ != nullptr && !fresh_->is_named()) fresh_->drop();
  }

  /// Returns the new segment; null before begin().
  [[nodiscard]] const segment_ptr<Policies>& segment() const { return fresh_; }

  /// Makes the new segment. @errors errc::no_space, errc::io
  void begin(std::uint64_t capacity) {
    segment_plan plan{.role = format::segment_role::compacted, .base = run_.front()->base()};
    plan.capacity = capacity;
    fresh_ = table_.create(plan);
    const timestamp begun = run_.front()->time_first();
    fresh_->begin(plan.base, begun);
    fresh_->see(run_.back()->time_last());
    place_ = {.next = plan.base, .time = begun};
  }

  /// Puts a record and returns its offset in the new segment.
  /// @param at, time  its own; lsns ascend
  /// @errors          errc::no_space, errc::io, errc::record_too_large
  std::uint64_t put(lsn at, timestamp time, bytes_view record) {
    format::require_payload(record.size());
    return put(at, time, format::header_of(format::frame_kind::record, 1, record), record);
  }

  /// Does so with a record that has a frame of its own in the run, where it stands: its checksum
  /// stays what it was.
  std::uint64_t put_as_it_stands(lsn at, timestamp time, bytes_view record) {
    return put(at, time, format::load_header(record.data() - format::frame_header_bytes), record);
  }

  /// Seals the new segment behind a footer, all of it on stable storage.
  /// @errors  errc::no_space, errc::io
  void finish() {
    flush();
    if constexpr (has_step<durability_point::survivors_sync>) fresh_->writable().sync();
    fresh_->seal(run_.back()->end(), place_.offset);
    fresh_->adopt_entries();
    table_.settle(*fresh_, write_footer(*fresh_));
    fresh_->release();
    (void)fresh_->bytes();  // mapped before another process can rewrite it once more
  }

  /// Puts the new segment in the place of the run and of what is attached to it, in one manifest;
  /// then they are dropped, or, if that may not be durable, with the next manifest.
  /// @errors  errc::io, errc::no_space, errc::corrupt; nothing has changed
  void publish() {
    if constexpr (!has_step<durability_point::survivors_before_unlinked>) {
      for (const auto& each : run_) table_.volume()->remove(format::segment_name(each->number()));
    }
    std::vector<segment_ptr<Policies>> attached;
    const auto doubt = table_.try_change([&](auto& list) { exchange(list, attached); },
                                         [&](auto& list) { give_back(list, attached); });
    table_.drop(run_, doubt);
    table_.drop(attached, doubt);
  }

 private:
  using list_type = segment_list<Policies>;

  static constexpr std::uint64_t piece_bytes = std::uint64_t{1} << 20;

  std::uint64_t put(lsn at, timestamp time, format::frame_header header, bytes_view record) {
    place_.next = at;
    if (time != place_.time || place_.offset == format::segment_header_bytes) {
      place_.time = time;
      const auto mark = format::encode(format::mark{fresh_->base() - 1, time});
      put_frame(format::header_of(format::frame_kind::mark, 0, mark), mark);
    }
    return put_frame(header, record);
  }

  std::uint64_t put_frame(format::frame_header header, bytes_view payload) {
    header.first = place_.next;
    const std::uint64_t at = place_.offset;
    const std::uint64_t bytes = format::frame_bytes(payload.size());
    const std::size_t begin = buffer_.size();
    buffer_.resize(begin + bytes);
    format::write_frame(buffer_.data() + begin, header, fresh_->seed(), at, payload);
    if (at + bytes > fresh_->entries().due()) {
      fresh_->entries().note({place_.next, at, place_.time});
    }
    place_.offset += bytes;
    if (buffer_.size() >= piece_bytes) flush();
    return at + format::frame_header_bytes;
  }

  void flush() {
    fresh_->writable().write(place_.offset - buffer_.size(), buffer_);
    buffer_.clear();
  }

  void exchange(list_type& list, std::vector<segment_ptr<Policies>>& attached) const {
    const auto at = std::search(list.log.begin(), list.log.end(), run_.begin(), run_.end());
    if (at == list.log.end()) {
      throw error{errc::corrupt, "segments went while they were compacted"};
    }
    const auto behind = list.log.erase(at, at + static_cast<std::ptrdiff_t>(run_.size()));
    list.log.insert(behind, fresh_);
    const auto within = [first = run_.front()->base(), end = run_.back()->end()](const auto& own) {
      return own->base() >= first && own->base() < end;
    };
    light::move_if(list.attached, attached, within);
  }

  void give_back(list_type& list, const std::vector<segment_ptr<Policies>>& attached) const {
    const auto at = list.log.erase(light::find(list.log, fresh_));
    list.log.insert(at, run_.begin(), run_.end());
    for (const auto& own : attached) insert_attached(list, own);
  }

  segment_table<Policies>& table_;
  std::vector<segment_ptr<Policies>> run_;
  segment_ptr<Policies> fresh_;  // null: not begun
  scan_place place_{};           // in fresh_
  std::vector<std::byte> buffer_;
};

template <class Policies>
using segment_rewrite = basic_segment_rewrite<stored_of<Policies>>;

}  // namespace logdb::detail
