// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `fuzz_system`: the seam to a machine that always does the same: a clock that ticks when it is
/// read, random numbers from a seed, memory from the heap, threads that never run.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>

#include <logdb/platform/posix.hpp>

#include "require.hpp"

namespace logdb::fuzz {

/// Is memory of exactly the size asked for, so that a sanitizer sees the first byte behind it.
class heap_region {
 public:
  heap_region() = default;
  explicit heap_region(std::size_t bytes)
      : memory_{static_cast<std::byte*>(::operator new(bytes, alignment))}, bytes_{bytes} {
    std::memset(memory_.get(), 0, bytes);
  }

  [[nodiscard]] std::byte* data() const { return memory_.get(); }
  [[nodiscard]] std::size_t size() const { return bytes_; }
  [[nodiscard]] std::span<std::byte> bytes() const { return {data(), bytes_}; }

 private:
  static constexpr std::align_val_t alignment{64};
  struct deleter {
    void operator()(std::byte* memory) const { ::operator delete(memory, alignment); }
  };

  std::unique_ptr<std::byte, deleter> memory_;
  std::size_t bytes_ = 0;
};

/// Is a thread that was never started: what it would do ahead, the log then does when it must.
class idle_thread {
 public:
  idle_thread() = default;
  template <class Call>
  explicit idle_thread(Call&&) {}
  [[nodiscard]] static bool joinable() { return false; }
  static void join() {}
};

/// Is the System. Its state is static, as the calls are; reset() before each input.
struct fuzz_system : platform::posix {
  using region = heap_region;
  using thread = idle_thread;

  static constexpr std::int64_t epoch = 1'700'000'000'000'000'000;  // ns since 1970
  static constexpr std::int64_t tick = 1000;                        // ns a reading

  inline static std::int64_t clock = epoch;
  inline static std::uint64_t seed = 1;
  inline static std::uint32_t syncs_until_failure = 0;   ///< the n-th from now fails; 0: none
  inline static std::uint32_t writes_until_failure = 0;  ///< the same of writes

  static void reset() {
    clock = epoch;
    seed = 1;
    syncs_until_failure = writes_until_failure = 0;
  }

  /// Counts a call down; true when it is the one to fail.
  static bool fails(std::uint32_t& until) { return until != 0 && --until == 0; }

  static int map_anonymous(std::size_t bytes, region& out) { return out = region{bytes}, 0; }
  static timestamp now() { return timestamp{std::chrono::nanoseconds{clock += tick}}; }
  static std::chrono::nanoseconds uptime() { return std::chrono::nanoseconds{clock += tick}; }
  static std::uint32_t process_id() { return 4711; }
  static int boot_id(std::array<std::byte, 16>& out) { return out.fill(std::byte{0xb0}), 0; }

  static int random(void* out, std::size_t bytes) {
    auto* const at = static_cast<unsigned char*>(out);
    for (std::size_t n = 0; n < bytes; ++n) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      at[n] = static_cast<unsigned char>(seed >> 56);
    }
    return 0;
  }
};

}  // namespace logdb::fuzz
