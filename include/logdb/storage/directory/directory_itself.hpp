// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A directory itself: made, opened, and its names made durable.

#include <cerrno>
#include <filesystem>
#include <string>
#include <string_view>

#include <logdb/error.hpp>
#include <logdb/storage/directory/directory_file.hpp>

namespace logdb::detail {

// What to do about a directory that is not there, by what it was wanted for.
inline constexpr std::string_view missing_to_read = create_remedy;
inline constexpr std::string_view missing_to_follow =
    "check the path: it is, or goes through, a symbolic link that leads nowhere";
inline constexpr std::string_view missing_to_create_in =
    "create its parent directory first, or check the path";
inline constexpr std::string_view unsynced_names =
    "this file system cannot make the names in a directory durable: use a local one such as "
    "ext4, xfs or btrfs";

/// Makes a directory; returns whether it was not there before. @errors errc::not_found, errc::io
template <class System>
[[nodiscard]] bool make_directory(const std::filesystem::path& path) {
  const std::string text = path.string();
  const int result = retry_interrupted([&] { return System::make_directory(text.c_str()); });
  if (result == -ENOENT) {
    throw_errno(ENOENT, "cannot create the directory", path,
                path.empty() ? "give a path: this one is empty" : missing_to_create_in);
  }
  if (result != -EEXIST) require_done(result, "cannot create the directory", path);
  return result == 0;
}

/// Opens a directory.
/// @param missing  what to do if it is not there
/// @errors         errc::not_found, errc::not_a_log, errc::permission_denied, errc::io
template <class System>
[[nodiscard]] owned_handle<System> open_directory(const std::filesystem::path& path,
                                                  std::string_view missing) {
  const std::string text = path.string();
  const auto opened = retry_interrupted([&] { return System::open_directory(text.c_str()); });
  constexpr const char* what = "cannot open the directory";
  if (opened == -ENOENT) throw_errno(ENOENT, what, path, missing);
  if (opened == -EACCES) throw_errno(EACCES, what, path, "give this user the right to enter it");
  return owned_handle<System>{require_done(opened, what, path)};
}

/// Makes the names in a directory durable. @errors errc::io
template <class System>
void sync_names(const owned_handle<System>& directory, const std::filesystem::path& path) {
  const int result = retry_interrupted([&] { return System::sync_directory(directory.get()); });
  constexpr const char* what = "cannot sync the directory";
  if (result == -EINVAL) throw_errno(EINVAL, what, path, unsynced_names);
  require_done(result, what, path);
}

/// Returns a path as people write it, for messages.
[[nodiscard]] inline std::filesystem::path plain_path(const std::filesystem::path& path) {
  const std::filesystem::path normal = path.lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

}  // namespace logdb::detail
