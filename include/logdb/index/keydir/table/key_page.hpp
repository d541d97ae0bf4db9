// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The pages of an ordered keydir: some keys side by side, in the order of their bytes.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>

#include <logdb/index/keydir/table/reader_gate.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

/// Compares keys as unsigned bytes.
inline int compare_keys(bytes_view a, bytes_view b) {
  const std::size_t common = std::min(a.size(), b.size());
  const int order = common == 0 ? 0 : std::memcmp(a.data(), b.data(), common);
  if (order != 0) return order;
  return a.size() == b.size() ? 0 : a.size() < b.size() ? -1 : 1;
}

/// Frees what lies in one piece of memory and needs no destructor.
inline void free_whole(retired* gone) { ::operator delete(gone); }
struct freed_whole {
  void operator()(retired* gone) const { free_whole(gone); }
};

struct key_page;
using key_page_ptr = std::unique_ptr<key_page, freed_whole>;

/// Some keys in order, which never change; where each ends, and the keys, follow.
struct key_page : retired {
  std::uint32_t count = 0;

  /// Makes a page of keys that are in order. @errors std::bad_alloc
  static key_page_ptr make(std::span<const bytes_view> keys) {
    std::size_t bytes = sizeof(key_page) + keys.size() * sizeof(std::uint32_t);
    for (const bytes_view key : keys) bytes += key.size();
    key_page_ptr made{new (::operator new(bytes)) key_page};
    made->count = static_cast<std::uint32_t>(keys.size());
    made->free = &free_whole;
    auto* const first = reinterpret_cast<std::byte*>(made->ends() + keys.size());
    std::uint32_t end = 0;
    for (std::size_t n = 0; n < keys.size(); ++n) {
      if (!keys[n].empty()) std::memcpy(first + end, keys[n].data(), keys[n].size());
      made->ends()[n] = end += static_cast<std::uint32_t>(keys[n].size());
    }
    return made;
  }

  [[nodiscard]] std::uint32_t* ends() {
    return std::launder(reinterpret_cast<std::uint32_t*>(this + 1));
  }
  [[nodiscard]] const std::uint32_t* ends() const { return const_cast<key_page*>(this)->ends(); }
  [[nodiscard]] bytes_view key(std::size_t n) const {
    const std::uint32_t begin = n == 0 ? 0 : ends()[n - 1];
    return {reinterpret_cast<const std::byte*>(ends() + count) + begin, ends()[n] - begin};
  }
  [[nodiscard]] std::size_t bytes() const {
    return sizeof *this + count * sizeof(std::uint32_t) + (count == 0 ? 0 : ends()[count - 1]);
  }
  /// Returns the index of the first key at or after one.
  [[nodiscard]] std::size_t lower(bytes_view wanted) const {
    std::size_t low = 0;
    for (std::size_t high = count; low != high;) {
      const std::size_t middle = (low + high) / 2;
      const bool is_before = compare_keys(key(middle), wanted) < 0;
      (is_before ? low : high) = is_before ? middle + 1 : middle;
    }
    return low;
  }
};

}  // namespace logdb::detail
