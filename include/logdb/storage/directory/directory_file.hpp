// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A file of a directory, opened: what the storage policies that use files are made of.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <logdb/error.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/platform/posix.hpp>
#include <logdb/platform/process/fork_counter.hpp>
#include <logdb/platform/scoped_lock.hpp>
#include <logdb/policy/storage.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

/// Calls again for as long as a signal interrupts.
template <class Call>
auto retry_interrupted(Call call) {
  for (;;) {
    const auto result = call();
    if (result != -EINTR) return result;
  }
}

/// Throws what a result below 0 means; returns any other.
template <class Result>
Result require_done(Result result, const char* what, const std::filesystem::path& path) {
  if (result < 0) throw_errno(static_cast<int>(-result), what, path);
  return result;
}

/// Does so for a file of a directory. What has been done needs no memory any more.
template <class Result>
Result require_done(Result result, const char* what, const std::filesystem::path& directory,
                    const std::string& file_name) {
  if (result < 0) throw_errno(static_cast<int>(-result), what, directory / file_name);
  return result;
}

/// Says where in a file it failed, for results below 0.
template <class Result>
Result require_done_at(Result result, const char* what, const std::filesystem::path& path,
                       std::uint64_t offset) {
  if (result >= 0) return result;
  const int os_error = static_cast<int>(-result);
  throw error{
      errc_from_errno(os_error), what, {.path = path, .offset = offset, .os_error = os_error}};
}

/// Returns zeros to write from; one block for the process, of memory that the program file does
/// not carry.
inline bytes_view zero_piece() {
  static std::array<std::byte, zero_piece_bytes> zeros;
  return zeros;
}

/// Owns a handle of the system.
template <class System>
class owned_handle {
 public:
  using value_type = typename System::handle;

  owned_handle() = default;
  explicit owned_handle(value_type value) : value_{value} {}
  owned_handle(owned_handle&& other) noexcept
      : value_{std::exchange(other.value_, System::no_handle)},
        unshared_{std::exchange(other.unshared_, false)} {}
  owned_handle& operator=(owned_handle&& other) noexcept {
    owned_handle{std::move(other)}.swap(*this);
    return *this;
  }
  ~owned_handle() {
    if (value_ == System::no_handle) return;
    if (unshared_) System::end_unsharing(value_);
    // The result says nothing that a sync has not said before; Linux closes even when interrupted.
    System::close(value_);
  }

  [[nodiscard]] value_type get() const { return value_; }
  void swap(owned_handle& other) noexcept {
    std::swap(value_, other.value_);
    std::swap(unshared_, other.unshared_);
  }

  /// Has children of a fork let go of it; until it is closed.
  void unshare() {
    if (unshared_) return;
    System::unshare(value_);
    unshared_ = true;
  }

 private:
  value_type value_ = System::no_handle;
  bool unshared_ = false;
};

/// Opens what is to be locked so that no child of a fork ever keeps the lock alive: also if another
/// thread forks meanwhile.
template <class System, class Open>
[[nodiscard]] auto open_unshared(Open open) {
  System::count_forks();
  for (;;) {
    const std::uint32_t begun = System::forks_begun();
    auto opened = open();
    opened.unshare();
    if (System::forks_begun() == begun) return opened;
  }
}

/// Lets the changes of a store's names through until it is shut for good, as it is in a child of a
/// fork. @threads any
template <class System>
class change_gate {
 public:
  using guard = platform::scoped_lock<platform::basic_mutex<System>>;

  change_gate() { opener_.take(); }

  /// Returns what is to be held over a change. @errors errc::closed
  [[nodiscard]] guard enter(const std::filesystem::path& path) {
    require_own(path);  // before the lock: a thread of the parent may have held it
    guard lock{mutex_};
    if (shut_) throw error{errc::closed, "the log was closed", {.path = path}};
    return lock;
  }
  void require_own(const std::filesystem::path& path) const {
    if (opener_.is_own()) return;
    throw error{errc::closed, "it was opened before a fork, by the parent", {.path = path}};
  }
  /// Waits for the change that is under way, and lets no other through.
  void shut() {
    if (!opener_.is_own()) return;
    const guard lock{mutex_};
    shut_ = true;
  }

 private:
  platform::claim<System> opener_;
  platform::basic_mutex<System> mutex_;
  bool shut_ = false;  // guarded by mutex_
};

/// Models storage_mapping over a mapped part of a file.
template <class System>
class directory_mapping {
 public:
  directory_mapping() = default;
  explicit directory_mapping(typename System::region region) : region_{std::move(region)} {}

  [[nodiscard]] std::span<std::byte> bytes() const { return {region_.data(), region_.size()}; }

 private:
  typename System::region region_;
};

/// Models storage_file over an open file; every call is repeated when a signal interrupts it.
template <class System>
class directory_file {
 public:
  using mapping = directory_mapping<System>;
  static constexpr file_hooks hooks{"identify", "map_private", "map_readable", "probe", "unshare"};

  directory_file() = default;
  directory_file(owned_handle<System> handle, std::filesystem::path path)
      : handle_{std::move(handle)}, path_{std::move(path)} {}

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] typename System::handle handle() const { return handle_.get(); }
  /// Has children of a fork let go of it, and of its locks.
  void unshare() { handle_.unshare(); }

  [[nodiscard]] std::uint64_t size() const {
    const auto bytes = retry_interrupted([&] { return System::size(handle_.get()); });
    return static_cast<std::uint64_t>(require_done(bytes, "cannot read the size", path_));
  }

  /// Says which file of its file system it is. @errors errc::io
  [[nodiscard]] platform::file_identity identify() const {
    platform::file_identity found;
    require_done(retry_interrupted([&] { return System::identify(handle_.get(), found); }),
                 "cannot look at the file", path_);
    return found;
  }

  /// Takes real space up to `bytes`; where the file system cannot, writes zeros instead.
  void allocate(std::uint64_t bytes) {
    if (bytes == 0) return;
    const int result = retry_interrupted([&] { return System::allocate(handle_.get(), bytes); });
    if (result != -EOPNOTSUPP) {
      require_done(result, "cannot allocate", path_);
    } else if (const std::uint64_t now = size(); now < bytes) {
      zero_fill(now, bytes - now);
    }
  }

  /// The same from an offset on, where nothing was written yet.
  void allocate(std::uint64_t offset, std::uint64_t bytes) {
    if (bytes == 0) return;
    const int result =
        retry_interrupted([&] { return System::allocate_range(handle_.get(), offset, bytes); });
    if (result == -EOPNOTSUPP) return zero_fill(offset, bytes);
    require_done_at(result, "cannot allocate", path_, offset);
  }

  void zero_fill(std::uint64_t offset, std::uint64_t bytes) {
    while (bytes != 0) {
      const auto piece = std::min<std::uint64_t>(bytes, zero_piece_bytes);
      write(offset, zero_piece().first(piece));
      offset += piece;
      bytes -= piece;
    }
  }

  void resize(std::uint64_t bytes) {
    const int result = retry_interrupted([&] { return System::resize(handle_.get(), bytes); });
    require_done(result, "cannot set the size", path_);
  }

  void write(std::uint64_t offset, bytes_view first, bytes_view second = {}) {
    while (!first.empty() || !second.empty()) {
      const std::size_t written = write_some(offset, first, second);
      const std::size_t of_first = std::min(written, first.size());
      first = first.subspan(of_first);
      second = second.subspan(written - of_first);
      offset += written;
    }
  }

  void read(std::uint64_t offset, std::span<std::byte> out) const {
    while (!out.empty()) {
      const std::size_t got = read_some(offset, out);
      offset += got;
      out = out.subspan(got);
    }
  }

  /// Makes what was written durable. After a failure the kernel has forgotten which pages were
  /// dirty, so the next
  /// sync of this file would lie: write the bytes to another one.
  void sync() {
    const int result = retry_interrupted([&] { return System::sync(handle_.get()); });
    require_done(result, "cannot sync", path_);
  }

  [[nodiscard]] mapping map(std::uint64_t offset, std::uint64_t bytes, open_mode mode) const {
    require_inside(offset, bytes, size(), path_);  // beyond the end lies SIGBUS
    typename System::region region;
    if (bytes != 0) {
      const bool writable = mode == open_mode::read_write;
      const int result = System::map(handle_.get(), offset, bytes, writable, region);
      require_done_at(result, "cannot map", path_, offset);
    }
    return mapping{std::move(region)};
  }

  /// Maps to read what is there and can be read, with zeros where the device refuses. All of it is
  /// read once, by calls: a bad sector under a mapping is a signal, and not an error.
  [[nodiscard]] mapping map_readable(std::uint64_t offset, std::uint64_t bytes) const {
    const std::uint64_t now = size();
    bytes = std::min(bytes, now - std::min(now, offset));
    typename System::region region;
    if (bytes == 0) return mapping{};
    const int result = System::map(handle_.get(), offset, bytes, false, region);
    require_done_at(result, "cannot map", path_, offset);
    std::vector<std::byte> piece(std::min<std::uint64_t>(bytes, read_ahead_bytes));
    for (std::uint64_t at = 0; at < bytes;) {
      const auto out = std::span{piece}.first(std::min<std::uint64_t>(bytes - at, piece.size()));
      const std::int64_t got = retry_interrupted(
          [&] { return System::read(handle_.get(), out.data(), out.size(), offset + at); });
      if (got > 0) {
        at += static_cast<std::uint64_t>(got);
        continue;
      }
      const std::uint64_t page = System::page_bytes();
      const std::uint64_t next = std::min(bytes, (offset + at) / page * page + page - offset);
      require_done_at(region.blank(at, next - at), "cannot map", path_, offset + at);
      at = next;
    }
    return mapping{std::move(region)};
  }

  /// Maps a part to change what is seen of it, and not the file.
  [[nodiscard]] mapping map_private(std::uint64_t offset, std::uint64_t bytes) const {
    require_inside(offset, bytes, size(), path_);
    typename System::region region;
    if (bytes != 0) {
      const int result = System::map_private(handle_.get(), offset, bytes, region);
      require_done_at(result, "cannot map", path_, offset);
    }
    return mapping{std::move(region)};
  }

  /// Reads a stretch by calls and forgets it: what cannot be read is an error here, where under a
  /// mapping it would be a signal.
  void probe(std::uint64_t offset, std::uint64_t bytes) const {
    std::vector<std::byte> piece(std::min<std::uint64_t>(bytes, read_ahead_bytes));
    for (std::uint64_t at = 0; at < bytes; at += piece.size()) {
      read(offset + at, std::span{piece}.first(std::min<std::uint64_t>(bytes - at, piece.size())));
    }
  }

  [[nodiscard]] bool try_lock_exclusive() {
    const int result = retry_interrupted([&] { return System::lock_exclusive(handle_.get()); });
    if (result == -EWOULDBLOCK) return false;
    require_done(result, "cannot lock", path_);
    return true;
  }

  void unlock() {
    const int result = retry_interrupted([&] { return System::unlock(handle_.get()); });
    require_done(result, "cannot unlock", path_);
  }

  /// Takes a lock that any number of open files of that name may have together.
  [[nodiscard]] bool try_lock_shared() {
    const int result = retry_interrupted([&] { return System::lock_shared(handle_.get()); });
    if (result == -EWOULDBLOCK) return false;
    require_done(result, "cannot lock", path_);
    return true;
  }

  void unlock_shared() { unlock(); }

  /// Locks a part of the file for this open file, or gives it back.
  void lock_range(platform::range_lock kind, std::uint64_t offset, std::uint64_t bytes = 1) {
    const int result = retry_interrupted(
        [&] { return System::lock_range(handle_.get(), kind, offset, bytes, true); });
    require_done(result, "cannot lock", path_);
  }
  [[nodiscard]] bool try_lock_range(platform::range_lock kind, std::uint64_t offset,
                                    std::uint64_t bytes = 1) {
    const int result = retry_interrupted(
        [&] { return System::lock_range(handle_.get(), kind, offset, bytes, false); });
    if (result == -EAGAIN) return false;
    require_done(result, "cannot lock", path_);
    return true;
  }

  /// Tells whether other machines can write to it, too.
  [[nodiscard]] bool is_on_network() const {
    const int result = retry_interrupted([&] { return System::is_on_network(handle_.get()); });
    return require_done(result, "cannot look at the file system", path_) == 1;
  }

 private:
  /// Larger writes are cut into such pieces, and each is sent to the disk while the next is copied:
  /// a sync of many then waits half as long.
  static constexpr std::size_t write_bytes_max = std::size_t{1} << 20;
  static constexpr std::size_t read_ahead_bytes = std::size_t{64} << 10;

  /// Writes what one call takes; returns its bytes, never 0.
  std::size_t write_some(std::uint64_t offset, bytes_view first, bytes_view second) {
    first = first.first(std::min(first.size(), write_bytes_max));
    second = second.first(std::min(second.size(), write_bytes_max - first.size()));
    // The system's type for a piece is not const, yet only read.
    const std::array<platform::write_piece, 2> pieces{
        {{const_cast<std::byte*>(first.data()), first.size()},
         {const_cast<std::byte*>(second.data()), second.size()}}};
    std::int64_t result =
        retry_interrupted([&] { return System::write(handle_.get(), pieces.data(), 2, offset); });
    if (result == 0) result = -EIO;  // neither progress nor an error would loop for ever
    require_done_at(result, "cannot write", path_, offset);
    const auto written = static_cast<std::size_t>(result);
    if (written == write_bytes_max) System::begin_sync(handle_.get(), offset, written);
    return written;
  }

  /// Reads what one call gives; returns its bytes, never 0.
  std::size_t read_some(std::uint64_t offset, std::span<std::byte> out) const {
    const std::int64_t got = retry_interrupted(
        [&] { return System::read(handle_.get(), out.data(), out.size(), offset); });
    if (got == 0) require_inside(offset, out.size(), offset, path_);
    // Also what a damaged file says, when it is past any offset that the system can count to.
    if (got == -EINVAL) require_inside(offset, out.size(), size(), path_);
    return static_cast<std::size_t>(require_done_at(got, "cannot read", path_, offset));
  }

  owned_handle<System> handle_;
  std::filesystem::path path_;  // for messages: as it was named when it was opened
};

}  // namespace logdb::detail
