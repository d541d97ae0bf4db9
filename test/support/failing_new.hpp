// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Replaces the allocation functions of a test program, so that memory may run out. For one unit of
/// a program.

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace logdb::test {

/// Is how many allocations of this thread pass until one fails; below 0: none does.
inline thread_local long allocations_left = -1;

/// Has one allocation of this thread fail in its lifetime, after some that pass.
class failing_allocation {
 public:
  explicit failing_allocation(long passed) { allocations_left = passed; }
  failing_allocation(const failing_allocation&) = delete;
  failing_allocation& operator=(const failing_allocation&) = delete;
  ~failing_allocation() { allocations_left = -1; }
  /// Tells whether it was reached.
  [[nodiscard]] static bool has_failed() { return allocations_left < 0; }
};

/// Says whether an allocation fails for another reason; null: it does not.
inline bool (*also_fails)() = nullptr;

inline void* allocate(std::size_t bytes, std::size_t alignment) {
  if (allocations_left >= 0 && allocations_left-- == 0) throw std::bad_alloc{};
  if (also_fails != nullptr && also_fails()) throw std::bad_alloc{};
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* const memory = std::aligned_alloc(alignment, std::max(rounded, alignment));
  if (memory == nullptr) throw std::bad_alloc{};
  return memory;
}

}  // namespace logdb::test

// Not inlined: the compiler would take free() for the wrong partner of new.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  return logdb::test::allocate(bytes, alignof(std::max_align_t));
}
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return logdb::test::allocate(bytes, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
