// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Replaces the allocation functions of a test program, so that the library's may fail. For one
/// unit of a program.

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "world.hpp"

namespace logdb::sim {

inline void* allocate(std::size_t bytes, std::size_t alignment) {
  world* const machine = world::current();
  if (machine != nullptr && machine->fails_allocation()) throw std::bad_alloc{};
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* const memory = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
  if (memory == nullptr) throw std::bad_alloc{};
  return memory;
}

}  // namespace logdb::sim

// Not inlined: the compiler would take free() for the wrong partner of new.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  return logdb::sim::allocate(bytes, alignof(std::max_align_t));
}
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return logdb::sim::allocate(bytes, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
