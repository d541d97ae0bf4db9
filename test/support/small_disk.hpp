// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `enter_small_disk`: a file system of a few pages, for tests that fill one up.

#include <fcntl.h>
#include <filesystem>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <unistd.h>

namespace logdb::test {

namespace detail {

inline bool write_text(const char* path, const std::string& text) {
  const int file = ::open(path, O_WRONLY | O_CLOEXEC);
  if (file == -1) return false;
  const bool done = ::write(file, text.data(), text.size()) == static_cast<::ssize_t>(text.size());
  ::close(file);
  return done;
}

/// Makes this process its own root, as far as mounting goes.
inline bool leave_namespaces() {
  const std::string user = std::to_string(::getuid());
  const std::string group = std::to_string(::getgid());
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) == -1) return false;
  return write_text("/proc/self/setgroups", "deny") &&
         write_text("/proc/self/uid_map", user + " " + user + " 1") &&
         write_text("/proc/self/gid_map", group + " " + group + " 1");
}

}  // namespace detail

/// Mounts a file system of so many KiB in memory over a directory, for this process and its
/// children; false where the system does not let it. It goes with the last of them.
inline bool enter_small_disk(const std::filesystem::path& where, int kibibytes) {
  if (!detail::leave_namespaces()) return false;
  const std::string options = "size=" + std::to_string(kibibytes) + "k";
  return ::mount("none", where.c_str(), "tmpfs", 0, options.c_str()) == 0;
}

}  // namespace logdb::test
