// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Readers of staging: what keeps a frame in the ring while somebody copies from it.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

#include <logdb/platform/atomic.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

/// The stream positions that are being read from the ring. An appender does not go further than
/// a ring's length beyond the lowest of them.
///
/// @threads  any
template <class System>
class staging_pins {
 public:
  static constexpr stream_position none = stream_position::max();

  /// Keeps a position; the caller looks afterwards whether staging still has it.
  class pin {
   public:
    explicit pin(platform::basic_atomic<System, std::uint64_t>& taken) : taken_{taken} {}
    pin(const pin&) = delete;
    pin& operator=(const pin&) = delete;
    // Release: pairs with the loads in lowest(); what was copied was copied before.
    ~pin() { taken_.store(none.value(), std::memory_order_release); }

   private:
    platform::basic_atomic<System, std::uint64_t>& taken_;
  };

  staging_pins() {
    for (place& each : places_) each.at.store(none.value(), std::memory_order_relaxed);
  }

  [[nodiscard]] pin keep(stream_position position) {
    for (std::uint32_t tries = 1;; ++tries) {
      for (place& each : places_) {
        std::uint64_t free = none.value();
        // Sequentially consistent: either lowest() sees it, or this reader sees how far staging
        // had been given up before.
        if (each.at.load(std::memory_order_relaxed) == none.value() &&
            each.at.compare_exchange_strong(free, position.value(), std::memory_order_seq_cst)) {
          return pin{each.at};
        }
      }
      System::yield();
    }
  }

  /// Returns the lowest position kept.
  [[nodiscard]] stream_position lowest() const {
    std::uint64_t low = none.value();
    for (const place& each : places_) low = std::min(low, each.at.load(std::memory_order_seq_cst));
    return stream_position{low};
  }

 private:
  struct alignas(64) place {
    platform::basic_atomic<System, std::uint64_t> at;
  };
  std::array<place, 16> places_;
};

/// The same where nobody reads from staging but in a turn, when nothing is overwritten.
struct no_staging_pins {
  static constexpr stream_position none = stream_position::max();
  struct pin {};

  [[nodiscard]] static pin keep(stream_position) { return {}; }
  [[nodiscard]] static constexpr stream_position lowest() { return none; }
};

}  // namespace logdb::detail
