// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Which boot of the machine this is.

#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <unistd.h>

#include <logdb/platform/process/uuid.hpp>

namespace logdb::platform {

using boot_identity = std::array<std::byte, 16>;

namespace detail {

// No uuid begins so: its 7th byte has the version in its upper half, which is never 0.
inline constexpr std::string_view boot_time_tag{"btime\0\0\0", 8};

/// Before it no clock that was set can have been: 2020-01-01, in seconds since 1970.
inline constexpr std::int64_t boot_time_least = 1'577'836'800;

/// Makes an identity of what /proc/stat says of when the machine was started; nothing when it says
/// nothing of use. Machines without a clock all start in 1970.
inline std::optional<boot_identity> boot_time_identity(std::string_view stat) {
  constexpr std::string_view key = "\nbtime ";
  const auto at = stat.find(key);
  if (at == stat.npos) return std::nullopt;
  const std::string_view text = stat.substr(at + key.size());
  std::int64_t seconds = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (read.ec != std::errc{} || seconds < boot_time_least) return std::nullopt;
  boot_identity made{};
  std::memcpy(made.data(), boot_time_tag.data(), boot_time_tag.size());
  std::memcpy(made.data() + boot_time_tag.size(), &seconds, sizeof seconds);
  return made;
}

/// Reads a file of the kernel's to its end; returns 0 or the negative errno.
inline int read_text(const char* path, std::string& out) {
  out.clear();
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file == -1) return -errno;
  std::array<char, 4096> piece;
  ::ssize_t got = 0;
  do {
    got = ::read(file, piece.data(), piece.size());
    if (got > 0) out.append(piece.data(), static_cast<std::size_t>(got));
  } while (got > 0 || (got == -1 && errno == EINTR));
  const int result = got == 0 ? 0 : -errno;
  ::close(file);
  return result;
}

/// Reads the number that the kernel drew when it started. Where that is hidden, as from a sandbox,
/// gives the time of the boot in its place. Returns 0 or the negative errno.
inline int read_boot_identity(boot_identity& out) {
  std::string text;
  int result = read_text("/proc/sys/kernel/random/boot_id", text);
  if (result == 0 && parse_uuid(text, out)) return 0;
  if (result == -EMFILE || result == -ENFILE || result == -ENOMEM) return result;
  result = read_text("/proc/stat", text);
  if (result != 0) return result;
  const auto made = boot_time_identity(text);
  if (made) out = *made;
  return made ? 0 : -ENOENT;
}

}  // namespace detail

/// Tells whether an identity is the time of the boot, which changes when the clock is set.
inline bool is_boot_time(const boot_identity& boot) {
  const auto tag = detail::boot_time_tag;
  return std::memcmp(boot.data(), tag.data(), tag.size()) == 0;
}

}  // namespace logdb::platform
