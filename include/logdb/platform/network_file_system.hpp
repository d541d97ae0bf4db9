// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Which file systems other machines can write to as well.

#include <algorithm>
#include <array>
#include <cstdint>

namespace logdb::platform::detail {

/// Tells it by the magic number that statfs(2) gives. There two machines would share the bytes of a
/// log, but neither its locks nor its memory.
/// @source  linux/magic.h, statfs(2)
constexpr bool is_network_file_system(std::int64_t type) {
  constexpr std::array<std::uint32_t, 11> known{
      0x00006969,  // NFS
      0x0000517B,  // SMB
      0xFF534D42,  // CIFS
      0xFE534D42,  // SMB2
      0x01021997,  // 9P
      0x5346414F,  // AFS
      0x00C36400,  // Ceph
      0x0BD00BD0,  // Lustre
      0x47504653,  // GPFS
      0x01161970,  // GFS2
      0x7461636F,  // OCFS2
  };
  return std::ranges::find(known, static_cast<std::uint32_t>(type)) != known.end();
}

}  // namespace logdb::platform::detail
