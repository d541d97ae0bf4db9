// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `Disk`: a Storage policy over files in memory that outlive the log and can be copied.

#include <cerrno>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/logdb.hpp>

#include "system.hpp"

namespace logdb::fuzz {

/// Is a file whose syncs and writes can be made to fail.
class disk_file : public logdb::detail::memory_file<fuzz_system> {
 public:
  using base = logdb::detail::memory_file<fuzz_system>;
  using base::base;

  void write(std::uint64_t offset, bytes_view first, bytes_view second = {}) {
    if (fuzz_system::fails(fuzz_system::writes_until_failure)) refuse("cannot write");
    base::write(offset, first, second);
  }
  void sync() const {
    if (fuzz_system::fails(fuzz_system::syncs_until_failure)) refuse("cannot sync");
  }

 private:
  [[noreturn]] void refuse(const char* what) const {
    throw error{errc::io, what, {.path = path(), .os_error = EIO}};
  }
};

/// Is the files of one directory.
class file_set {
 public:
  using blob = logdb::detail::memory_blob<fuzz_system>;
  using blob_map = std::map<std::string, std::shared_ptr<blob>, std::less<>>;

  [[nodiscard]] blob_map& blobs() { return blobs_; }

  void put(const std::string& name, bytes_view content) {
    auto made = std::make_shared<blob>();
    made->write(0, content, name);
    blobs_.insert_or_assign(name, std::move(made));
  }

  [[nodiscard]] static std::vector<std::byte> content(const blob& of) {
    std::vector<std::byte> bytes(of.size());
    of.read(0, bytes, "");
    return bytes;
  }

  [[nodiscard]] std::map<std::string, std::vector<std::byte>> contents() const {
    std::map<std::string, std::vector<std::byte>> all;
    for (const auto& [name, of] : blobs_) all.emplace(name, content(*of));
    return all;
  }

  /// Returns files of their own with the same bytes: what a dead process leaves.
  [[nodiscard]] std::shared_ptr<file_set> copy() const {
    auto made = std::make_shared<file_set>();
    for (const auto& [name, of] : blobs_) made->put(name, content(*of));
    return made;
  }

  [[nodiscard]] std::size_t bytes() const {
    std::size_t sum = 0;
    for (const auto& [name, of] : blobs_) sum += of->size();
    return sum;
  }

 private:
  blob_map blobs_;
};

using file_set_ptr = std::shared_ptr<file_set>;

/// Keeps a log in the files that its options name.
class Disk {
 public:
  using system = fuzz_system;
  using file = disk_file;
  using mapping = logdb::detail::memory_mapping<fuzz_system>;
  struct options {
    file_set_ptr files = std::make_shared<file_set>();
  };

  static constexpr std::string_view name = "Disk";
  static constexpr bool persistent = true;
  static constexpr storage_hooks hooks{};

  explicit Disk(const std::filesystem::path& path, open_mode mode, const options& chosen)
      : path_{path}, mode_{mode}, files_{chosen.files} {}

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& [file_name, content] : files_->blobs()) found.push_back(file_name);
    return found;
  }

  [[nodiscard]] bool exists(std::string_view file_name) const {
    return files_->blobs().contains(file_name);
  }

  [[nodiscard]] file create(std::string_view file_name) {
    logdb::detail::require_writable(mode_, path_);
    auto made = std::make_shared<file_set::blob>();
    if (!files_->blobs().try_emplace(std::string{file_name}, made).second) {
      throw_errno(EEXIST, "cannot create the file", path_ / file_name);
    }
    return file{std::move(made), path_ / file_name};
  }

  [[nodiscard]] file open(std::string_view file_name, open_mode mode) const {
    if (mode == open_mode::read_write) logdb::detail::require_writable(mode_, path_);
    return file{find(file_name)->second, path_ / file_name};
  }

  void rename(std::string_view from, std::string_view to) {
    logdb::detail::require_writable(mode_, path_);
    const auto place = find(from);
    auto content = place->second;
    files_->blobs().erase(place);
    files_->blobs().insert_or_assign(std::string{to}, std::move(content));
  }

  void remove(std::string_view file_name) {
    logdb::detail::require_writable(mode_, path_);
    files_->blobs().erase(std::string{file_name});
  }

  void sync() { logdb::detail::require_writable(mode_, path_); }

 private:
  [[nodiscard]] file_set::blob_map::iterator find(std::string_view file_name) const {
    const auto place = files_->blobs().find(file_name);
    if (place == files_->blobs().end()) {
      throw_errno(ENOENT, "cannot open the file", path_ / file_name);
    }
    return place;
  }

  std::filesystem::path path_;
  open_mode mode_;
  file_set_ptr files_;
};

static_assert(storage_policy<Disk>);

template <class Durable>
using disk_log = basic_log<Storage<Disk>, Durability<Durable>>;

using fsync_log = disk_log<Fsync>;
using async_log = disk_log<Async>;
using none_log = disk_log<None>;

/// Returns options for small files.
template <class Log>
typename Log::options small_options(const file_set_ptr& files) {
  typename Log::options chosen;
  chosen.segment_bytes = 16u << 10;
  chosen.durability.staging_bytes = 32u << 10;
  chosen.index.stride_bytes = 256;
  chosen.storage.files = files;
  return chosen;
}

}  // namespace logdb::fuzz
