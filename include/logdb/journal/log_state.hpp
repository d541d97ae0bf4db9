// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Whether a log takes appends and why not, what it counts, and how old what it has not synced is.

#include <chrono>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <new>
#include <optional>
#include <string>

#include <logdb/error.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/platform/scoped_lock.hpp>

namespace logdb::detail {

// Apart from the checks that every call makes, so that these are small.
[[noreturn, gnu::noinline, gnu::cold]] inline void throw_in_child(const std::filesystem::path& at) {
  throw error{
      errc::closed, "the log was opened before a fork, by the parent: open it again", {.path = at}};
}
[[noreturn, gnu::noinline, gnu::cold]] inline void throw_closed(const std::filesystem::path& at) {
  throw error{errc::closed, "the log was closed", {.path = at}};
}
[[noreturn, gnu::noinline, gnu::cold]] inline void throw_moved_from() {
  throw error{errc::closed, "the log was moved from"};
}
[[noreturn, gnu::noinline, gnu::cold]] inline void throw_read_only() {
  throw error{errc::read_only, "the log was opened to read"};
}

/// What may still be done: `closed` takes no appends, and what it has accepted is brought to disk;
/// `ended` has given the right to write back.
enum class log_state : std::uint32_t { open, failed, closed, ended };

/// Counted where it happens, read by stats().
template <class System>
struct log_counters {
  platform::basic_atomic<System, std::uint64_t> groups = 0;
  platform::basic_atomic<System, std::uint64_t> syncs = 0;
  platform::basic_atomic<System, std::uint64_t> attached_bytes = 0;
};

/// Returns how old the oldest group is that is not durable; none: there is none.
///
/// It is told by the clock of the process that opened it. One from the future was told by another
/// clock, of a time namespace, and may be of any age.
template <class Control>
std::optional<std::chrono::nanoseconds> age_of_oldest_in(const Control& shared,
                                                         std::chrono::nanoseconds now) {
  // What a reader had written is still pending, and older than the group that is open now.
  std::int64_t oldest = shared.oldest_pending.load(std::memory_order_relaxed);
  if (oldest == 0) oldest = shared.oldest_open.load(std::memory_order_relaxed);
  if (oldest == 0) return std::nullopt;
  const auto age = now - std::chrono::nanoseconds{oldest};
  return age.count() < 0 ? std::chrono::nanoseconds::max() : age;
}

/// Tells whether something failed for want of what this process has too little of: memory, open
/// files. Nothing is wrong with the log or the device then.
inline bool is_of_process(const std::exception& failure) {
  if (dynamic_cast<const std::bad_alloc*>(&failure) != nullptr) return true;
  const auto* const known = dynamic_cast<const error*>(&failure);
  return known != nullptr && known->condition() == errc::limit;
}

/// Remembers the first reason for which a log failed.
/// @threads  any
template <class System>
class failure_note {
 public:
  /// @param then  what came of the second way, if there was one
  void set(const char* why, const char* then = "") noexcept {
    try {
      const guard lock{mutex_};
      if (text_.empty()) text_ = *then == 0 ? why : std::string{why} + "; then " + then;
    } catch (const std::exception&) {
      // Without memory it is not told.
    }
  }
  [[nodiscard]] std::string text() const {
    const guard lock{mutex_};
    return text_.empty() ? "a sync failed elsewhere" : text_;
  }

  /// Throws errc::failed, and nothing else where memory has run out.
  /// @param volume  whose path is named
  template <class Volume>
  [[noreturn]] void raise(const Volume& volume) const {
    try {
      throw error{
          errc::failed, "the log takes no more appends: " + text(), {.path = volume.path()}};
    } catch (const std::bad_alloc&) {
      std::rethrow_exception(without_memory_);
    }
  }

 private:
  using mutex = platform::basic_mutex<System>;
  using guard = platform::scoped_lock<mutex>;

  const std::exception_ptr without_memory_ = std::make_exception_ptr(
      error{errc::failed, "the log takes no more appends, and memory has run out"});
  mutable mutex mutex_;
  std::string text_;  // guarded by mutex_
};

}  // namespace logdb::detail
