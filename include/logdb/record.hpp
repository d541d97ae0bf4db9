// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What a reader gets: a view of one record that keeps its bytes readable.

#include <memory>
#include <string_view>
#include <utility>

#include <logdb/types.hpp>

namespace logdb {

/// Views one record: its bytes where they lie (mapped, not copied), its lsn, and when its group
/// began.
///
/// Pins the bytes: they stay readable while this or a copy lives, also after truncation, close, or
/// the end of the log object. Copying costs one atomic increment; reading costs nothing.
/// @threads  copies may be used by different threads; one object as any value
class record {
 public:
  record() = default;
  record(std::shared_ptr<const void> pin, bytes_view bytes, logdb::lsn at, timestamp time)
      : pin_{std::move(pin)}, bytes_{bytes}, lsn_{at}, time_{time} {}

  [[nodiscard]] bytes_view bytes() const { return bytes_; }
  [[nodiscard]] std::string_view text() const { return as_text(bytes_); }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] logdb::lsn lsn() const { return lsn_; }

  /// Returns when the record's commit group began: at most the group's length before its append.
  [[nodiscard]] timestamp time() const { return time_; }

  /// Points this view at other bytes under the same pin. For ranges: it saves the reference count.
  void move_to(bytes_view bytes, logdb::lsn at, timestamp time) {
    bytes_ = bytes;
    lsn_ = at;
    time_ = time;
  }

  /// Exchanges what is pinned. For ranges.
  void repin(std::shared_ptr<const void> pin) { pin_ = std::move(pin); }

 private:
  std::shared_ptr<const void> pin_;
  bytes_view bytes_;
  logdb::lsn lsn_;
  timestamp time_;
};

}  // namespace logdb
