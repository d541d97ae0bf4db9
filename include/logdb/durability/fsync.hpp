// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Durability<Fsync>: an append returns when its record is on stable storage.

#include <cstdint>
#include <string_view>

#include <logdb/policy/durability.hpp>

namespace logdb {

/// Makes an append wait for the sync that covers it; appends that overlap share one sync.
///
/// @source group commit: DeWitt et al., "Implementation techniques for main memory database
///         systems", 1984
struct Fsync {
  struct options {
    std::uint64_t staging_bytes = 4u
                                  << 20;  ///< buffer before the disk, 32 KiB .. 1 GiB, power of two
  };

  static constexpr std::string_view name = "Fsync";
  static constexpr watermark keeps_until = watermark::durable;
  static constexpr watermark readable = watermark::durable;
  static constexpr bool background = false;
  static constexpr bool prewrites = true;
  static constexpr durability_hooks hooks{"compatible_with"};

  static loss_bounds bounds(const options&) { return {}; }

  template <class View>
  static void acknowledge(View& log, std::uint64_t end) {
    log.wait_durable(end);
  }

  template <class Policies>
  static constexpr bool compatible_with = Policies::storage::persistent;

  template <class Policies>
  static consteval void explain() {
    static_assert(compatible_with<Policies>,
                  "logdb: Durability<Fsync> promises stable storage, and Storage<Memory> is none: "
                  "use Durability<None>");
  }
};

}  // namespace logdb
