// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Which file systems other machines may write to as well.

#include <array>
#include <cstdint>

#include <logdb/light.hpp>

namespace logdb::platform::detail {

/// Tells it by the magic number that statfs(2) gives: all but those that are known to be of one
/// machine. Two machines would share the bytes of a log, but neither its locks nor its memory.
///
/// Not a list of those that are shared: new ones come, and FUSE may be anything, from a local
/// archive to a directory of the host that two virtual machines have mounted (virtiofs).
/// @source  linux/magic.h, statfs(2)
constexpr bool is_network_file_system(std::int64_t type) {
  constexpr std::array<std::uint32_t, 18> local{
      0x0000EF53,  // ext2, ext3, ext4
      0x58465342,  // xfs
      0x9123683E,  // btrfs
      0xCA451A4E,  // bcachefs
      0x2FC12FC1,  // zfs
      0xF2F52010,  // f2fs
      0x3153464A,  // jfs
      0x52654973,  // reiserfs
      0x00003434,  // nilfs2
      0x24051905,  // ubifs
      0x01021994,  // tmpfs
      0x858458F6,  // ramfs
      0x794C7630,  // overlayfs
      0x61756673,  // aufs
      0x0000F15F,  // ecryptfs
      0x00004D44,  // vfat
      0x2011BAB0,  // exfat
      0x7366746E,  // ntfs3
  };
  return light::find(local, static_cast<std::uint32_t>(type)) == local.end();
}

}  // namespace logdb::platform::detail
