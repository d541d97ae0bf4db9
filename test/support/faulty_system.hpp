// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `faulty_system`: the real system, of which a test makes chosen calls fail or fall short.

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <logdb/platform/posix.hpp>

namespace logdb::test {

/// Says how the next calls of one kind go: first `interruptions` times -EINTR, then `failure` if
/// there is one.
struct fault {
  int interruptions = 0;
  int failure = 0;  ///< a negative errno, or 0
  int calls = 0;    ///< how many were made

  /// Returns what the call has to return instead of being done, or 0.
  int next() {
    ++calls;
    if (interruptions == 0) return failure;
    --interruptions;
    return -EINTR;
  }
};

/// Is what a test wants to go wrong, by kind of call.
struct fault_plan {
  fault names, open, size, write, read, sync, sync_directory, allocate, map, lock;
  std::size_t transfer_bytes_max = SIZE_MAX;  ///< what one write or read takes at most
  std::vector<std::uint64_t> begun_syncs;     ///< of which offsets syncs were begun
  int made_in_place = 0;                      ///< how many empty files were asked to be
  bool on_network = false;                    ///< what the file system is said to be
};

/// Is a System of which single calls fail on demand. Its state is static, as the calls are: one
/// test at a time.
struct faulty_system : platform::posix {
  inline static fault_plan faults;

  static int make_directory(const char* path) {
    const int fault = faults.names.next();
    return fault != 0 ? fault : posix::make_directory(path);
  }
  static handle open_directory(const char* path) {
    const int fault = faults.open.next();
    return fault != 0 ? fault : posix::open_directory(path);
  }
  static handle open_file(handle directory, const char* name, platform::file_access access) {
    const int fault = faults.open.next();
    return fault != 0 ? fault : posix::open_file(directory, name, access);
  }
  static int list(handle directory, std::vector<std::string>& names) {
    const int fault = faults.names.next();
    if (fault != 0) names.emplace_back("half a list");
    return fault != 0 ? fault : posix::list(directory, names);
  }
  static int exists(handle directory, const char* name) {
    const int fault = faults.names.next();
    return fault != 0 ? fault : posix::exists(directory, name);
  }
  static int rename(handle directory, const char* from, const char* to) {
    const int fault = faults.names.next();
    return fault != 0 ? fault : posix::rename(directory, from, to);
  }
  static int unlink(handle directory, const char* name) {
    const int fault = faults.names.next();
    return fault != 0 ? fault : posix::unlink(directory, name);
  }
  static std::int64_t size(handle file) {
    const int fault = faults.size.next();
    return fault != 0 ? fault : posix::size(file);
  }
  static std::int64_t write(handle file, const platform::write_piece* pieces, int count,
                            std::uint64_t offset) {
    if (const int fault = faults.write.next(); fault != 0) return fault;
    if (faults.transfer_bytes_max == SIZE_MAX) return posix::write(file, pieces, count, offset);
    platform::write_piece piece = pieces[0].iov_len != 0 ? pieces[0] : pieces[1];
    piece.iov_len = std::min(piece.iov_len, faults.transfer_bytes_max);
    return posix::write(file, &piece, 1, offset);
  }
  static std::int64_t read(handle file, void* out, std::size_t bytes, std::uint64_t offset) {
    if (const int fault = faults.read.next(); fault != 0) return fault;
    return posix::read(file, out, std::min(bytes, faults.transfer_bytes_max), offset);
  }
  static void begin_sync(handle file, std::uint64_t offset, std::uint64_t bytes) {
    faults.begun_syncs.push_back(offset);
    posix::begin_sync(file, offset, bytes);
  }
  static int sync(handle file) {
    const int fault = faults.sync.next();
    return fault != 0 ? fault : posix::sync(file);
  }
  static int sync_directory(handle directory) {
    const int fault = faults.sync_directory.next();
    return fault != 0 ? fault : posix::sync_directory(directory);
  }
  static int allocate(handle file, std::uint64_t bytes) {
    const int fault = faults.allocate.next();
    return fault != 0 ? fault : posix::allocate(file, bytes);
  }
  static int allocate_range(handle file, std::uint64_t offset, std::uint64_t bytes) {
    const int fault = faults.allocate.next();
    return fault != 0 ? fault : posix::allocate_range(file, offset, bytes);
  }
  static int is_named(handle file, handle directory, const char* name) {
    const int fault = faults.names.next();
    return fault != 0 ? fault : posix::is_named(file, directory, name);
  }
  static int map(handle file, std::uint64_t offset, std::size_t bytes, bool writable, region& out) {
    const int fault = faults.map.next();
    return fault != 0 ? fault : posix::map(file, offset, bytes, writable, out);
  }
  static int map_private(handle file, std::uint64_t offset, std::size_t bytes, region& out) {
    const int fault = faults.map.next();
    return fault != 0 ? fault : posix::map_private(file, offset, bytes, out);
  }
  static int map_anonymous(std::size_t bytes, region& out) {
    const int fault = faults.map.next();
    return fault != 0 ? fault : posix::map_anonymous(bytes, out);
  }
  static int write_in_place(handle file) {
    if (posix::size(file) == 0) ++faults.made_in_place;
    return posix::write_in_place(file);
  }
  static int is_on_network(handle file) {
    return faults.on_network ? 1 : posix::is_on_network(file);
  }
  static int lock_exclusive(handle file) {
    const int fault = faults.lock.next();
    return fault != 0 ? fault : posix::lock_exclusive(file);
  }
};

/// Begins and ends without faults.
struct fresh_faults {
  fresh_faults() { faulty_system::faults = {}; }
  ~fresh_faults() { faulty_system::faults = {}; }
};

}  // namespace logdb::test
