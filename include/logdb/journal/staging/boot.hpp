// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Tells whether a control file is of this boot of the machine: only then is what it says more than
/// what happened to reach the disk.

#include <cerrno>
#include <filesystem>
#include <string>

#include <logdb/durability_point.hpp>
#include <logdb/error.hpp>
#include <logdb/journal/staging/staging.hpp>
#include <logdb/options.hpp>
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

/// Tells whether a control file says to readers of a store what its writers do now, or did when
/// they died on this boot.
/// @errors  errc::unsupported, errc::format_mismatch: whether it does, or what, cannot be told;
///          errc::io
template <class Storage>
bool tells_of(const staging<Storage>& ring, const identity& store, recovery_mode mode,
              const std::filesystem::path& volume) {
  if (ring.header().store != store) return false;  // it was copied here alone
  const boot_match boot = match_boot(ring);
  if (boot == boot_match::other) return false;
  const auto path = volume / format::control_name;
  if (boot == boot_match::unknown) {
    throw error{errc::unsupported,
                "whether the process that wrote the log is of this boot of the machine cannot be "
                "told: read it where /proc can be read",
                {.path = path}};
  }
  if (ring.is_known() || mode == recovery_mode::salvage) return ring.is_known();
  throw error{errc::format_mismatch,
              "a process of a newer version has the log open, or had staged records here",
              {.path = path,
               .remedy = "read it with that version, or with recovery_mode::salvage what is in the "
                         "segments"}};
}

}  // namespace logdb::detail
