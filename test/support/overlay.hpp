// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `enter_overlay`: a directory laid over another, as a container lies over its image.

#include <filesystem>
#include <string>
#include <sys/mount.h>

#include "support/small_disk.hpp"

namespace logdb::test {

/// Mounts a file system in memory over `where`, for this process and its children, and fills `where
/// / "lower"` by a call. Then lays `where / "merged"` over it: what is written there is copied up
/// first. False where the system does not let it.
template <class Fill>
bool enter_overlay(const std::filesystem::path& where, Fill fill) {
  if (!enter_small_disk(where, 64 << 10)) return false;
  for (const char* each : {"lower", "upper", "work", "merged"}) {
    std::filesystem::create_directory(where / each);
  }
  fill(where / "lower");
  const std::string options = "lowerdir=" + (where / "lower").string() +
                              ",upperdir=" + (where / "upper").string() +
                              ",workdir=" + (where / "work").string();
  const auto merged = where / "merged";
  return ::mount("overlay", merged.c_str(), "overlay", 0, options.c_str()) == 0;
}

}  // namespace logdb::test
