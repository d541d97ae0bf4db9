// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `SingleFile`: the Storage policy that keeps a log in one regular file.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/error.hpp>
#include <logdb/fwd.hpp>
#include <logdb/policy/storage.hpp>
#include <logdb/storage/single_file/single_file_file.hpp>
#include <logdb/storage/single_file/single_file_volume.hpp>

namespace logdb {

/// Keeps a log in one regular file. While it is open its staging and its lock stand beside it,
/// `name-control` and `name-lock`; a close leaves the one file.
///
/// @tparam System  the seam to the system: platform::posix, or what a test puts in its place
/// @threads        any
template <class System>
class BasicSingleFile {
 public:
  using system = System;
  using file = detail::single_file_file<System>;
  using mapping = detail::directory_mapping<System>;
  struct options {
    /// a close writes the file anew when more of it than this is dead: 0 always, 1 never
    double compact_ratio = 0.5;
    /// of a new file and of those beside it, whatever the umask says; none: as the file has, 0600
    /// of a new one
    std::filesystem::perms permissions = std::filesystem::perms::none;

    [[nodiscard]] constexpr const char* fault() const {
      const bool possible = compact_ratio >= 0 && compact_ratio <= 1;
      return possible ? detail::fault_of_permissions(permissions)
                      : "storage.compact_ratio must be 0 .. 1";
    }
  };

  static constexpr std::string_view name = "SingleFile";
  static constexpr bool persistent = true;
  static constexpr storage_hooks hooks{"fault",  "shared_writers", "close",       "gone_with",
                                       "locate", "open_cache",     "open_itself", "replacements",
                                       "share",  "size_of"};

  /// Opens a file; with read_write a missing or an empty one will be made by the first change, in a
  /// directory that must exist.
  ///
  /// @errors  errc::not_found, errc::not_a_log, errc::corrupt, errc::format_mismatch,
  ///          errc::permission_denied, errc::io; nothing was changed
  explicit BasicSingleFile(const std::filesystem::path& path, open_mode mode,
                           const options& chosen = options{})
      : volume_{std::make_shared<volume>(path, mode, chosen.permissions)}, options_{chosen} {}

  [[nodiscard]] const std::filesystem::path& path() const { return volume_->path(); }

  /// Returns the names inside, and of those beside the ones that every log may have.
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> found;
    if (const auto host = volume_->look()) {
      for (const auto& [file_name, region] : *host->names()) found.push_back(file_name);
    }
    for (const std::string_view other : {format::control_name, control_draft, format::lock_name}) {
      if (exists(other)) found.emplace_back(other);
    }
    return found;
  }

  [[nodiscard]] bool exists(std::string_view file_name) const {
    detail::require_flat_name(file_name, path());
    if (detail::stands_beside(file_name)) {
      return volume_->directory().exists(volume_->beside(file_name));
    }
    const auto host = volume_->look();
    return host != nullptr && host->find(file_name) != nullptr;
  }

  /// Returns how much of a file inside is there now; none when it is another's turn to look.
  [[nodiscard]] std::optional<std::uint64_t> size_of(std::string_view file_name) const {
    return volume_->size_of(file_name);
  }

  /// Tells where in which file a byte of one of the log's files lies.
  [[nodiscard]] file_place locate(std::string_view file_name, std::uint64_t offset) const {
    if (!detail::stands_beside(file_name)) {
      return {path(), offset + volume_->offset_of(file_name).value_or(0)};
    }
    return {volume_->directory().path() / volume_->beside(file_name), offset};
  }

  [[nodiscard]] file create(std::string_view file_name) {
    require_change(file_name);
    if (detail::stands_beside(file_name)) {
      return {volume_, volume_->directory().create(volume_->beside(file_name)), file_name};
    }
    auto host = volume_->take();
    auto made = host->create(file_name);
    if (made == nullptr) throw_errno(EEXIST, "cannot create " + std::string{file_name}, path());
    return {volume_, std::move(host), std::move(made), file_name};
  }

  [[nodiscard]] file open(std::string_view file_name, open_mode mode) const {
    if (mode == open_mode::read_write) detail::require_writable(volume_->mode(), path());
    detail::require_flat_name(file_name, path());
    if (detail::stands_beside(file_name)) return open_beside(file_name, mode);
    auto host = volume_->look();
    auto found = host == nullptr ? nullptr : host->find(file_name);
    if (found == nullptr) throw_errno(ENOENT, "cannot open " + std::string{file_name}, path());
    return {volume_, std::move(host), std::move(found), file_name};
  }

  /// Opens a file beside to write it, also if the log was opened to read.
  [[nodiscard]] file open_cache(std::string_view file_name) const {
    return {volume_, volume_->directory().open_cache(volume_->beside(file_name)), file_name};
  }

  /// Returns the names of files that are gone, and beside which one of that name stands still: this
  /// file may have been one of them.
  [[nodiscard]] std::vector<std::string> gone_with(std::string_view file_name) const {
    return volume_->gone_with(file_name);
  }
  /// Opens what stands beside one of them.
  [[nodiscard]] file open_of(const std::string& gone, std::string_view file_name,
                             open_mode mode) const {
    return {volume_, volume_->directory().open(volume::beside(gone, file_name), mode), file_name};
  }
  /// Makes what stands beside one of them stand beside this one.
  void take_over(const std::string& gone, std::string_view file_name) {
    require_change(file_name);
    volume_->directory().rename(volume::beside(gone, file_name), volume_->beside(file_name));
  }

  void rename(std::string_view from, std::string_view to) {
    require_change(from);
    require_change(to);
    const bool beside = detail::stands_beside(from);
    if (beside != detail::stands_beside(to)) {
      throw error{errc::invalid_argument, "a file beside the log stays there", {.path = path()}};
    }
    if (beside) return volume_->directory().rename(volume_->beside(from), volume_->beside(to));
    if (!volume_->take()->rename(from, to)) {
      throw_errno(ENOENT, "cannot rename " + std::string{from}, path());
    }
  }

  void remove(std::string_view file_name) {
    require_change(file_name);
    if (detail::stands_beside(file_name)) {
      return volume_->directory().remove(volume_->beside(file_name));
    }
    if (volume_->look() != nullptr) volume_->take()->remove(file_name);
  }

  void sync() {
    detail::require_writable(volume_->mode(), path());
    if (volume_->look() != nullptr) volume_->take()->sync();
  }

  /// Returns the file itself, to lock it: also if it is still to be made.
  [[nodiscard]] detail::single_file_itself<System> open_itself() const {
    return detail::single_file_itself<System>{volume_};
  }

  /// What processes that write it have in common; lies in their control file.
  using shared_line = detail::single_file_line<System>;

  /// Goes on as one of several processes that write it: the first, or beside others. Until close()
  /// the line must stay.
  /// @errors  errc::corrupt, errc::io
  void share(shared_line& line, bool first) { volume_->share(line, first); }

  /// Ends the writer's part: nothing changes from here on, what was opened can still be read. If
  /// all is settled writes the file anew when too much of it is dead; a failure of that costs
  /// nothing but the space.
  void close(bool settled) noexcept { volume_->close(settled, options_.compact_ratio); }

  /// Changes when the file was replaced by another: what is mapped then no longer grows.
  [[nodiscard]] std::uint64_t replacements() const { return volume_->replacements(); }

 private:
  using volume = detail::single_file_volume<System>;

  static constexpr std::string_view control_draft = "control.tmp";

  void require_change(std::string_view file_name) const {
    detail::require_writable(volume_->mode(), path());
    detail::require_flat_name(file_name, path());
    volume_->require_own();
  }

  [[nodiscard]] file open_beside(std::string_view file_name, open_mode mode) const {
    // The one who has the lock may remove it between a look and this: then it is made again.
    const bool is_lock = file_name == format::lock_name && mode == open_mode::read_write;
    auto opened = is_lock ? volume_->open_lock(file_name)
                          : volume_->directory().open(volume_->beside(file_name), mode);
    return {volume_, std::move(opened), file_name};
  }

  std::shared_ptr<volume> volume_;
  options options_;
};

static_assert(storage_policy<SingleFile>);

}  // namespace logdb
