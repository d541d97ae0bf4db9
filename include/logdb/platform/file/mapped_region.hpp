// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `mapped_region`: memory that the system gave, and takes back when its owner goes.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <sys/mman.h>
#include <unistd.h>

#include <boost/interprocess/mapped_region.hpp>

namespace logdb::platform {

struct posix_memory;

namespace detail {

/// Lets Boost.Interprocess map an open descriptor: models its MemoryMappable.
class mappable_descriptor {
 public:
  explicit mappable_descriptor(int descriptor, bool writable)
      : descriptor_{descriptor}, writable_{writable} {}

  [[nodiscard]] boost::interprocess::mapping_handle_t get_mapping_handle() const {
    return boost::interprocess::ipcdetail::mapping_handle_from_file_handle(descriptor_);
  }
  [[nodiscard]] boost::interprocess::mode_t get_mode() const {
    return writable_ ? boost::interprocess::read_write : boost::interprocess::read_only;
  }

 private:
  int descriptor_;
  bool writable_;
};

/// Unmaps anonymous memory.
struct unmapper {
  std::size_t bytes = 0;
  void operator()(std::byte* memory) const { ::munmap(memory, bytes); }
};

}  // namespace detail

/// Mapped memory, of a file or of none; unmapped by the destructor.
///
/// @threads  as an int: const members from any, the others from one
class mapped_region {
 public:
  mapped_region() = default;

  [[nodiscard]] std::byte* data() const {
    return anonymous_ ? anonymous_.get() : static_cast<std::byte*>(file_.get_address());
  }
  [[nodiscard]] std::size_t size() const {
    return anonymous_ ? anonymous_.get_deleter().bytes : file_.get_size();
  }
  [[nodiscard]] std::span<std::byte> bytes() const { return {data(), size()}; }

  /// Puts zeros of this process's own in the place of the pages that a stretch touches: what cannot
  /// be read from their file then costs no signal. Returns 0 or the negative errno.
  int blank(std::size_t offset, std::size_t count) {
    if (count == 0) return 0;
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    const auto first = reinterpret_cast<std::uintptr_t>(data() + offset) & ~(page - 1);
    const auto end = reinterpret_cast<std::uintptr_t>(data() + offset + count);
    constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
    void* const made = ::mmap(reinterpret_cast<void*>(first), end - first, PROT_READ, flags, -1, 0);
    return made == MAP_FAILED ? -errno : 0;
  }

 private:
  friend struct posix_memory;

  boost::interprocess::mapped_region file_;                 // empty when anonymous_ is not
  std::unique_ptr<std::byte, detail::unmapper> anonymous_;  // Boost's own is shared with a fork
};

}  // namespace logdb::platform
