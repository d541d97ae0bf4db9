// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The life of an open log: whose it is, what may still be done with it, and why it failed.

#include <atomic>
#include <cstdint>

#include <logdb/journal/control/control_words.hpp>
#include <logdb/journal/log_state.hpp>
#include <logdb/journal/staging/staging.hpp>
#include <logdb/platform/atomic.hpp>

namespace logdb::detail {

/// The state of one process's open, writing log, and what each verb asks of it first.
///
/// @threads  any
template <class Storage, bool is_shared>
class log_life {
 public:
  using system = typename Storage::system;

  /// @param ring  has the control file once the log is open
  log_life(const Storage& volume, staging<Storage>& ring) : volume_{volume}, ring_{ring} {}

  /// Says that this process opened the log.
  void claim() { forks_ = system::forks(); }
  /// Tells whether this is a child of the process that opened the log: what it has of it are copies
  /// of that one's locks and threads, without the threads.
  [[nodiscard]] bool is_forked() const { return forks_ != system::forks(); }

  [[nodiscard]] log_state now() const { return state_.load(std::memory_order_acquire); }
  [[nodiscard]] bool is_open() const { return now() == log_state::open; }
  /// Tells whether close() was called.
  [[nodiscard]] bool is_closed() const { return now() >= log_state::closed; }
  /// Tells whether nothing is brought to disk any more.
  [[nodiscard]] bool is_over() const {
    const log_state is = now();
    return is == log_state::failed || is == log_state::ended;
  }

  /// Throws in a child of the process that opened the log. @errors errc::closed
  void require_own() const {
    if (is_forked()) [[unlikely]]
      throw_in_child(volume_.path());
  }
  /// Throws in such a child, or when the log was closed. One that has failed can still be read.
  /// @errors  errc::closed
  void require_usable() const {
    require_own();
    if (is_closed()) [[unlikely]]
      throw_closed(volume_.path());
  }
  /// Throws unless this process may still bring to disk what was appended, which a failure or the
  /// end of close() takes away for good. @errors errc::failed, errc::closed
  void require_writable() {
    require_own();
    look_for_failure();
    if (is_over()) [[unlikely]]
      require_open();
  }
  /// Throws unless the log takes appends. @errors errc::failed, errc::closed
  void require_open() {
    require_own();
    look_for_failure();
    const log_state is = now();
    if (is == log_state::open) [[likely]]
      return;
    if (is == log_state::failed) raise();
    throw_closed(volume_.path());
  }

  /// Learns whether another process has failed the log, also while this one closes it: what could
  /// not be synced must not be tried again.
  void look_for_failure() {
    if constexpr (is_shared) {
      if (ring_ && ring_.header().failed.load(std::memory_order_acquire) != 0) stop_for_good();
    }
  }

  /// Stops appends, to close: unless it has failed.
  void begin_close() {
    log_state open = log_state::open;
    state_.compare_exchange_strong(open, log_state::closed,
                                   std::memory_order_acq_rel);  // pairs with now()
  }
  /// Says that the right to write goes next.
  void end() { state_.store(log_state::ended, std::memory_order_release); }  // pairs with now()

  /// Stops appends for good; what is durable can still be read. Without the append lock, an append
  /// that is under way may let some others pass.
  /// @param then  what came of the second way, if there was one
  void fail(const char* why, const char* then = "") noexcept {
    fail_here(why, then);
    fail_all();
  }
  /// Does so for this process alone; others that share the log go on.
  void fail_here(const char* why, const char* then = "") noexcept {
    failure_.set(why, then);
    stop_for_good();
  }
  /// Tells every process that the log has failed. Without the append lock as fail().
  void fail_all() {
    auto& shared = ring_.header();
    shared.failed.store(1, std::memory_order_release);  // pairs with look_for_failure()
    put_word<system>(shared.limit, 0);
  }
  /// Throws why the log has failed. @errors errc::failed, always
  [[noreturn]] void raise() const { failure_.raise(volume_); }

 private:
  /// Stops appends for good, also while it is being closed; one that has ended stays so.
  void stop_for_good() {
    log_state is = now();
    while (is != log_state::failed && is != log_state::ended &&
           !state_.compare_exchange_strong(is, log_state::failed,
                                           std::memory_order_acq_rel)) {  // pairs with now()
    }
  }

  const Storage& volume_;
  staging<Storage>& ring_;
  std::uint32_t forks_ = 0;  // of this process when it opened the log
  platform::basic_atomic<system, log_state> state_ = log_state::open;
  failure_note<system> failure_;
};

}  // namespace logdb::detail
