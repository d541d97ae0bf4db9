// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The pages of one shard of the keydir, found by the first bits of a fingerprint.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <logdb/index/keydir/table/page.hpp>
#include <logdb/platform/atomic.hpp>

namespace logdb::detail {

/// The pages of one shard: the one of a fingerprint f is at the first `depth` bits of f.
struct page_directory : retired {
  std::uint32_t depth = 0;
  std::unique_ptr<platform::atomic<std::uint64_t>[]> links;

  explicit page_directory(std::uint32_t bits)
      : depth{bits}, links{new platform::atomic<std::uint64_t>[std::size_t{1} << bits] {}} {
    free = [](retired* gone) { delete static_cast<page_directory*>(gone); };
  }
  [[nodiscard]] std::size_t size() const { return std::size_t{1} << depth; }
  [[nodiscard]] page_link at(std::size_t index) const {
    return page_link::of(links[index].load(std::memory_order_seq_cst));  // see reader_gate
  }
  /// Returns the page that a fingerprint belongs to.
  [[nodiscard]] page_link link_of(std::uint64_t fingerprint) const {
    return at(static_cast<std::size_t>(fingerprint >> (fingerprint_bits - depth)));
  }
};

}  // namespace logdb::detail
