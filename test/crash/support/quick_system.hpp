// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `quick_system`: the real system without the wait for the disk. The death of a process loses
/// nothing that the kernel has, so tests of that need no sync.

#include <logdb/platform/posix.hpp>

namespace logdb::test {

struct quick_system : platform::posix {
  static int sync(handle) { return 0; }
  static int sync_directory(handle) { return 0; }
};

}  // namespace logdb::test
