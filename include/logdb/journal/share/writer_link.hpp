// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What a reader of another process sees of the writers of a log: their control file, and what they
/// ring.

#include <atomic>
#include <memory>
#include <utility>

#include <logdb/error.hpp>
#include <logdb/journal/control/watermarks.hpp>
#include <logdb/journal/share/bell.hpp>
#include <logdb/journal/staging/boot.hpp>
#include <logdb/journal/staging/staging.hpp>
#include <logdb/options.hpp>

namespace logdb::detail {

/// The control file of those who have a log open to write, mapped to read; empty: there is none.
///
/// @threads  one at a time
template <class Storage>
class writer_link {
 public:
  explicit writer_link(std::shared_ptr<Storage> volume) : volume_{std::move(volume)} {}

  [[nodiscard]] const std::shared_ptr<Storage>& volume() const { return volume_; }
  [[nodiscard]] explicit operator bool() const { return static_cast<bool>(ring_); }
  [[nodiscard]] const staging<Storage>& ring() const { return ring_; }

  /// Looks for the control file of whoever writes, unless it is the one that is known and open.
  /// @param store_of  returns which store it is to be of
  /// @errors          as tells_of(), and what `store_of` throws
  template <class StoreOf>
  void attach(recovery_mode mode, StoreOf store_of) {
    if (ring_ && ring_.header().state.load(std::memory_order_acquire) == control_state::open)
      return;
    ring_ = {};
    bell_.reset();
    asked_ = false;
    staging<Storage> found;
    try {
      found = staging<Storage>::open(*volume_, open_mode::read_only);
    } catch (const error& gone) {
      if (gone.condition() != errc::not_found) throw;  // else it was closed just now
    }
    if (!found || found.header().state.load(std::memory_order_acquire) != control_state::open)
      return;
    if (tells_of(found, store_of(), mode, volume_->path())) ring_ = std::move(found);
  }
  /// Forgets it: the next attach() looks anew.
  void detach() { ring_ = {}; }

  /// Returns a watermark as the lsn of the last record that it covers; 0: nobody writes.
  [[nodiscard]] lsn reached(watermark level) const {
    return ring_ ? reached_lsn_in(ring_.header(), level) : lsn{};
  }

  /// Returns what writers ring; null: nothing. They are asked once they share the log.
  [[nodiscard]] std::shared_ptr<bell<Storage>> find_bell() {
    if (!asked_ && ring_ && ring_.is_current() &&
        ring_.header().waiters_used.load(std::memory_order_acquire) != 0) {
      asked_ = true;
      bell_ = bell<Storage>::find(*volume_);
    }
    return bell_;
  }
  /// Wakes who waits for the bell, in every process.
  void ring_bell() {
    if (bell_) bell_->ring();
  }

 private:
  std::shared_ptr<Storage> volume_;
  staging<Storage> ring_;
  std::shared_ptr<bell<Storage>> bell_;  // of the same writers; null: none rings for this process
  bool asked_ = false;                   // whether there is one
};

}  // namespace logdb::detail
