// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `require`: ends the process when something that must hold does not; and the largest allocation
/// that an input justifies. Included once a program: it replaces operator new.

#include <cstddef>
#include <cstdint>
#include <new>
#include <stdio.h>
#include <stdlib.h>

namespace logdb::fuzz {

/// Ends the process with a message: that is how a fuzzer learns of a finding.
[[noreturn]] inline void give_up(const char* what) {
  ::fprintf(stderr, "does not hold: %s\n", what);
  ::abort();
}

/// Requires that something holds, also in a build without assertions.
inline void require(bool holds, const char* what) {
  if (!holds) give_up(what);
}

/// Is the largest single allocation that is justified now.
inline std::size_t allocation_bytes_max = SIZE_MAX;

/// Bounds single allocations by the size of an input while it lives.
class justified {
 public:
  explicit justified(std::size_t input_bytes) {
    allocation_bytes_max = (std::size_t{1} << 18) + 8 * input_bytes;
  }
  justified(const justified&) = delete;
  justified& operator=(const justified&) = delete;
  ~justified() { allocation_bytes_max = SIZE_MAX; }
};

/// Takes memory, or ends the process when that much is not justified.
inline void* allocate(std::size_t bytes, std::size_t alignment) {
  if (bytes > allocation_bytes_max) {
    allocation_bytes_max = SIZE_MAX;
    give_up("an allocation is larger than the input justifies");
  }
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  if (void* memory = ::aligned_alloc(alignment, rounded == 0 ? alignment : rounded)) return memory;
  throw std::bad_alloc{};
}

}  // namespace logdb::fuzz

// Clang's ThreadSanitizer brings these itself, and so nothing is bounded there.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LOGDB_FUZZ_BOUNDS_NOTHING
#endif
#endif
#ifndef LOGDB_FUZZ_BOUNDS_NOTHING

// Every form, since a sanitizer brings those that are left out. Not inlined, since g++ then takes
// them for mismatched pairs.
#define LOGDB_FUZZ_ALLOCATION [[gnu::noinline]]

LOGDB_FUZZ_ALLOCATION void* operator new(std::size_t bytes) {
  return logdb::fuzz::allocate(bytes, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
LOGDB_FUZZ_ALLOCATION void* operator new[](std::size_t bytes) { return ::operator new(bytes); }
LOGDB_FUZZ_ALLOCATION void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return ::malloc(bytes == 0 ? 1 : bytes);
}
LOGDB_FUZZ_ALLOCATION void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return ::malloc(bytes == 0 ? 1 : bytes);
}
LOGDB_FUZZ_ALLOCATION void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return logdb::fuzz::allocate(bytes, static_cast<std::size_t>(alignment));
}
LOGDB_FUZZ_ALLOCATION void operator delete(void* memory) noexcept { ::free(memory); }
LOGDB_FUZZ_ALLOCATION void operator delete(void* memory, std::size_t) noexcept { ::free(memory); }
LOGDB_FUZZ_ALLOCATION void operator delete[](void* memory) noexcept { ::free(memory); }
LOGDB_FUZZ_ALLOCATION void operator delete[](void* memory, std::size_t) noexcept { ::free(memory); }
LOGDB_FUZZ_ALLOCATION void operator delete(void* memory, std::align_val_t) noexcept {
  ::free(memory);
}
LOGDB_FUZZ_ALLOCATION void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  ::free(memory);
}

#endif  // LOGDB_FUZZ_BOUNDS_NOTHING
