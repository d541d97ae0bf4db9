// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What stands in the place of a journal where the index is the whole log.

#include <atomic>
#include <filesystem>
#include <limits>
#include <utility>

#include <logdb/error.hpp>
#include <logdb/journal/log_state.hpp>
#include <logdb/journal/segments/segment.hpp>
#include <logdb/options.hpp>
#include <logdb/platform/atomic.hpp>

namespace logdb::detail {

/// A log without records: whether it is open, and its options.
///
/// @threads  any
template <class Policies>
class no_journal {
 public:
  using system = typename Policies::storage::system;

  no_journal(std::filesystem::path label, const basic_options<Policies>& chosen)
      : label_{std::move(label)}, options_{chosen} {
    system::count_forks();
    forks_.store(system::forks(), std::memory_order_relaxed);
  }

  /// Returns what its index sees of it.
  [[nodiscard]] const no_journal& view() const { return *this; }
  [[nodiscard]] const basic_options<Policies>& options() const { return options_; }

  /// Throws when the log was closed, or in a child of the process that made it.
  /// @errors  errc::closed
  void require_usable() const {
    const std::uint64_t then = forks_.load(std::memory_order_relaxed);
    if (then == system::forks()) [[likely]]
      return;
    if (then != closed) throw_in_child(label_);
    throw_closed(label_);
  }

  void close() { forks_.store(closed, std::memory_order_relaxed); }

 private:
  static constexpr auto closed = std::numeric_limits<std::uint64_t>::max();  // no number of forks

  std::filesystem::path label_;
  basic_options<Policies> options_;
  // Of this process when the log was made; or closed. Relaxed: nothing else is told by it.
  platform::atomic<std::uint64_t> forks_;
};

}  // namespace logdb::detail
