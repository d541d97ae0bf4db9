// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Durability<Async>: an append returns at memory speed; a thread syncs soon after.

#include <chrono>
#include <cstdint>
#include <limits>
#include <string_view>

#include <logdb/policy/durability.hpp>

namespace logdb {

/// Lets an append return once its record is in staging, which survives the process; a background
/// thread writes and syncs it. A power cut costs at most the loss window, which is bounded and
/// reported.
struct Async {
  struct options {
    /// buffer before the disk, 32 KiB .. 1 GiB, power of two; also bounds the loss window
    std::uint64_t staging_bytes = 32u << 20;
    /// a sync begins at most this long after the oldest record it covers, 0 .. 365 days
    std::chrono::nanoseconds delay_max = std::chrono::milliseconds{10};
    /// appends wait rather than have more bytes than this, headers included, not durable; 4096 at
    /// least. A record or batch that does not fit below it goes to a segment of its own.
    std::uint64_t bytes_max = std::numeric_limits<std::uint64_t>::max();
    /// appends wait rather than have more records than this not durable; 1 at least. A batch or
    /// transaction of more waits for all before it, and is then at risk alone.
    std::uint64_t records_max = std::numeric_limits<std::uint64_t>::max();
  };

  static constexpr std::string_view name = "Async";
  static constexpr watermark keeps_until = watermark::durable;
  static constexpr watermark readable = watermark::appended;
  static constexpr bool background = true;
  static constexpr bool prewrites = false;
  static constexpr durability_hooks hooks{"compatible_with"};

  static loss_bounds bounds(const options& chosen) {
    return {chosen.bytes_max, chosen.records_max, chosen.delay_max};
  }

  template <class View>
  static void acknowledge(View&, std::uint64_t) {}

  template <class Policies>
  static constexpr bool compatible_with = Policies::storage::persistent;

  template <class Policies>
  static consteval void explain() {
    static_assert(
        compatible_with<Policies>,
        "logdb: Durability<Async> promises stable storage soon, and Storage<Memory> is none: "
        "use Durability<None>");
  }
};

}  // namespace logdb
