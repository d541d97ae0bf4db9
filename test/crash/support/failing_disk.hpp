// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `failing_disk`: the real system, on which chosen calls on chosen files fail, and on which a
/// failed sync loses what it should have kept, as a kernel that drops its dirty pages does.

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/platform/posix.hpp>

namespace logdb::test {

enum class disk_call { open, write, sync, allocate, rename, sync_directory };

/// Is a System. Its state is static, as the calls are: one test at a time.
struct failing_disk : platform::posix {
  /// Says how a call on a file goes: 0, or a negative errno to fail with.
  using plan = std::function<int(disk_call, std::string_view)>;

  /// Begins anew, without faults.
  static void reset(plan next = {}) {
    const std::lock_guard lock{mutex};
    faults = std::move(next);
    failed_syncs.clear();
    unsynced.clear();
    synced_after_failure = false;
  }
  /// Changes what fails from now on.
  static void set(plan next) {
    const std::lock_guard lock{mutex};
    faults = std::move(next);
  }

  /// Tells whether a sync of a file whose name ends so has failed.
  static bool has_failed(std::string_view ending) {
    const std::lock_guard lock{mutex};
    const auto ends = [ending](const std::string& name) { return name.ends_with(ending); };
    return std::ranges::any_of(failed_syncs, ends);
  }

  static handle open_file(handle directory, const char* name, platform::file_access access) {
    const std::lock_guard lock{mutex};
    if (access == platform::file_access::create_new) {
      if (const int fault = ask(disk_call::open, name); fault != 0) return fault;
      failed_syncs.erase(name);  // another file of that name
      unsynced.erase(name);
    }
    const handle opened = posix::open_file(directory, name, access);
    if (opened >= 0) names[opened] = name;
    return opened;
  }
  static int close(handle file) {
    const std::lock_guard lock{mutex};
    names.erase(file);
    return posix::close(file);
  }
  static std::int64_t write(handle file, const platform::write_piece* pieces, int count,
                            std::uint64_t offset) {
    const std::lock_guard lock{mutex};
    if (const int fault = ask(disk_call::write, names[file]); fault != 0) return fault;
    const std::int64_t written = posix::write(file, pieces, count, offset);
    if (written > 0) unsynced[names[file]].push_back({offset, static_cast<std::size_t>(written)});
    return written;
  }
  static int sync(handle file) {
    const std::lock_guard lock{mutex};
    const std::string& name = names[file];
    if (failed_syncs.contains(name)) synced_after_failure = true;
    const int fault = ask(disk_call::sync, name);
    if (fault != 0) lose(file, name);
    if (fault != 0) failed_syncs.insert(name);
    unsynced.erase(name);
    return fault;  // no test here cuts the power: the kernel's word is enough
  }
  static int sync_directory(handle) {
    const std::lock_guard lock{mutex};
    const int fault = ask(disk_call::sync_directory, "");
    return fault;
  }
  static int allocate(handle file, std::uint64_t bytes) {
    if (before_allocate) before_allocate(name_of(file));
    const std::lock_guard lock{mutex};
    const int fault = ask(disk_call::allocate, names[file]);
    return fault != 0 ? fault : posix::allocate(file, bytes);
  }
  static int rename(handle directory, const char* from, const char* to) {
    const std::lock_guard lock{mutex};
    const int fault = ask(disk_call::rename, to);
    return fault != 0 ? fault : posix::rename(directory, from, to);
  }

  inline static bool synced_after_failure = false;  // of the same file
  /// Is called before each allocation; may wait. Set while no log is open.
  inline static std::function<void(const std::string&)> before_allocate;

 private:
  using range = std::pair<std::uint64_t, std::size_t>;

  static int ask(disk_call call, std::string_view name) { return faults ? faults(call, name) : 0; }

  static std::string name_of(handle file) {
    const std::lock_guard lock{mutex};
    return names[file];
  }

  static void lose(handle file, const std::string& name) {
    for (const auto& [offset, bytes] : unsynced[name]) {
      std::vector<char> zeros(bytes);
      const platform::write_piece piece{zeros.data(), zeros.size()};
      posix::write(file, &piece, 1, offset);
    }
  }

  inline static std::mutex mutex;  // of all
  inline static plan faults;
  inline static std::map<handle, std::string> names;
  inline static std::map<std::string, std::vector<range>> unsynced;
  inline static std::set<std::string> failed_syncs;
};

/// Begins and ends without faults.
struct fresh_disk {
  fresh_disk() { failing_disk::reset(); }
  ~fresh_disk() { failing_disk::reset(); }
};

/// Fails `times` calls of a kind on files whose names end so.
inline failing_disk::plan fail_times(disk_call kind, std::string ending, int failure, int times) {
  return [=](disk_call call, std::string_view name) mutable {
    if (call != kind || !name.ends_with(ending) || times == 0) return 0;
    --times;
    return failure;
  };
}

}  // namespace logdb::test
