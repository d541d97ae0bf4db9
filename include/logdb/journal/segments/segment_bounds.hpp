// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Where the frames of a segment begin and end, and what of that stands in the manifest.

#include <atomic>
#include <chrono>
#include <cstdint>

#include <logdb/format/files/manifest.hpp>
#include <logdb/format/files/segment_header.hpp>
#include <logdb/journal/inspect/scan.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/expects.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

/// The bounds of one segment, in records, in bytes and in time. They are moved by the writer while
/// it is active; once settled they stay.
///
/// @threads  readers: any; begin(), see(), seal(), reopen() and settle() are the writer's, ordered
///           by its locks
template <class System>
class segment_bounds {
 public:
  explicit segment_bounds(const format::manifest_segment& entry)
      : role_{entry.role},
        footer_offset_{entry.footer_offset},
        settled_{entry.end_offset != 0},
        base_{entry.base.value()},
        end_{entry.end.value()},
        end_offset_{entry.end_offset},
        time_first_{entry.time_first.time_since_epoch().count()},
        time_last_{entry.time_last.time_since_epoch().count()} {}

  [[nodiscard]] format::segment_role role() const { return role_; }
  /// The lsn of its first record; 0 while it is only made ready.
  [[nodiscard]] lsn base() const { return lsn{base_.load(std::memory_order_acquire)}; }
  /// One past its last record; 0 while it is active.
  [[nodiscard]] lsn end() const { return lsn{end_.load(std::memory_order_acquire)}; }
  /// Where its frames end; 0 while it is active.
  [[nodiscard]] std::uint64_t end_offset() const {
    return end_offset_.load(std::memory_order_acquire);
  }
  [[nodiscard]] timestamp time_first() const { return to_time(time_first_); }
  [[nodiscard]] timestamp time_last() const { return to_time(time_last_); }

  /// Returns where its first frame stands.
  [[nodiscard]] scan_place start() const {
    return {.next = role_ == format::segment_role::attached ? lsn{1} : base(),
            .time = time_first(),
            .gaps = role_ == format::segment_role::compacted};
  }

  /// Makes it the active one.
  void begin(lsn base, timestamp now) {
    time_first_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    time_last_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    base_.store(base.value(), std::memory_order_release);  // pairs with base()
  }
  void see(timestamp now) {
    time_last_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }

  /// Bounds it: no frame stands at or after the offset.
  void seal(lsn end, std::uint64_t end_offset) {
    end_offset_.store(end_offset, std::memory_order_release);  // pairs with end_offset()
    end_.store(end.value(), std::memory_order_release);        // pairs with end()
  }
  /// Takes the bounds back, to go on writing.
  void reopen() {
    settled_.store(false, std::memory_order_release);
    end_.store(0, std::memory_order_release);
    end_offset_.store(0, std::memory_order_release);
  }

  /// Says that its bounds are on stable storage, and so may stand in the manifest.
  void settle(std::uint64_t footer_offset = 0) {
    footer_offset_ = footer_offset;
    settled_.store(true, std::memory_order_release);
  }
  [[nodiscard]] bool settled() const { return settled_.load(std::memory_order_acquire); }

  /// Says that what its frames up to an offset attach, and where they leave cursors, stands in the
  /// table. Of a log that one process writes all does, whatever comes.
  void note_listed(std::uint64_t offset) {
    std::uint64_t seen = listed_to_.load(std::memory_order_relaxed);
    while (seen < offset &&
           !listed_to_.compare_exchange_strong(seen, offset, std::memory_order_acq_rel)) {
    }
  }
  /// Tells whether a manifest may bound it at an offset: nobody walks it again then.
  [[nodiscard]] bool is_listed_to(std::uint64_t offset) const {
    return role_ != format::segment_role::log ||
           listed_to_.load(std::memory_order_acquire) >= offset;  // pairs with note_listed()
  }

  /// Says that a manifest which names it may be on disk: its file must stay until one does not.
  void note_named() { named_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] bool is_named() const { return named_.load(std::memory_order_relaxed); }

  /// Puts what the manifest says of them into an entry: how it ends only once that is settled.
  void describe(format::manifest_segment& entry) const {
    entry.base = base();
    entry.role = role_;
    entry.time_first = time_first();
    entry.time_last = time_last();
    if (!settled()) return;
    LOGDB_EXPECTS(is_listed_to(end_offset()));
    entry.end = end();
    entry.end_offset = end_offset();
    entry.footer_offset = footer_offset_;
  }

 protected:
  ~segment_bounds() = default;

  /// Where the footer of a segment stands that was made with its bounds; 0: there is none.
  [[nodiscard]] std::uint64_t footer_offset() const { return footer_offset_; }

 private:
  template <class T>
  using atomic = platform::basic_atomic<System, T>;

  static timestamp to_time(const atomic<std::int64_t>& value) {
    return timestamp{std::chrono::nanoseconds{value.load(std::memory_order_relaxed)}};
  }

  format::segment_role role_;
  std::uint64_t footer_offset_;          // 0: none; guarded by the table's lock
  atomic<bool> settled_ = false;         // set under the table's lock, behind its bounds and footer
  atomic<bool> named_ = false;           // ordered by the table's locks
  atomic<std::uint64_t> listed_to_ = 0;  // what stands before it is listed
  atomic<std::uint64_t> base_ = 0;
  atomic<std::uint64_t> end_ = 0;
  atomic<std::uint64_t> end_offset_ = 0;
  atomic<std::int64_t> time_first_ = 0;
  atomic<std::int64_t> time_last_ = 0;
};

}  // namespace logdb::detail
