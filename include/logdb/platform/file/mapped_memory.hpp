// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The calls of the system that map memory.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

#include <boost/interprocess/exceptions.hpp>

#include <logdb/platform/file/mapped_region.hpp>

namespace logdb::platform {

/// The part of the system that maps files and memory, for platform::posix.
/// @threads  any
struct posix_memory {
  using region = mapped_region;

  /// Maps a part of a file, shared; requires bytes > 0 and the part to lie inside the file.
  static int map(int file, std::uint64_t offset, std::size_t bytes, bool writable, region& out) {
    const detail::mappable_descriptor mappable{file, writable};
    return map_as(mappable, mappable.get_mode(), offset, bytes, out);
  }
  /// Does the same with a view that may be written, which the file does not see.
  static int map_private(int file, std::uint64_t offset, std::size_t bytes, region& out) {
    const detail::mappable_descriptor mappable{file, false};
    return map_as(mappable, boost::interprocess::copy_on_write, offset, bytes, out);
  }

  /// Maps zeroed memory that no other process sees, in huge pages where the kernel has them to
  /// give.
  static int map_anonymous(std::size_t bytes, region& out) {
    void* memory =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return -errno;
    if (bytes >= huge_page_bytes) ::madvise(memory, bytes, MADV_HUGEPAGE);
    region made;
    made.anonymous_ = {static_cast<std::byte*>(memory), detail::unmapper{bytes}};
    out = std::move(made);
    return 0;
  }

  /// Touches every page now, so that later ones cost no fault; does nothing where the kernel
  /// cannot.
  static void populate(std::span<std::byte> memory, bool writable) {
#if defined(MADV_POPULATE_READ) && defined(MADV_POPULATE_WRITE)
    const auto at = reinterpret_cast<std::uintptr_t>(memory.data());
    const std::size_t before = at % page_bytes();
    ::madvise(memory.data() - before, memory.size() + before,
              writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
#else
    (void)memory, (void)writable;
#endif
  }

  /// Returns the bytes of a page of memory.
  static std::size_t page_bytes() {
    static const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return bytes;
  }

 private:
  static constexpr std::size_t huge_page_bytes = std::size_t{2} << 20;

  static int map_as(const detail::mappable_descriptor& mappable, boost::interprocess::mode_t mode,
                    std::uint64_t offset, std::size_t bytes, region& out) {
    try {
      region made;
      made.file_ =
          boost::interprocess::mapped_region{mappable, mode, static_cast<::off_t>(offset), bytes};
      out = std::move(made);
      return 0;
    } catch (const boost::interprocess::interprocess_exception& failure) {
      return failure.get_native_error() != 0 ? -failure.get_native_error() : -EIO;
    }
  }
};

}  // namespace logdb::platform
