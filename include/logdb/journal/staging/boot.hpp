// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Tells whether a control file is of this boot of the machine: only then is what it says more than
/// what happened to reach the disk.

#include <cerrno>
#include <string>

#include <logdb/durability_point.hpp>
#include <logdb/error.hpp>
#include <logdb/journal/staging/staging.hpp>
#include <logdb/platform/process/boot_identity.hpp>

namespace logdb::detail {

/// What a control file's boot is beside this one.
enum class boot_match : std::uint8_t {
  same,     ///< what it says holds
  other,    ///< the machine was started since
  unknown,  ///< nothing tells, or only a clock that may have been set
};

/// Reads which boot this is; false: nothing tells.
/// @errors  errc::io: this process could not look
template <class System>
bool read_boot(identity& out) {
  const int result = System::boot_id(out);
  const bool could_look =
      result != -EMFILE && result != -ENFILE && result != -ENOMEM && result != -EIO;
  if (!could_look) throw_errno(-result, "cannot read the boot id");
  return result == 0;
}

/// Compares the boot of a control file with this one.
/// @errors  errc::io
template <class Storage>
boot_match match_boot(const staging<Storage>& ring) {
  using system = typename Storage::system;
  const identity said = ring.header().boot;
  identity now{};
  if (!read_boot<system>(now) || said == identity{}) return boot_match::unknown;
  if (!has_step<durability_point::boot_of_staging> || said == now) return boot_match::same;
  const bool by_clock = platform::is_boot_time(said);
  if (!by_clock && !platform::is_boot_time(now)) return boot_match::other;
  const bool ran_longer = ring.is_current() && ring.header().opened_at > system::uptime().count();
  return ran_longer ? boot_match::other : boot_match::unknown;
}

/// Tells whether a control file is one of this boot.
/// @errors  errc::io
template <class Storage>
bool is_of_this_boot(const staging<Storage>& ring) {
  return ring && match_boot(ring) == boot_match::same;
}

}  // namespace logdb::detail
