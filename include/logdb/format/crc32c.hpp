// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// CRC-32C (Castagnoli): by the processor's instruction where it has one, else slicing by eight.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include <logdb/format/bytes.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/types.hpp>

#if defined(__x86_64__)
#include <nmmintrin.h>
#include <wmmintrin.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace logdb::format {
namespace detail {

inline constexpr std::uint32_t crc32c_polynomial = 0x82f63b78;  // bit-reversed 0x1edc6f41

/// Appends one zero bit to what a CRC register has seen: multiplies by x.
constexpr std::uint32_t crc32c_times_x(std::uint32_t crc) {
  return (crc >> 1) ^ ((crc & 1) != 0 ? crc32c_polynomial : 0);
}

using crc32c_table = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr crc32c_table make_crc32c_table() {
  crc32c_table table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc32c_times_x(crc);
    table[0][byte] = crc;
  }
  for (std::size_t slice = 1; slice < 8; ++slice) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t crc = table[slice - 1][byte];
      table[slice][byte] = (crc >> 8) ^ table[0][crc & 0xff];
    }
  }
  return table;
}

/// `[s][b]` is what byte `b` adds to the register when `s` more bytes follow it.
inline constexpr crc32c_table crc32c_slices = make_crc32c_table();

inline std::uint32_t crc32c_slice(std::uint32_t crc, const std::byte* at) {
  const auto& t = crc32c_slices;
  const std::uint64_t word = load<std::uint64_t>(at) ^ crc;
  const auto byte = [word](int n) { return static_cast<std::size_t>(word >> (8 * n)) & 0xff; };
  return t[7][byte(0)] ^ t[6][byte(1)] ^ t[5][byte(2)] ^ t[4][byte(3)] ^  //
         t[3][byte(4)] ^ t[2][byte(5)] ^ t[1][byte(6)] ^ t[0][byte(7)];
}

/// Computes the CRC without special instructions.
/// @source slicing by eight: Kounavis and Berry, ISCC 2005
inline std::uint32_t crc32c_software(bytes_view bytes, std::uint32_t crc = 0) {
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  crc = ~crc;
  for (; left >= 8; left -= 8, at += 8) crc = crc32c_slice(crc, at);
  for (; left > 0; --left, ++at) {
    crc = (crc >> 8) ^ crc32c_slices[0][(crc ^ static_cast<std::uint32_t>(*at)) & 0xff];
  }
  return ~crc;
}

// What the processor gives: one step of 1, 2, 4 or 8 bytes, and a product of polynomials without
// reduction. Where a stream is split in three, the product joins them; `crc32c_split_words` is the
// length from which that pays.
#if defined(__x86_64__)
#define LOGDB_CRC32C_TARGET __attribute__((target("sse4.2,pclmul")))
#define LOGDB_CRC32C_INLINE __attribute__((target("sse4.2,pclmul"), always_inline)) inline

inline constexpr std::size_t crc32c_split_words = 12;
#if defined(__SSE4_2__) && defined(__PCLMUL__)
inline constexpr bool crc32c_always_hardware = true;
#else
inline constexpr bool crc32c_always_hardware = false;
#endif

inline bool detect_crc32c() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("sse4.2") != 0 && __builtin_cpu_supports("pclmul") != 0;
}
LOGDB_CRC32C_INLINE std::uint32_t crc32c_step(std::uint32_t crc, std::uint8_t data) {
  return _mm_crc32_u8(crc, data);
}
LOGDB_CRC32C_INLINE std::uint32_t crc32c_step(std::uint32_t crc, std::uint16_t data) {
  return _mm_crc32_u16(crc, data);
}
LOGDB_CRC32C_INLINE std::uint32_t crc32c_step(std::uint32_t crc, std::uint32_t data) {
  return _mm_crc32_u32(crc, data);
}
LOGDB_CRC32C_INLINE std::uint32_t crc32c_step(std::uint32_t crc, std::uint64_t data) {
  return static_cast<std::uint32_t>(_mm_crc32_u64(crc, data));
}
LOGDB_CRC32C_INLINE std::uint64_t crc32c_product(std::uint32_t a, std::uint32_t b) {
  const __m128i product = _mm_clmulepi64_si128(_mm_cvtsi32_si128(static_cast<int>(a)),
                                               _mm_cvtsi32_si128(static_cast<int>(b)), 0);
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(product));
}
#elif defined(__aarch64__)
#define LOGDB_CRC32C_TARGET
#define LOGDB_CRC32C_INLINE __attribute__((always_inline)) inline

inline constexpr std::size_t crc32c_split_words = 384;  // the product is a loop here
#if defined(__ARM_FEATURE_CRC32)
inline constexpr bool crc32c_always_hardware = true;
#else
inline constexpr bool crc32c_always_hardware = false;
#endif

inline bool detect_crc32c() {
#if defined(__linux__)
  constexpr unsigned long capability_crc32 = 1UL << 7;  // HWCAP_CRC32
  return (getauxval(AT_HWCAP) & capability_crc32) != 0;
#else
  return crc32c_always_hardware;
#endif
}
// By hand, because the intrinsics exist only where the whole unit is compiled for the extension.
LOGDB_CRC32C_INLINE std::uint32_t crc32c_step(std::uint32_t crc, std::uint8_t data) {
  __asm__(".arch_extension crc\n\tcrc32cb %w0, %w0, %w1" : "+r"(crc) : "r"(data));
  return crc;
}
LOGDB_CRC32C_INLINE std::uint32_t crc32c_step(std::uint32_t crc, std::uint16_t data) {
  __asm__(".arch_extension crc\n\tcrc32ch %w0, %w0, %w1" : "+r"(crc) : "r"(data));
  return crc;
}
LOGDB_CRC32C_INLINE std::uint32_t crc32c_step(std::uint32_t crc, std::uint32_t data) {
  __asm__(".arch_extension crc\n\tcrc32cw %w0, %w0, %w1" : "+r"(crc) : "r"(data));
  return crc;
}
LOGDB_CRC32C_INLINE std::uint32_t crc32c_step(std::uint32_t crc, std::uint64_t data) {
  __asm__(".arch_extension crc\n\tcrc32cx %w0, %w0, %x1" : "+r"(crc) : "r"(data));
  return crc;
}
LOGDB_CRC32C_INLINE std::uint64_t crc32c_product(std::uint32_t a, std::uint32_t b) {
  std::uint64_t product = 0;
  for (int bit = 0; bit < 32; ++bit) {
    product ^= (std::uint64_t{b} << bit) & (0 - std::uint64_t{(a >> bit) & 1});
  }
  return product;
}
#else
inline constexpr bool crc32c_always_hardware = false;
inline bool detect_crc32c() { return false; }
inline std::uint32_t crc32c_hardware(bytes_view bytes, std::uint32_t crc = 0) {
  return crc32c_software(bytes, crc);
}
#endif

#if defined(LOGDB_CRC32C_TARGET)
#define LOGDB_CRC32C_HAS_STEPS 1

inline constexpr std::size_t crc32c_stream_words_max = 128;
using crc32c_shift_table = std::array<std::uint32_t, 2 * crc32c_stream_words_max + 1>;

constexpr crc32c_shift_table make_crc32c_shifts() {
  crc32c_shift_table table{};
  std::uint32_t power = 1;  // x^31: the lowest bit is the highest power
  for (std::size_t words = 1; words < table.size(); ++words) {
    table[words] = power;
    for (int byte = 0; byte < 8; ++byte) power = (power >> 8) ^ crc32c_slices[0][power & 0xff];
  }
  return table;
}

/// `[n]` is x^(64 n - 33): a product with it, then one step, moves a register over `n` words.
inline constexpr crc32c_shift_table crc32c_shifts = make_crc32c_shifts();

/// Runs three streams of `words` words each at once, then joins them.
/// @source Gopal et al., "Fast CRC Computation for iSCSI Polynomial Using CRC32 Instruction", 2011
LOGDB_CRC32C_INLINE std::uint32_t crc32c_three_streams(std::uint32_t first, const std::byte* at,
                                                       std::size_t words) {
  const std::byte* const second_at = at + 8 * words;
  const std::byte* const third_at = second_at + 8 * words;
  std::uint32_t second = 0;
  std::uint32_t third = 0;
  for (std::size_t offset = 0; offset < 8 * words; offset += 8) {
    first = crc32c_step(first, load<std::uint64_t>(at + offset));
    second = crc32c_step(second, load<std::uint64_t>(second_at + offset));
    third = crc32c_step(third, load<std::uint64_t>(third_at + offset));
  }
  const std::uint64_t carried = crc32c_product(first, crc32c_shifts[2 * words]) ^
                                crc32c_product(second, crc32c_shifts[words]);
  return crc32c_step(std::uint32_t{0}, carried) ^ third;
}

LOGDB_CRC32C_INLINE std::uint32_t crc32c_rest(std::uint32_t crc, const std::byte* at,
                                              std::size_t left) {
  for (; left >= 8; left -= 8, at += 8) crc = crc32c_step(crc, load<std::uint64_t>(at));
  if ((left & 4) != 0) crc = crc32c_step(crc, load<std::uint32_t>(at)), at += 4;
  if ((left & 2) != 0) crc = crc32c_step(crc, load<std::uint16_t>(at)), at += 2;
  if ((left & 1) != 0) crc = crc32c_step(crc, load<std::uint8_t>(at));
  return crc;
}

/// Computes the CRC with the processor's instruction; requires `detect_crc32c()`.
LOGDB_CRC32C_TARGET inline std::uint32_t crc32c_hardware(bytes_view bytes, std::uint32_t crc = 0) {
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  crc = ~crc;
  while (left >= 8 * crc32c_split_words) {
    const std::size_t third = left / 24;
    const std::size_t words = third < crc32c_stream_words_max ? third : crc32c_stream_words_max;
    crc = crc32c_three_streams(crc, at, words);
    at += 24 * words;
    left -= 24 * words;
  }
  return ~crc32c_rest(crc, at, left);
}
#endif

// A pointer that starts at a resolver: constant-initialised, so it works before main, and a call
// costs one load. Relaxed, pairs with nothing: both values it can have give the same result.
using crc32c_function = std::uint32_t (*)(bytes_view, std::uint32_t);
inline std::uint32_t crc32c_resolve(bytes_view bytes, std::uint32_t crc);
inline constinit platform::atomic<crc32c_function> crc32c_chosen{&crc32c_resolve};

inline std::uint32_t crc32c_resolve(bytes_view bytes, std::uint32_t crc) {
  const crc32c_function chosen =
      detect_crc32c() ? crc32c_function{&crc32c_hardware} : crc32c_function{&crc32c_software};
  crc32c_chosen.store(chosen, std::memory_order_relaxed);
  return chosen(bytes, crc);
}

}  // namespace detail

/// Tells whether this processor has the instruction, and so whether `crc32c` uses it.
/// @threads any
inline bool crc32c_is_hardware() {
  return detail::crc32c_always_hardware || detail::detect_crc32c();
}

/// Computes the CRC-32C of bytes; "123456789" gives e3069283, no bytes give `crc` back.
///
/// @param crc   the CRC of what stands before, to extend it: crc32c(b, crc32c(a)) is that of a ‖ b
/// @threads     any
/// @cost        O(bytes); about 7 ns for 128 bytes, 30 GB/s for long input with the instruction
[[nodiscard]] inline std::uint32_t crc32c(bytes_view bytes, std::uint32_t crc = 0) {
  if constexpr (detail::crc32c_always_hardware) {
    return detail::crc32c_hardware(bytes, crc);
  } else {
    return detail::crc32c_chosen.load(std::memory_order_relaxed)(bytes, crc);
  }
}

}  // namespace logdb::format
