// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Durability<None>: nothing is synced unless asked for.

#include <chrono>
#include <cstdint>
#include <string_view>

#include <logdb/policy/durability.hpp>

namespace logdb::detail {

/// Lets an append return once its record is in staging, and never syncs by itself: `sync()` and
/// `close()` do, and a segment is synced once when it is sealed.
struct no_durability {
  struct options {
    std::uint64_t staging_bytes =
        4u << 20;  ///< buffer before the kernel, 32 KiB .. 1 GiB, power of two
    /// records are given to the kernel at most this long after they were appended,
    /// 0 .. 365 days
    std::chrono::nanoseconds delay_max = std::chrono::milliseconds{10};
  };

  static constexpr std::string_view name = "None";
  static constexpr watermark keeps_until = watermark::written;
  static constexpr watermark readable = watermark::appended;
  static constexpr bool background = true;
  static constexpr bool prewrites = false;
  static constexpr durability_hooks hooks{};

  static loss_bounds bounds(const options& chosen) { return {.delay_max = chosen.delay_max}; }

  template <class View>
  static void acknowledge(View&, std::uint64_t) {}
};

}  // namespace logdb::detail
