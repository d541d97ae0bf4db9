// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `bell`: what a reader of another process sleeps on until there is more.

#include <chrono>
#include <memory>
#include <utility>

#include <logdb/error.hpp>
#include <logdb/journal/staging/staging.hpp>

namespace logdb::detail {

/// The event in the control file of writers that share a log, which they signal at each group
/// that they commit.
///
/// To be woken is to be counted, so the file is mapped to be written as well, and nothing else of
/// it is. Who has no right to, or whose log has one writer, who signals nobody, has none.
///
/// @threads  any
template <class Storage>
class bell {
 public:
  using staging_type = staging<Storage>;

  // How long a sleeper trusts that writers live, and they that it waits.
  static constexpr std::chrono::milliseconds trust{50};

  explicit bell(staging_type ring) : ring_{std::move(ring)} {}

  /// Returns the one of writers whose control file another mapping shows; null: there is none.
  static std::shared_ptr<bell> find(const Storage& volume) {
    try {
      staging_type ring = staging_type::open_beside_writers(volume);
      if (!ring || !ring.is_current() ||
          ring.header().waiters_used.load(std::memory_order_acquire) == 0)
        return nullptr;
      return std::make_shared<bell>(std::move(ring));
    } catch (const error&) {
      return nullptr;  // there is no right to write it, or it was closed just now
    }
  }

  [[nodiscard]] std::uint32_t ticket() const { return ring_.header().progress.ticket(); }

  /// Sleeps until something was committed since the ticket was taken, or for so long as anybody is
  /// trusted.
  void wait(std::uint32_t ticket) {
    auto& shared = ring_.header();
    // A writer that commits in the background then does so at once.
    shared.watched_until.store((Storage::system::uptime() + 2 * trust).count(),
                               std::memory_order_relaxed);
    shared.progress.wait(ticket, trust);
  }

  /// Wakes everybody.
  void ring() { ring_.header().progress.signal(); }

 private:
  staging_type ring_;
};

}  // namespace logdb::detail
