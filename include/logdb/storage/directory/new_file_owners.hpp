// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Whose the new files of a log are, and who may read and write them.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include <logdb/platform/file/file_status.hpp>

namespace logdb::detail {

/// Says what is wrong with permissions for the files of a log; null: nothing.
constexpr const char* fault_of_permissions(std::filesystem::perms chosen) {
  const auto bits = static_cast<unsigned>(chosen);
  return bits == 0 || ((bits & 0600U) == 0600U && (bits & ~0666U) == 0)
             ? nullptr
             : "storage.permissions must let the owner read and write, and nobody execute: "
               "0600 .. 0666";
}

/// Gives new files the permissions, the group and, where root makes them, the owner of a model: a
/// file that the log has already. So access that was given once lasts, and what root did once does
/// not lock the owner out.
///
/// A file is never open to more than the model: it begins as its maker's alone (0600), and where
/// its group cannot be the model's, the group gets nothing.
/// @threads  any
/// @source   SQLite gives the files beside a database its permissions, and for root its owner
template <class System>
class new_file_owners {
 public:
  using handle = typename System::handle;

  /// @param model   a file of the log that lasts
  /// @param chosen  permissions that come before those of the model; none: nobody chose
  new_file_owners(std::string_view model, std::filesystem::perms chosen)
      : model_{model}, chosen_{static_cast<std::uint32_t>(chosen)} {}

  /// Does so as far as the system lets it: a file that stays its maker's is no error.
  void give(handle file, handle directory) const {
    platform::file_owner model;
    const bool found = System::owner_of(directory, model_.c_str(), model) == 0;
    // In a new log: root makes it for the owner of the directory.
    if (!found && System::owner_of(directory, ".", model) != 0) return;
    std::uint32_t permissions = 0600U | (chosen_ != 0 ? chosen_ : found ? model.permissions : 0U);
    permissions &= 0666U;
    const bool is_root = System::user() == System::root;
    const bool gives = is_root || found;
    if (gives && System::set_owner(file, is_root ? model.user : same, model.group) != 0) {
      permissions &= ~0060U;
    }
    if (permissions != 0600U) (void)System::set_permissions(file, permissions);
  }

  /// Lets users enter a new directory that may read the files in it.
  void open_to_readers(handle directory) const {
    if (chosen_ != 0) (void)System::set_permissions(directory, 0700U | chosen_ | enter(chosen_));
  }

 private:
  static constexpr std::uint32_t same = UINT32_MAX;  // leaves the owner as it is

  static constexpr std::uint32_t enter(std::uint32_t permissions) {
    return (permissions & 0444U) >> 2;
  }

  std::string model_;
  std::uint32_t chosen_;
};

}  // namespace logdb::detail
