// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `sim_system`: the seam to the simulated machine, of the same shape as platform::posix.

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <logdb/platform/posix.hpp>
#include <logdb/platform/robust_mutex.hpp>
#include <logdb/types.hpp>

#include "objects.hpp"

namespace logdb::sim {

/// Is the system of the world that runs.
///
/// Every call is a place where another task may go on, a power cut may come, and the call may fail.
struct sim_system {
  using handle = world::handle;
  using region = sim_region;
  using thread = sim_thread;
  using robust_mutex = sim_robust_mutex;

  static constexpr handle no_handle = -1;
  static constexpr nanoseconds call_cost = std::chrono::microseconds{1};
  static constexpr nanoseconds sync_cost = std::chrono::microseconds{80};

  // --- names -----------------------------------------------------------------------------------

  static int make_directory(const char* path) {
    const system_call entry{call::make_directory, call_cost, no_handle, path};
    const int fault = entry.fault();
    return fault != 0 ? -fault : entry->storage.make_directory(path);
  }

  static handle open_directory(const char* path) {
    const system_call entry{call::open_directory, call_cost, no_handle, path};
    if (entry.fault() != 0) return -entry.fault();
    std::string plain = std::filesystem::path{path}.lexically_normal().string();
    if (plain.size() > 1 && plain.back() == '/') plain.pop_back();
    if (entry->storage.find(plain) == nullptr) return -ENOENT;
    return entry->add({nullptr, plain, ""});
  }

  static handle open_file(handle directory, const char* name, platform::file_access access) {
    const system_call entry{call::open_file, call_cost, directory, name};
    if (entry.fault() != 0) return -entry.fault();
    const std::string path = entry->find(directory)->directory;
    disk::directory& names = *entry->storage.find(path);
    const auto found = names.now.find(name);
    if (access == platform::file_access::create_new) {
      if (found != names.now.end()) return -EEXIST;
      auto made = std::make_shared<inode>();
      names.change({{{name, made}}});
      return entry->add({std::move(made), path, name});
    }
    if (found == names.now.end()) return -ENOENT;
    return entry->add({found->second, path, name});
  }

  static int close(handle file) {
    const system_call entry{call::close, call_cost, file};
    entry->remove(file);
    return -entry.fault();
  }

  static int list(handle directory, std::vector<std::string>& names) {
    const system_call entry{call::list, call_cost, directory};
    if (entry.fault() != 0) return -entry.fault();
    const auto& now = entry->storage.find(entry->find(directory)->directory)->now;
    for (const auto& [name, file] : now) names.push_back(name);
    return 0;
  }

  static int exists(handle directory, const char* name) {
    const system_call entry{call::exists, call_cost, directory, name};
    if (entry.fault() != 0) return -entry.fault();
    return entry->storage.find(entry->find(directory)->directory)->now.contains(name) ? 1 : 0;
  }

  static int rename(handle directory, const char* from, const char* to) {
    const system_call entry{call::rename, call_cost, directory, from};
    if (entry.fault() != 0) return -entry.fault();
    disk::directory& names = *entry->storage.find(entry->find(directory)->directory);
    return entry->storage.rename(names, from, to);
  }

  static int unlink(handle directory, const char* name) {
    const system_call entry{call::unlink, call_cost, directory, name};
    if (entry.fault() != 0) return -entry.fault();
    disk::directory& names = *entry->storage.find(entry->find(directory)->directory);
    return entry->storage.unlink(names, name);
  }

  static int is_named(handle file, handle directory, const char* name) {
    const system_call entry{call::exists, call_cost, directory, name};
    if (entry.fault() != 0) return -entry.fault();
    const auto& now = entry->storage.find(entry->find(directory)->directory)->now;
    const auto found = now.find(name);
    return found != now.end() && found->second == entry->find(file)->file ? 1 : 0;
  }

  static std::int64_t size_of(handle directory, const char* name) {
    const system_call entry{call::size, call_cost, directory, name};
    if (entry.fault() != 0) return -entry.fault();
    const auto& now = entry->storage.find(entry->find(directory)->directory)->now;
    const auto found = now.find(name);
    return found == now.end() ? -ENOENT : static_cast<std::int64_t>(found->second->size());
  }

  // --- owners: all is one user's -----------------------------------------------------------------

  static constexpr std::uint32_t root = 0;
  static std::uint32_t user() { return 1000; }
  static int owner_of(handle, const char*, platform::file_owner& out) {
    out = {user(), user(), 0600};
    return 0;
  }
  static int set_owner(handle, std::uint32_t, std::uint32_t) { return 0; }
  static int set_permissions(handle, std::uint32_t) { return 0; }
  static int write_in_place(handle) { return 0; }
  static int identify(handle file, platform::file_identity& out) {
    const system_call entry{call::size, call_cost, file};
    if (entry.fault() != 0) return -entry.fault();
    out = {};  // nobody copies a file here
    return 0;
  }

  // --- bytes -----------------------------------------------------------------------------------

  static std::int64_t size(handle file) {
    const system_call entry{call::size, call_cost, file};
    if (entry.fault() != 0) return -entry.fault();
    return static_cast<std::int64_t>(file_of(entry, file).size());
  }

  static std::int64_t write(handle file, const platform::write_piece* pieces, int count,
                            std::uint64_t offset) {
    const system_call entry{call::write, call_cost, file};
    const int fault = entry.fault();
    if (fault != 0 && fault != short_transfer) return -fault;
    std::vector<std::byte> bytes;
    for (const auto& piece : std::span{pieces, static_cast<std::size_t>(count)}) {
      const auto* const from = static_cast<const std::byte*>(piece.iov_base);
      bytes.insert(bytes.end(), from, from + piece.iov_len);
    }
    if (fault == short_transfer) bytes.resize((bytes.size() + 1) / 2);
    if (offset + bytes.size() > pages::room_bytes) return -ENOSPC;
    if (entry->random.one_in(4)) entry->storage.age();
    write_in_two(entry, file_of(entry, file), offset, bytes);
    return static_cast<std::int64_t>(bytes.size());
  }

  /// The disk takes what it wants to when it wants to anyway.
  static void begin_sync(handle, std::uint64_t, std::uint64_t) {}

  static std::int64_t read(handle file, void* out, std::size_t bytes, std::uint64_t offset) {
    const system_call entry{call::read, call_cost, file};
    const int fault = entry.fault();
    if (fault != 0 && fault != short_transfer) return -fault;
    const inode& from = file_of(entry, file);
    if (offset >= from.size()) return 0;
    std::size_t count = std::min<std::size_t>(bytes, from.size() - offset);
    if (fault == short_transfer) count = (count + 1) / 2;
    std::memcpy(out, from.cache()->data() + offset, count);
    return static_cast<std::int64_t>(count);
  }

  static int sync(handle file) {
    const system_call entry{call::sync, call_cost, file};
    const int fault = entry.fault();
    inode& synced = file_of(entry, file);
    entry.last(sync_cost);
    if (fault == 0) synced.sync();
    if (fault != 0 && fault != EINTR) synced.fail_sync(entry->random);
    return -fault;
  }

  static int sync_directory(handle directory) {
    const system_call entry{call::sync_directory, sync_cost, directory};
    if (entry.fault() != 0) return -entry.fault();
    entry->storage.find(entry->find(directory)->directory)->sync();
    return 0;
  }

  static int allocate(handle file, std::uint64_t bytes) {
    const system_call entry{call::allocate, call_cost, file};
    if (entry.fault() != 0) return -entry.fault();
    if (bytes > pages::room_bytes) return -ENOSPC;
    file_of(entry, file).grow(bytes);
    return 0;
  }

  static int allocate_range(handle file, std::uint64_t offset, std::uint64_t bytes) {
    return allocate(file, offset + bytes);
  }

  static int resize(handle file, std::uint64_t bytes) {
    const system_call entry{call::resize, call_cost, file};
    if (entry.fault() != 0) return -entry.fault();
    file_of(entry, file).set_size(bytes);
    return 0;
  }

  // --- memory ----------------------------------------------------------------------------------

  static int map(handle file, std::uint64_t offset, std::size_t bytes, bool writable, region& out) {
    const system_call entry{call::map, call_cost, file};
    if (entry.fault() != 0) return -entry.fault();
    inode& mapped = file_of(entry, file);
    if (writable) mapped.map_writable();
    (void)mapped.cache()->part(offset, bytes);  // may be written from now on
    out = sim_region{mapped.cache(), static_cast<std::size_t>(offset), bytes};
    return 0;
  }

  static int map_private(handle file, std::uint64_t offset, std::size_t bytes, region& out) {
    const system_call entry{call::map, call_cost, file};
    if (entry.fault() != 0) return -entry.fault();
    auto memory = std::make_shared<pages>();
    std::memcpy(memory->part(0, bytes), file_of(entry, file).cache()->part(offset, bytes), bytes);
    out = sim_region{std::move(memory), 0, bytes};
    return 0;
  }

  static int map_anonymous(std::size_t bytes, region& out) {
    const system_call entry{call::map, call_cost};
    if (entry.fault() != 0) return -entry.fault();
    if (bytes > pages::room_bytes) return -ENOMEM;
    auto memory = std::make_shared<pages>();
    (void)memory->part(0, bytes);
    out = sim_region{std::move(memory), 0, bytes};
    return 0;
  }

  static void populate(std::span<std::byte>, bool) {}

  // --- locks -----------------------------------------------------------------------------------

  static int lock_exclusive(handle file) {
    const system_call entry{call::lock, call_cost, file};
    if (entry.fault() != 0) return -entry.fault();
    inode* const locked = entry->find_lockable(file);
    if (locked == nullptr) return -EBADF;
    const auto own = static_cast<std::uint64_t>(file);
    const bool shared = locked->shared_by.size() > locked->shared_by.count(own);
    if (shared || (locked->locked_by != 0 && locked->locked_by != own)) return -EWOULDBLOCK;
    locked->shared_by.erase(own);
    locked->locked_by = own;
    return 0;
  }

  static int lock_shared(handle file) {
    const system_call entry{call::lock, call_cost, file};
    if (entry.fault() != 0) return -entry.fault();
    inode* const locked = entry->find_lockable(file);
    if (locked == nullptr) return -EBADF;
    const auto own = static_cast<std::uint64_t>(file);
    if (locked->locked_by != 0 && locked->locked_by != own) return -EWOULDBLOCK;
    locked->locked_by = 0;
    locked->shared_by.insert(own);
    return 0;
  }

  static int lock_range(handle file, platform::range_lock kind, std::uint64_t offset,
                        std::uint64_t bytes, bool waits) {
    for (;;) {
      {
        const system_call entry{call::lock, call_cost, file};
        if (entry.fault() != 0) return entry.fault() == EWOULDBLOCK ? -EAGAIN : -entry.fault();
        const inode::locked_range wanted{static_cast<std::uint64_t>(file),
                                         kind == platform::range_lock::exclusive, offset,
                                         offset + bytes};
        if (file_of(entry, file).lock(wanted, kind == platform::range_lock::none)) return 0;
        if (!waits) return -EAGAIN;
      }
      yield();
    }
  }

  static int is_on_network(handle) { return 0; }
  static std::uint32_t forks() { return 0; }
  static void count_forks() {}
  static void unshare(handle) {}
  static void end_unsharing(handle) {}
  static std::uint32_t forks_begun() { return 0; }
  static bool is_running(std::uint32_t) { return true; }

  static int unlock(handle file) {
    const system_call entry{call::unlock, call_cost, file};
    if (entry.fault() != 0) return -entry.fault();
    inode* const locked = entry->find_lockable(file);
    if (locked == nullptr) return -EBADF;
    const auto own = static_cast<std::uint64_t>(file);
    if (locked->locked_by == own) locked->locked_by = 0;
    locked->shared_by.erase(own);
    return 0;
  }

  static int futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                        std::optional<nanoseconds> timeout = {}) {
    const system_call entry{call::futex_wait, scheduler::point_cost};
    if (entry.fault() != 0) return -entry.fault();
    return entry->processor.wait(word, expected, timeout);
  }

  static int futex_wake(const std::atomic<std::uint32_t>& word, int waiters) {
    const system_call entry{scheduler::point_cost};
    return entry->processor.wake(&word, waiters);
  }

  static int futex_wait_shared(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                               std::optional<nanoseconds> timeout = {}) {
    return futex_wait(word, expected, timeout);
  }
  static int futex_wake_shared(const std::atomic<std::uint32_t>& word, int waiters) {
    return futex_wake(word, waiters);
  }

  static void yield() { const system_call entry{nullptr}; }

  // --- the machine -----------------------------------------------------------------------------

  static timestamp now() { return timestamp{std::chrono::hours{24 * 365 * 55} + uptime()}; }

  static nanoseconds uptime() {
    const system_call entry{nanoseconds{0}};
    return entry->processor.now();
  }

  static int random(void* out, std::size_t bytes) {
    const system_call entry{call::random, call_cost};
    if (entry.fault() != 0) return -entry.fault();
    auto* const to = static_cast<unsigned char*>(out);
    std::generate_n(to, bytes,
                    [&] { return static_cast<unsigned char>(entry->random.next() & 0xff); });
    return 0;
  }

  static int boot_id(std::array<std::byte, 16>& out) {
    const system_call entry{call::boot_id, call_cost};
    if (entry.fault() != 0) return -entry.fault();
    if (entry->boot == world::no_boot_id) return -ENOENT;
    out = {};
    std::memcpy(out.data(), &entry->boot, sizeof entry->boot);
    return 0;
  }

  static std::uint32_t process_id() { return 4710 + world::current()->processor.process(); }
  static std::size_t page_bytes() { return 4096; }

  /// Lets others run where no call is made: at each access of what is shared. The simulation's own
  /// looks at it, and those of who has no machine any more, are nobody's step.
  static void point() {
    const world* const running = world::current();
    if (running != nullptr && running->in_library) const system_call entry{scheduler::point_cost};
  }

 private:
  /// Writes, sometimes in two parts: a process may be killed, or the power fail, between them.
  static void write_in_two(const system_call& entry, inode& file, std::uint64_t offset,
                           std::span<const std::byte> bytes) {
    std::size_t first = 0;
    if (bytes.size() > sector_bytes && entry->random.one_in(3)) {
      first = sector_bytes * (1 + entry->random.below(bytes.size() / sector_bytes));
      first = std::min(first - offset % sector_bytes, bytes.size());
      file.write(offset, bytes.first(first));
      // Half a write is rare among all the steps, and what follows it needs trying as often.
      for (int i = 0; i < 16 && entry->on_step; ++i) entry->on_step();
    }
    file.write(offset + first, bytes.subspan(first));
  }

  static inode& file_of(const system_call& entry, handle file) { return *entry->find(file)->file; }
};

}  // namespace logdb::sim
