// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What the system knows of a file by its name: its size, whose it is, who may read and write it.

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace logdb::platform {

/// The owner, the group and the permission bits of a file.
struct file_owner {
  std::uint32_t user = 0;
  std::uint32_t group = 0;
  std::uint32_t permissions = 0;
};

/// What tells a file from others of its file system: its number there, and how many names it has.
struct file_identity {
  std::uint64_t number = 0;
  std::uint64_t names = 1;
};

/// The calls of `posix` that ask for it, or set it.
struct posix_status {
  static constexpr std::uint32_t root = 0;
  static constexpr std::uint32_t btrfs = 0x9123683E;  // as statfs(2) calls them
  static constexpr std::uint32_t bcachefs = 0xCA451A4E;

  /// Returns whose rights this process has.
  static std::uint32_t user() { return static_cast<std::uint32_t>(::geteuid()); }

  /// Returns the size of a file of a directory.
  static std::int64_t size_of(int directory, const char* name) {
    struct ::stat found {};
    const int failed = ::fstatat(directory, name, &found, AT_SYMLINK_NOFOLLOW);
    return failed == -1 ? -errno : static_cast<std::int64_t>(found.st_size);
  }

  /// Tells whose a regular file of a directory is, or with "." the directory.
  static int owner_of(int directory, const char* name, file_owner& out) {
    struct ::stat found {};
    if (::fstatat(directory, name, &found, AT_SYMLINK_NOFOLLOW) == -1) return -errno;
    if (!S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode)) return -EINVAL;
    out = {found.st_uid, found.st_gid, found.st_mode & 0777};
    return 0;
  }

  /// Says which file an open one is.
  static int identify(int file, file_identity& out) {
    struct ::stat found {};
    if (::fstat(file, &found) == -1) return -errno;
    out = {.number = found.st_ino, .names = found.st_nlink};
    return 0;
  }

  static int set_owner(int file, std::uint32_t user, std::uint32_t group) {
    return ::fchown(file, user, group) == -1 ? -errno : 0;
  }

  /// Asks that a new, empty file be written in place where its file system would write each block
  /// anew (btrfs): a second write, also one through a mapping, then needs no space.
  static int write_in_place(int file) {
    constexpr auto get_flags = _IOR('f', 1, long);  // FS_IOC_GETFLAGS: linux/fs.h does not go
    constexpr auto set_flags = _IOW('f', 2, long);  // together with sys/mount.h
    constexpr int no_copy_on_write = 0x00800000;    // FS_NOCOW_FL
    struct ::statfs found {};
    if (::fstatfs(file, &found) == -1) return -errno;
    const auto type = static_cast<std::uint32_t>(found.f_type);
    if (type != btrfs && type != bcachefs) return 0;
    int flags = 0;
    if (::ioctl(file, get_flags, &flags) == -1) return -errno;
    flags |= no_copy_on_write;
    return ::ioctl(file, set_flags, &flags) == -1 ? -errno : 0;
  }

  /// Sets the permission bits, of a directory too.
  static int set_permissions(int file, std::uint32_t permissions) {
    return ::fchmod(file, permissions) == -1 ? -errno : 0;
  }
};

}  // namespace logdb::platform
