// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What the policies of the Locking axis lock: a file that keeps its name, and the storage itself.

#include <cerrno>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include <logdb/error.hpp>
#include <logdb/policy/storage_traits.hpp>
#include <logdb/storage/directory/directory_file.hpp>

namespace logdb::detail {

template <class Storage>
[[nodiscard]] typename Storage::file open_or_create(Storage& storage, std::string_view name) {
  if (storage.exists(name)) return storage.open(name, open_mode::read_write);
  try {
    return storage.create(name);
  } catch (const error& failure) {
    if (failure.os_error() != EEXIST) throw;  // else somebody made it just now
    return storage.open(name, open_mode::read_write);
  }
}

/// Opens the file that a policy locks. A lock on a name that is gone would exclude nobody: it is
/// never removed, except by a storage whose files tell whether they have their name still.
template <class Storage>
[[nodiscard]] typename Storage::file open_lock_file(Storage& storage, std::string_view name) {
  const auto open = [&] { return open_or_create(storage, name); };
  if constexpr (file_traits<typename Storage::file>::unshares()) {
    return open_unshared<typename Storage::system>(open);
  } else {
    return open();
  }
}

/// Holds what the names of a log stand for, so that a hard link, a mount or a lock file that was
/// removed lets no second writer in. Where the storage or its file system has no such lock the lock
/// file alone keeps others out.
template <class Storage>
class lock_of_itself {
 public:
  explicit lock_of_itself(Storage&) {}
  [[nodiscard]] static bool try_lock_exclusive() { return true; }
  [[nodiscard]] static bool try_lock_shared() { return true; }
  static void unlock() {}
};
template <class Storage>
requires(storage_traits<Storage>::opens_itself()) class lock_of_itself<Storage> {
 public:
  /// @errors  errc::permission_denied, errc::io
  explicit lock_of_itself(Storage& storage) : itself_{storage.open_itself()} {}

  /// Returns false when somebody else has it.
  [[nodiscard]] bool try_lock_exclusive() {
    return attempt([this] { return itself_.try_lock_exclusive(); });
  }
  [[nodiscard]] bool try_lock_shared() {
    return attempt([this] { return itself_.try_lock_shared(); });
  }
  void unlock() noexcept {
    (void)attempt([this] { return itself_.unlock(), true; });
  }

 private:
  /// NFS, for one, locks no directory.
  template <class Call>
  static bool attempt(Call call) {
    try {
      return call();
    } catch (const error&) {
      return true;
    }
  }

  decltype(std::declval<Storage&>().open_itself()) itself_;
};

[[noreturn]] inline void throw_locked(const std::filesystem::path& path, const std::string& who) {
  throw error{errc::locked, "the log is held by " + who, {.path = path}};
}
[[noreturn]] inline void throw_locked_itself(const std::filesystem::path& path) {
  throw_locked(path, "somebody who opened it by another name, or whose lock file was removed");
}

}  // namespace logdb::detail
