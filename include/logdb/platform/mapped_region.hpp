// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `mapped_region`: memory that the system gave, and takes back when its owner goes.

#include <cstddef>
#include <memory>
#include <span>
#include <sys/mman.h>

#include <boost/interprocess/mapped_region.hpp>

namespace logdb::platform {

struct posix;

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

/// Is mapped memory, of a file or of none; unmapped by the destructor.
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

 private:
  friend struct posix;

  boost::interprocess::mapped_region file_;                 // empty when anonymous_ is not
  std::unique_ptr<std::byte, detail::unmapper> anonymous_;  // Boost's own is shared with a fork
};

}  // namespace logdb::platform
