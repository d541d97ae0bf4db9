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
#include <logdb/storage/policy.hpp>
#include <logdb/storage/single_file_volume.hpp>

namespace logdb {

namespace detail {

/// Models storage_file over a region, or over a file that stands beside.
template <class System>
class single_file_file {
 public:
  using mapping = directory_mapping<System>;
  using volume = single_file_volume<System>;
  using host = single_file_host<System>;
  using region = single_file_region;

  single_file_file() = default;
  /// Is a region.
  single_file_file(std::shared_ptr<volume> where, std::shared_ptr<host> inside,
                   std::shared_ptr<region> own, std::string_view name)
      : volume_{std::move(where)},
        host_{std::move(inside)},
        region_{std::move(own)},
        path_{volume_->path()},
        lock_name_{std::string{format::lock_name} + "-" + std::string{name}} {}
  /// Stands beside.
  single_file_file(std::shared_ptr<volume> where, directory_file<System> beside,
                   std::string_view name)
      : volume_{std::move(where)},
        beside_{std::move(beside)},
        path_{beside_.path()},
        lock_name_{name} {}
  single_file_file(single_file_file&& other) noexcept { swap(other); }
  single_file_file& operator=(single_file_file&& other) noexcept {
    single_file_file{std::move(other)}.swap(*this);
    return *this;
  }
  ~single_file_file() {
    if (!lock_.is_own()) return;  // a child of a fork closes only its copy
    try {
      unlock();
    } catch (const std::exception&) {
      // Closing the file gives the lock back, too.
    }
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::uint64_t size() const {
    // Acquire: pairs with the release in set_size().
    return region_ ? region_->size.load(std::memory_order_acquire) : beside_.size();
  }

  void allocate(std::uint64_t bytes) {
    if (!region_) return beside_.allocate(bytes);
    const std::uint64_t now = size();
    if (bytes <= now) return;
    grow(now, bytes, single_file_room(bytes));
    host_->allocate(*region_, now, bytes - now);
    host_->set_size(*region_, bytes);
  }

  /// Syncs what it has written after each piece: another's sync of the file would have to wait for
  /// all of it.
  void zero_fill(std::uint64_t offset, std::uint64_t bytes) {
    if (!region_) return beside_.zero_fill(offset, bytes);
    for (std::uint64_t piece = 0; bytes != 0; offset += piece, bytes -= piece) {
      piece = std::min<std::uint64_t>(bytes, zero_piece_bytes);
      write(offset, zero_piece().first(piece));
      if (bytes != piece) sync();
    }
  }

  void resize(std::uint64_t bytes) {
    if (!region_) return beside_.resize(bytes);
    const std::uint64_t now = size();
    if (bytes < now) host_->zero_fill(*region_, bytes, now - bytes);
    if (bytes > now) {
      grow(now, bytes, single_file_room(bytes));
      host_->stretch(*region_, bytes);
    }
    if (bytes != now) host_->set_size(*region_, bytes);
  }

  void write(std::uint64_t offset, bytes_view first, bytes_view second = {}) {
    if (!region_) return beside_.write(offset, first, second);
    const std::uint64_t bytes = first.size() + second.size();
    if (bytes == 0) return;
    const std::uint64_t now = size();
    const bool inside = offset <= now && bytes <= now - offset;
    if (!inside) make_room(now, offset, bytes);
    host_->write(*region_, offset, first, second);
    if (!inside) host_->set_size(*region_, std::max(now, offset + bytes));
  }

  void read(std::uint64_t offset, std::span<std::byte> out) const {
    if (!region_) return beside_.read(offset, out);
    require_there(offset, out.size());
    if (!out.empty()) host_->bytes().read(begin() + offset, out);
  }

  void sync() { region_ ? host_->sync(*region_) : beside_.sync(); }

  [[nodiscard]] mapping map(std::uint64_t offset, std::uint64_t bytes, open_mode mode) const {
    if (!region_) return beside_.map(offset, bytes, mode);
    require_there(offset, bytes);
    return bytes == 0 ? mapping{} : host_->bytes().map(begin() + offset, bytes, mode);
  }
  [[nodiscard]] mapping map_readable(std::uint64_t offset, std::uint64_t bytes) const {
    if (!region_) return beside_.map_readable(offset, bytes);
    require_there(offset, bytes);
    return bytes == 0 ? mapping{} : host_->bytes().map_readable(begin() + offset, bytes);
  }
  void probe(std::uint64_t offset, std::uint64_t bytes) const {
    if (!region_) return beside_.probe(offset, bytes);
    require_there(offset, bytes);
    if (bytes != 0) host_->bytes().probe(begin() + offset, bytes);
  }

  /// Locks a file beside, for a region one that is there for this only; it goes with the lock.
  [[nodiscard]] bool try_lock_exclusive() {
    if (lock_.is_taken()) return true;
    if (region_) beside_ = volume_->open_lock(lock_name_);
    const std::string name = volume_->beside(lock_name_);
    for (;;) {
      if (!beside_.try_lock_exclusive()) return false;
      if (volume_->directory().is_named(beside_, name)) break;
      beside_ = volume_->open_lock(lock_name_);  // whoever had it has just removed it
    }
    lock_.take();
    return true;
  }

  void unlock() {
    if (!lock_.is_own()) return;
    lock_.drop();
    discard();
    beside_.unlock();
  }

  /// Has children of a fork let go of a file beside, and of its locks.
  void unshare() { beside_.unshare(); }

  // --- what Locking<Fcntl> asks of a file beside -----------------------------------------------

  [[nodiscard]] bool try_lock_shared() { return beside_.try_lock_shared(); }
  void unlock_shared() { beside_.unlock(); }
  void lock_range(platform::range_lock kind, std::uint64_t offset, std::uint64_t bytes = 1) {
    beside_.lock_range(kind, offset, bytes);
  }
  [[nodiscard]] bool try_lock_range(platform::range_lock kind, std::uint64_t offset,
                                    std::uint64_t bytes = 1) {
    return beside_.try_lock_range(kind, offset, bytes);
  }
  [[nodiscard]] bool is_on_network() const { return beside_.is_on_network(); }
  /// Tells whether it has its name still: who had it locked alone may have removed it.
  [[nodiscard]] bool is_named() const {
    return volume_->directory().is_named(beside_, volume_->beside(lock_name_));
  }
  /// Takes its name away; requires that it is locked so that nobody else has it.
  void discard() noexcept {
    try {
      // While it is locked: whoever opens it now and gets the lock sees that it has no name.
      volume_->directory().remove(volume_->beside(lock_name_));
    } catch (const std::exception&) {
      // It does not hinder anybody.
    }
  }

 private:
  void swap(single_file_file& other) noexcept {
    volume_.swap(other.volume_);
    host_.swap(other.host_);
    region_.swap(other.region_);
    std::swap(beside_, other.beside_);
    path_.swap(other.path_);
    lock_name_.swap(other.lock_name_);
    std::swap(lock_, other.lock_);
  }

  /// Throws, with the place in the file, unless a stretch lies in the region.
  void require_there(std::uint64_t offset, std::uint64_t bytes) const {
    const std::uint64_t now = size();
    require_inside(begin() + offset, bytes, begin() + now, path_);
  }

  /// Requires that the size was loaded before, with acquire.
  [[nodiscard]] std::uint64_t begin() const {
    return region_->offset.load(std::memory_order_relaxed);
  }

  void grow(std::uint64_t now, std::uint64_t bytes, std::uint64_t room) {
    host_->reserve(*region_, bytes, room);
    if (!host_->is_zero_behind(*region_, now)) host_->zero_fill(*region_, now, bytes - now);
  }

  /// A file that grows as it is written doubles its room: what is moved is moved once more at most.
  void make_room(std::uint64_t now, std::uint64_t offset, std::uint64_t bytes) {
    constexpr std::uint64_t most = format::single_file_bytes_max;
    if (bytes > most || offset > most - bytes) {
      throw error{
          errc::no_space, "a file cannot be so large", {.path = path_, .offset = begin() + offset}};
    }
    host_->reserve(*region_, offset + bytes, 2 * region_->capacity.load(std::memory_order_relaxed));
    if (offset > now && !host_->is_zero_behind(*region_, now)) {
      host_->zero_fill(*region_, now, offset - now);
    }
  }

  std::shared_ptr<volume> volume_;
  std::shared_ptr<host> host_;      // null: beside
  std::shared_ptr<region> region_;  // null: beside
  directory_file<System> beside_;   // of a region: only while it is locked
  std::filesystem::path path_;
  std::string lock_name_;  // of the file beside that is locked
  claim<System> lock_;
};

/// Is the file of a log itself, to be locked whatever names it has.
template <class System>
class single_file_itself {
 public:
  explicit single_file_itself(std::shared_ptr<single_file_volume<System>> of)
      : volume_{std::move(of)} {}
  /// @errors  errc::io
  [[nodiscard]] bool try_lock_exclusive() {
    return volume_->try_lock_itself(platform::range_lock::exclusive);
  }
  [[nodiscard]] bool try_lock_shared() {
    return volume_->try_lock_itself(platform::range_lock::shared);
  }
  void unlock() { volume_->unlock_itself(); }

 private:
  std::shared_ptr<single_file_volume<System>> volume_;
};

}  // namespace detail

/// Keeps a log in one regular file. While it is open its staging and its lock stand beside it,
/// `name-control` and `name-lock`; a close leaves the one file.
///
/// @tparam System  the seam to the system: platform::posix, or what a test puts in its place
/// @threads        any
template <class System = platform::posix>
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
  static constexpr bool shared_writers = true;

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

using SingleFile = BasicSingleFile<>;

static_assert(storage_policy<SingleFile>);

}  // namespace logdb
