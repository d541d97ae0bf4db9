// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `Directory`: the Storage policy that keeps each file of a log as a file of one directory.

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/error.hpp>
#include <logdb/format/files/names.hpp>
#include <logdb/fwd.hpp>
#include <logdb/platform/posix.hpp>
#include <logdb/policy/storage.hpp>
#include <logdb/storage/directory/directory_file.hpp>
#include <logdb/storage/directory/directory_itself.hpp>
#include <logdb/storage/directory/new_file_owners.hpp>

namespace logdb {

/// Keeps the files of a log in a directory of its own, which only its owner may enter unless
/// options say otherwise.
///
/// @tparam System  the seam to the system: platform::posix, or what a test puts in its place
/// @threads        const members from any, the others from one at a time
template <class System>
class BasicDirectory {
 public:
  using system = System;
  using file = detail::directory_file<System>;
  using mapping = detail::directory_mapping<System>;
  struct options {
    /// of new files, whatever the umask says; none: as the log's manifest has, 0600 in a new log.
    /// A new directory can also be entered by those who may read
    std::filesystem::perms permissions = std::filesystem::perms::none;

    [[nodiscard]] constexpr const char* fault() const {
      return detail::fault_of_permissions(permissions);
    }
  };

  static constexpr std::string_view name = "Directory";
  static constexpr bool persistent = true;
  static constexpr storage_hooks hooks{"fault",      "shared_writers", "close",  "keeps_derived",
                                       "open_cache", "open_itself",    "size_of"};

  /// Opens a directory; read_write creates it when it is missing, in a parent that must exist.
  ///
  /// @errors      errc::not_found, errc::not_a_log, errc::permission_denied, errc::io
  /// @durability  the name of a new directory is on stable storage when this returns
  explicit BasicDirectory(const std::filesystem::path& path, open_mode mode,
                          const options& chosen = options{})
      : path_{path}, mode_{mode}, owners_{format::manifest_name, chosen.permissions} {
    const bool created = mode == open_mode::read_write && detail::make_directory<System>(path_);
    handle_ = detail::open_directory<System>(
        path_, mode == open_mode::read_only ? detail::missing_to_read : detail::missing_to_follow);
    if (created) owners_.open_to_readers(handle_.get());
    if (mode == open_mode::read_write) sync_parent(created);
  }

  /// For a directory that holds others' files, too.
  struct shared {};

  /// Opens a directory that must be there, and is not the log's own.
  /// @param owners  decides whose new files are
  /// @errors        errc::not_found, errc::not_a_log, errc::permission_denied, errc::io
  BasicDirectory(shared, const std::filesystem::path& path, open_mode mode,
                 detail::new_file_owners<System> owners)
      : path_{path},
        mode_{mode},
        owners_{std::move(owners)},
        handle_{detail::open_directory<System>(path_, detail::missing_to_create_in)} {}

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> found;
    const int result = detail::retry_interrupted([&] {
      found.clear();
      return System::list(handle_.get(), found);
    });
    detail::require_done(result, "cannot list the directory", path_);
    return found;
  }

  [[nodiscard]] bool exists(std::string_view file_name) const {
    const std::string text = checked_name(file_name);
    const int result =
        detail::retry_interrupted([&] { return System::exists(handle_.get(), text.c_str()); });
    return detail::require_done(result, "cannot look for the file", path_, text) == 1;
  }

  /// Returns the size of a file as it is now; none when there is none of that name any more.
  [[nodiscard]] std::optional<std::uint64_t> size_of(std::string_view file_name) const {
    const std::string text = checked_name(file_name);
    const auto result =
        detail::retry_interrupted([&] { return System::size_of(handle_.get(), text.c_str()); });
    if (result < 0) return std::nullopt;
    return static_cast<std::uint64_t>(result);
  }

  [[nodiscard]] file create(std::string_view file_name) {
    detail::require_writable(mode_, path_);
    const auto inside = gate_->enter(path_);
    auto made = open_as(file_name, platform::file_access::create_new, "cannot create the file");
    owners_.give(made.handle(), handle_.get());
    (void)System::write_in_place(
        made.handle());  // where it cannot be: what docs/durability.md says
    return made;
  }

  [[nodiscard]] file open(std::string_view file_name, open_mode mode) const {
    if (mode == open_mode::read_only) {
      return open_as(file_name, platform::file_access::read_only, "cannot open the file");
    }
    detail::require_writable(mode_, path_);
    const auto inside = gate_->enter(path_);
    return open_as(file_name, platform::file_access::read_write, "cannot open the file");
  }

  /// Opens a file to write it that is no part of the log, also in a directory opened to read.
  [[nodiscard]] file open_cache(std::string_view file_name) const {
    return open_as(file_name, platform::file_access::read_write, "cannot open the file");
  }

  void rename(std::string_view from, std::string_view to) {
    detail::require_writable(mode_, path_);
    const std::string source = checked_name(from);
    const std::string target = checked_name(to);
    const auto inside = gate_->enter(path_);
    const int result = detail::retry_interrupted(
        [&] { return System::rename(handle_.get(), source.c_str(), target.c_str()); });
    detail::require_done(result, "cannot rename the file", path_, source);
  }

  void remove(std::string_view file_name) {
    detail::require_writable(mode_, path_);
    const std::string text = checked_name(file_name);
    const auto inside = gate_->enter(path_);
    const int result =
        detail::retry_interrupted([&] { return System::unlink(handle_.get(), text.c_str()); });
    if (is_no_file(result)) throw_no_file(path_ / text, -result);
    if (result != -ENOENT) detail::require_done(result, "cannot remove the file", path_, text);
  }

  void sync() {
    detail::require_writable(mode_, path_);
    gate_->require_own(path_);
    detail::sync_names<System>(handle_, path_);
  }

  /// Ends the writer's part: no name changes from here on, and nothing is opened to write.
  void close(bool) noexcept { gate_->shut(); }

  /// Opens the directory itself, to lock it: whatever names lead to it, and whatever becomes of its
  /// files. @errors errc::not_found, errc::permission_denied, errc::io
  [[nodiscard]] file open_itself() const {
    return detail::open_unshared<System>([this] {
      return file{detail::open_directory<System>(path_, detail::missing_to_follow), path_};
    });
  }

  /// Tells whether a file has that name here still, and not another or none.
  /// @errors  errc::io
  [[nodiscard]] bool is_named(const file& opened, std::string_view file_name) const {
    const std::string text = checked_name(file_name);
    const int result = detail::retry_interrupted(
        [&] { return System::is_named(opened.handle(), handle_.get(), text.c_str()); });
    return detail::require_done(result, "cannot look for the file", path_, text) == 1;
  }

 private:
  using handle = detail::owned_handle<System>;

  /// Makes the name of a new directory durable. An empty one may be new as well: its maker may have
  /// died before the sync. One with files in it is not: the first file is only made after this.
  void sync_parent(bool created) const {
    if (!created && !names().empty()) return;
    const std::filesystem::path parent = path_ / "..";  // its own, also through a symbolic link
    try {
      detail::sync_names<System>(detail::open_directory<System>(parent, detail::missing_to_follow),
                                 detail::plain_path(parent));
    } catch (const error& failure) {
      // Whoever gave this user a directory in a parent that it may not read has made it durable.
      if (created || failure.condition() != errc::permission_denied) throw;
    }
  }

  [[nodiscard]] std::string checked_name(std::string_view file_name) const {
    detail::require_flat_name(file_name, path_);
    return std::string{file_name};
  }

  [[nodiscard]] file open_as(std::string_view file_name, platform::file_access access,
                             const char* what) const {
    const std::string text = checked_name(file_name);
    std::filesystem::path full = path_ / text;
    const auto opened = detail::retry_interrupted(
        [&] { return System::open_file(handle_.get(), text.c_str(), access); });
    if (is_no_file(opened)) throw_no_file(full, static_cast<int>(-opened));
    if (opened == -EACCES && access == platform::file_access::read_only) {
      throw_errno(EACCES, what, full, "give this user the right to read it");
    }
    handle owner{detail::require_done(opened, what, full)};
    // A fifo or a device opens like a file, but has no size.
    const auto bytes = detail::retry_interrupted([&] { return System::size(owner.get()); });
    if (bytes == -EINVAL) throw_no_file(full, 0);
    detail::require_done(bytes, what, full);
    return file{std::move(owner), std::move(full)};
  }

  /// Tells the errors of opening a symbolic link, a directory, a socket.
  [[nodiscard]] static bool is_no_file(std::int64_t result) {
    return result == -ELOOP || result == -EISDIR || result == -ENXIO;
  }

  [[noreturn]] static void throw_no_file(const std::filesystem::path& path, int os_error) {
    throw error{errc::not_a_log,
                "no regular file",
                {.path = path,
                 .os_error = os_error,
                 .remedy = detail::remedy_for(os_error == EISDIR ? EISDIR : EEXIST)}};
  }

  std::filesystem::path path_;
  open_mode mode_;
  detail::new_file_owners<System> owners_;
  handle handle_;  // none only after a move
  std::unique_ptr<detail::change_gate<System>> gate_ =
      std::make_unique<detail::change_gate<System>>();
};

static_assert(storage_policy<Directory>);

}  // namespace logdb
