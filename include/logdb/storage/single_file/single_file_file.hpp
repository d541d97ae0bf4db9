// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A file of a store in one file: a region of it, or one that stands beside.

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <logdb/error.hpp>
#include <logdb/policy/storage.hpp>
#include <logdb/storage/single_file/single_file_volume.hpp>

namespace logdb::detail {

/// Models storage_file over a region, or over a file that stands beside.
template <class System>
class single_file_file {
 public:
  using mapping = directory_mapping<System>;
  using volume = single_file_volume<System>;
  using host = single_file_host<System>;
  using region = single_file_region;
  static constexpr file_hooks hooks{"discard",      "identify", "is_named", "map_private",
                                    "map_readable", "probe",    "unshare"};

  single_file_file() = default;
  /// A region.
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

  /// Says which file it is. A region is known by its store, which nobody copies it out of.
  /// @errors errc::io
  [[nodiscard]] platform::file_identity identify() const {
    return region_ ? platform::file_identity{} : beside_.identify();
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
  /// Maps a part to change what is seen of it, and not the file.
  [[nodiscard]] mapping map_private(std::uint64_t offset, std::uint64_t bytes) const {
    if (!region_) return beside_.map_private(offset, bytes);
    require_there(offset, bytes);
    return bytes == 0 ? mapping{} : host_->bytes().map_private(begin() + offset, bytes);
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
  /// Tells whether it has its name still: its last holder may have removed it.
  [[nodiscard]] bool is_named() const {
    return volume_->directory().is_named(beside_, volume_->beside(lock_name_));
  }
  /// Takes its name away; requires that it is locked so that nobody else has it.
  void discard() noexcept {
    try {
      // While it is locked: the next to get the lock sees that it has no name.
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
  platform::claim<System> lock_;
};

/// The file of a log itself, to be locked whatever names it has.
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

}  // namespace logdb::detail
