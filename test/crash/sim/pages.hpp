// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Bytes of the simulated disk: what is frozen and shared, and the page cache of one file.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <sys/mman.h>
#include <utility>
#include <vector>

namespace logdb::sim {

inline constexpr std::size_t sector_bytes = 512;

constexpr std::size_t sectors_of(std::uint64_t bytes) {
  return static_cast<std::size_t>((bytes + sector_bytes - 1) / sector_bytes);
}

/// Mixes bytes into a number; four lanes, since images are hashed by the hundred thousand.
inline std::uint64_t hash_bytes(std::span<const std::byte> bytes, std::uint64_t seed) {
  constexpr std::uint64_t prime = 0x9e3779b97f4a7c15ULL;
  std::uint64_t lanes[4] = {seed, seed ^ 1, seed ^ 2, seed ^ 3};
  for (std::size_t at = 0, lane = 0; at < bytes.size(); at += 8, ++lane) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, std::min<std::size_t>(8, bytes.size() - at));
    std::uint64_t& own = lanes[lane % 4];
    own = (own ^ word) * prime;
    own ^= own >> 29;
  }
  std::uint64_t all = bytes.size();
  for (const std::uint64_t lane : lanes) all = ((all << 7 | all >> 57) ^ lane) * prime;
  return all ^ (all >> 32);
}

/// Copies bytes at once: from the iterators of a span, libstdc++ 12 copies them one by one.
inline std::vector<std::byte> copy_of(std::span<const std::byte> bytes) {
  return {bytes.data(), bytes.data() + bytes.size()};
}

/// Is bytes that no longer change; hashed at most once.
class frozen_bytes {
 public:
  frozen_bytes() = default;
  explicit frozen_bytes(std::vector<std::byte> bytes) : bytes_{std::move(bytes)} {}

  [[nodiscard]] std::span<const std::byte> all() const { return bytes_; }
  [[nodiscard]] std::uint64_t size() const { return bytes_.size(); }
  /// Returns one sector, shorter at the end; empty behind it.
  [[nodiscard]] std::span<const std::byte> sector(std::size_t index) const {
    const std::size_t begin = std::min(index * sector_bytes, bytes_.size());
    return std::span{bytes_}.subspan(begin, std::min(sector_bytes, bytes_.size() - begin));
  }
  [[nodiscard]] std::uint64_t hash() const {
    if (!hash_) hash_ = hash_bytes(bytes_, 0);
    return *hash_;
  }

 private:
  std::vector<std::byte> bytes_;
  mutable std::optional<std::uint64_t> hash_;
};

using frozen = std::shared_ptr<const frozen_bytes>;

inline frozen freeze(std::vector<std::byte> bytes) {
  return std::make_shared<const frozen_bytes>(std::move(bytes));
}

/// Is the page cache of one file: memory that stays where it is, since it may be mapped.
class pages {
 public:
  static constexpr std::size_t page_bytes = 4096;
  static constexpr std::size_t room_bytes = std::size_t{4} << 20;  // no simulated file is larger

  pages() : owned_{take()}, memory_{owned_.get()} {}
  pages(const pages&) = delete;
  pages& operator=(const pages&) = delete;
  ~pages() {
    std::memset(memory_, 0, used_);
    spare().push_back(std::move(owned_));
  }

  [[nodiscard]] std::byte* data() const { return memory_; }

  /// Returns a part to write to; what lies before it and was never written is zero.
  [[nodiscard]] std::byte* part(std::uint64_t offset, std::uint64_t bytes) {
    used_ = std::max<std::size_t>(used_, static_cast<std::size_t>(offset + bytes));
    return memory_ + offset;
  }

 private:
  struct freer {
    void operator()(std::byte* memory) const { ::munmap(memory, room_bytes); }
  };
  using block = std::unique_ptr<std::byte, freer>;

  /// Holds zeroed memory for the next ones.
  static std::vector<block>& spare() {
    static std::vector<block> kept;
    return kept;
  }

  static block take() {
    if (spare().empty()) return make();
    block memory = std::move(spare().back());
    spare().pop_back();
    return memory;
  }

  static block make() {
    // Zero, and there only once it is used.
    void* const memory = ::mmap(nullptr, room_bytes, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc{};
    return block{static_cast<std::byte*>(memory)};
  }

  block owned_;
  std::byte* memory_;
  std::size_t used_ = 0;  // zero from here on
};

}  // namespace logdb::sim
