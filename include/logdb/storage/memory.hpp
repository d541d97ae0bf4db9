// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `Memory`: the Storage policy that keeps the files of a log in this process, for as long as it
/// is used.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/error.hpp>
#include <logdb/fwd.hpp>
#include <logdb/platform/expects.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/platform/posix.hpp>
#include <logdb/policy/storage.hpp>
#include <logdb/types.hpp>

namespace logdb {

namespace detail {

/// The content of one file in memory; its users share it.
///
/// @threads  any; bytes that are written while they are read through a mapping are the caller's
/// to order
template <class System>
class memory_blob {
 public:
  using region = typename System::region;

  [[nodiscard]] std::uint64_t size() const {
    const std::lock_guard lock{mutex_};
    return size_;
  }

  void grow(std::uint64_t bytes, const std::filesystem::path& path) {
    const std::lock_guard lock{mutex_};
    reserve(bytes, path);
    size_ = std::max(size_, bytes);
  }

  void resize(std::uint64_t bytes, const std::filesystem::path& path) {
    const std::lock_guard lock{mutex_};
    reserve(bytes, path);
    // What is cut off must not come back when the file grows again.
    if (bytes < size_) std::memset(region_->data() + bytes, 0, size_ - bytes);
    size_ = bytes;
  }

  void write(std::uint64_t offset, bytes_view bytes, const std::filesystem::path& path) {
    if (bytes.empty()) return;
    const std::lock_guard lock{mutex_};
    reserve(offset + bytes.size(), path);
    std::memcpy(region_->data() + offset, bytes.data(), bytes.size());
    size_ = std::max(size_, offset + bytes.size());
  }

  void read(std::uint64_t offset, std::span<std::byte> out,
            const std::filesystem::path& path) const {
    if (out.empty()) return;
    const std::lock_guard lock{mutex_};
    require_inside(offset, out.size(), size_, path);
    std::memcpy(out.data(), region_->data() + offset, out.size());
  }

  /// Returns the memory. Written through, it never moves again; else it stays as it is when the
  /// file outgrows it.
  [[nodiscard]] std::shared_ptr<const region> pin(std::uint64_t offset, std::uint64_t bytes,
                                                  bool writable,
                                                  const std::filesystem::path& path) {
    const std::lock_guard lock{mutex_};
    require_inside(offset, bytes, size_, path);
    written_through_ = written_through_ || writable;
    return region_;
  }

  [[nodiscard]] bool try_lock_exclusive() {
    const std::lock_guard lock{mutex_};
    return !std::exchange(locked_, true);
  }

  void unlock() {
    const std::lock_guard lock{mutex_};
    locked_ = false;
  }

 private:
  /// Moves the content when it does not fit. Under the lock.
  void reserve(std::uint64_t bytes, const std::filesystem::path& path) {
    LOGDB_EXPECTS(mutex_.is_held());
    const std::uint64_t capacity = region_ ? region_->size() : 0;
    if (bytes <= capacity) return;
    if (written_through_ && region_.use_count() > 1) {
      throw error{errc::invalid_argument,
                  "a mapped file in memory cannot grow: allocate it first",
                  {.path = path}};
    }
    auto grown = std::make_shared<region>(make_region(std::max(bytes, capacity * 2), path));
    if (size_ != 0) std::memcpy(grown->data(), region_->data(), size_);
    region_ = std::move(grown);
  }

  static region make_region(std::uint64_t bytes, const std::filesystem::path& path) {
    region made;
    const int result = System::map_anonymous(bytes, made);
    if (result == 0) return made;
    throw error{errc::no_space, "cannot take memory", {.path = path, .os_error = -result}};
  }

  mutable platform::basic_mutex<System> mutex_;
  std::shared_ptr<region> region_;  // its size is the capacity; zero from size_ on
  std::uint64_t size_ = 0;
  bool written_through_ = false;  // a writable mapping was made
  bool locked_ = false;
};

/// Models storage_mapping over a part of a blob.
template <class System>
class memory_mapping {
 public:
  memory_mapping() = default;
  memory_mapping(std::shared_ptr<const typename System::region> region, std::uint64_t offset,
                 std::uint64_t bytes)
      : region_{std::move(region)}, offset_{offset}, bytes_{bytes} {}

  [[nodiscard]] std::span<std::byte> bytes() const {
    return region_ ? region_->bytes().subspan(offset_, bytes_) : std::span<std::byte>{};
  }

 private:
  std::shared_ptr<const typename System::region> region_;  // shared: the bytes outlive the blob
  std::uint64_t offset_ = 0;
  std::uint64_t bytes_ = 0;
};

/// Models storage_file over a blob.
template <class System>
class memory_file {
 public:
  using mapping = memory_mapping<System>;
  static constexpr file_hooks hooks{};

  memory_file() = default;
  memory_file(std::shared_ptr<memory_blob<System>> blob, std::filesystem::path path)
      : blob_{std::move(blob)}, path_{std::move(path)} {}
  memory_file(memory_file&& other) noexcept
      : blob_{std::move(other.blob_)},
        path_{std::move(other.path_)},
        locked_{std::exchange(other.locked_, false)} {}
  memory_file& operator=(memory_file&& other) noexcept {
    memory_file{std::move(other)}.swap(*this);
    return *this;
  }
  ~memory_file() { unlock(); }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::uint64_t size() const { return blob_->size(); }

  void allocate(std::uint64_t bytes) { blob_->grow(bytes, path_); }

  void zero_fill(std::uint64_t offset, std::uint64_t bytes) {
    static constexpr std::array<std::byte, 4096> zeros{};
    blob_->grow(offset + bytes, path_);
    for (std::uint64_t done = 0; done < bytes; done += zeros.size()) {
      const auto piece = std::min<std::uint64_t>(bytes - done, zeros.size());
      blob_->write(offset + done, bytes_view{zeros}.first(piece), path_);
    }
  }

  void resize(std::uint64_t bytes) { blob_->resize(bytes, path_); }

  void write(std::uint64_t offset, bytes_view first, bytes_view second = {}) {
    blob_->write(offset, first, path_);
    blob_->write(offset + first.size(), second, path_);
  }

  void read(std::uint64_t offset, std::span<std::byte> out) const {
    blob_->read(offset, out, path_);
  }

  /// Does nothing: memory is as stable as it will be.
  void sync() {}

  /// A mapping to read shows what the file held within its allocation: allocate first what is to be
  /// seen as it is written.
  [[nodiscard]] mapping map(std::uint64_t offset, std::uint64_t bytes, open_mode mode) const {
    auto region = blob_->pin(offset, bytes, mode == open_mode::read_write, path_);
    return bytes == 0 ? mapping{} : mapping{std::move(region), offset, bytes};
  }

  [[nodiscard]] bool try_lock_exclusive() {
    if (!locked_) locked_ = blob_->try_lock_exclusive();
    return locked_;
  }

  void unlock() {
    if (std::exchange(locked_, false)) blob_->unlock();
  }

 private:
  void swap(memory_file& other) noexcept {
    blob_.swap(other.blob_);
    path_.swap(other.path_);
    std::swap(locked_, other.locked_);
  }

  std::shared_ptr<memory_blob<System>> blob_;
  std::filesystem::path path_;  // a label, for messages
  bool locked_ = false;         // this file has the blob's lock
};

}  // namespace detail

/// Keeps the files of a log in memory; they are gone with the last of the log, its readers and
/// its views.
///
/// Two of the same path have nothing in common: the path is a label.
///
/// @tparam System  the seam to the system: platform::posix, or what a test puts in its place
/// @threads        any
template <class System>
class BasicMemory {
 public:
  using system = System;
  using file = detail::memory_file<System>;
  using mapping = detail::memory_mapping<System>;
  struct options {};

  static constexpr std::string_view name = "Memory";
  static constexpr bool persistent = false;
  static constexpr storage_hooks hooks{"keeps_derived"};

  /// Makes an empty set of files.
  explicit BasicMemory(const std::filesystem::path& path, open_mode mode,
                       const options& = options{})
      : path_{path}, mode_{mode}, volume_{std::make_unique<volume>()} {}

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  [[nodiscard]] std::vector<std::string> names() const {
    const std::lock_guard lock{volume_->mutex};
    std::vector<std::string> found;
    for (const auto& [file_name, content] : volume_->blobs) found.push_back(file_name);
    return found;
  }

  [[nodiscard]] bool exists(std::string_view file_name) const {
    detail::require_flat_name(file_name, path_);
    const std::lock_guard lock{volume_->mutex};
    return volume_->blobs.contains(file_name);
  }

  [[nodiscard]] file create(std::string_view file_name) {
    detail::require_writable(mode_, path_);
    detail::require_flat_name(file_name, path_);
    const std::lock_guard lock{volume_->mutex};
    auto made = std::make_shared<blob>();
    const auto [place, is_new] = volume_->blobs.try_emplace(std::string{file_name}, made);
    if (!is_new) throw_errno(EEXIST, "cannot create the file", path_ / file_name);
    return file{std::move(made), path_ / file_name};
  }

  [[nodiscard]] file open(std::string_view file_name, open_mode mode) const {
    if (mode == open_mode::read_write) detail::require_writable(mode_, path_);
    detail::require_flat_name(file_name, path_);
    const std::lock_guard lock{volume_->mutex};
    return file{find(file_name)->second, path_ / file_name};
  }

  void rename(std::string_view from, std::string_view to) {
    detail::require_writable(mode_, path_);
    detail::require_flat_name(from, path_);
    detail::require_flat_name(to, path_);
    const std::lock_guard lock{volume_->mutex};
    const auto place = find(from);
    auto content = place->second;
    volume_->blobs.erase(place);
    volume_->blobs.insert_or_assign(std::string{to}, std::move(content));
  }

  void remove(std::string_view file_name) {
    detail::require_writable(mode_, path_);
    detail::require_flat_name(file_name, path_);
    const std::lock_guard lock{volume_->mutex};
    const auto place = volume_->blobs.find(file_name);
    if (place != volume_->blobs.end()) volume_->blobs.erase(place);
  }

  /// Does nothing: names in memory are as stable as they will be.
  void sync() { detail::require_writable(mode_, path_); }

 private:
  using blob = detail::memory_blob<System>;
  using blob_map = std::map<std::string, std::shared_ptr<blob>, std::less<>>;

  struct volume {
    platform::basic_mutex<System> mutex;
    blob_map blobs;
  };

  /// Returns a file that must be there. Under the lock.
  [[nodiscard]] typename blob_map::iterator find(std::string_view file_name) const {
    LOGDB_EXPECTS(volume_->mutex.is_held());
    const auto place = volume_->blobs.find(file_name);
    if (place == volume_->blobs.end()) {
      throw_errno(ENOENT, "cannot open the file", path_ / file_name);
    }
    return place;
  }

  std::filesystem::path path_;
  open_mode mode_;
  std::unique_ptr<volume> volume_;  // apart, so that the storage can be moved
};

static_assert(storage_policy<Memory>);

}  // namespace logdb
