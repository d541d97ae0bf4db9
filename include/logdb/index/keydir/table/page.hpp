// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The pages of the keydir: 8 bytes a key, a piece of its hash and the address of its record.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <vector>

#include <logdb/index/keydir/table/reader_gate.hpp>
#include <logdb/light.hpp>
#include <logdb/platform/atomic.hpp>

namespace logdb::detail {

/// Where a record stands in the address space of an open store: 44 bits; 0 is nowhere.
using address = std::uint64_t;

inline constexpr unsigned address_bits = 44;
inline constexpr unsigned fingerprint_bits = 19;
inline constexpr address address_mask = (address{1} << address_bits) - 1;
inline constexpr std::uint64_t fingerprint_mask = (std::uint64_t{1} << fingerprint_bits) - 1;

/// An address with the fingerprint of its key above it, and in the highest bit whether the key
/// was used of late. 0: never used.
using slot_word = std::uint64_t;

inline constexpr slot_word slot_recent = slot_word{1} << 63;

inline constexpr slot_word slot_removed = 1;  // no record stands at address 1

constexpr slot_word make_slot(std::uint64_t fingerprint, address at) {
  return fingerprint << address_bits | at;
}
constexpr address slot_address(slot_word word) { return word & address_mask; }
constexpr std::uint64_t slot_fingerprint(slot_word word) {
  return word >> address_bits & fingerprint_mask;
}

/// Some hundred slots, searched linearly from where the fingerprint says.
///
/// The slots follow the header. A page is changed by one writer at a time and slot by slot, so
/// readers need no lock; what moves slots makes a new page instead.
struct keydir_page : retired {
  std::uint32_t capacity = 0;  // slots, a multiple of 16
  std::uint32_t used = 0;      // slots that are not 0; the writer's
  std::uint32_t live = 0;      // slots with an address; the writer's
  std::uint32_t depth = 0;     // leading bits of the fingerprint that all in here share

  static constexpr std::size_t alignment = 64;

  /// Returns how many slots may be used before searches get long.
  static constexpr std::uint32_t room(std::uint32_t capacity) { return capacity / 16 * 13; }

  /// Returns a capacity with room for so many keys.
  static constexpr std::uint32_t capacity_for(std::uint64_t keys) {
    return static_cast<std::uint32_t>((keys + 12) / 13 * 16);
  }

  static constexpr std::size_t bytes_of(std::uint32_t capacity) {
    return alignment + capacity * sizeof(slot_word);
  }

  static keydir_page* make(std::uint32_t capacity, std::uint32_t depth) {
    void* const room = ::operator new (bytes_of(capacity), std::align_val_t{alignment});
    auto* const made = new (room) keydir_page;
    made->capacity = capacity;
    made->depth = depth;
    made->free = [](retired* gone) { drop(static_cast<keydir_page*>(gone)); };
    std::uninitialized_value_construct_n(made->slots(), capacity);
    return made;
  }
  static void drop(keydir_page* page) { ::operator delete (page, std::align_val_t{alignment}); }

  [[nodiscard]] platform::atomic<slot_word>* slots() {
    return std::launder(reinterpret_cast<platform::atomic<slot_word>*>(
        reinterpret_cast<std::byte*>(this) + alignment));
  }

  /// Puts a key that is not in here into a free slot, of which there is one. The writer's.
  /// @param recent  slot_recent, or 0
  void insert(std::uint64_t fingerprint, address at, slot_word recent = 0) {
    std::uint32_t index = home(fingerprint, depth, capacity);
    for (;; index = index + 1 == capacity ? 0 : index + 1) {
      const slot_word word = slots()[index].load(std::memory_order_relaxed);
      if (word > slot_removed) continue;
      if (word == 0) ++used;
      ++live;
      // Release: pairs with the loads of readers, who then read the record.
      return slots()[index].store(make_slot(fingerprint, at) | recent, std::memory_order_release);
    }
  }

  /// Returns the slot that holds just this, or null. The writer's.
  [[nodiscard]] platform::atomic<slot_word>* locate(std::uint64_t fingerprint, address at) {
    const slot_word wanted = make_slot(fingerprint, at);
    std::uint32_t index = home(fingerprint, depth, capacity);
    for (std::uint32_t n = 0; n < capacity; ++n) {
      const slot_word word = slots()[index].load(std::memory_order_relaxed);
      if ((word & ~slot_recent) == wanted) return &slots()[index];
      if (word == 0) return nullptr;
      index = index + 1 == capacity ? 0 : index + 1;
    }
    return nullptr;
  }

  /// Returns where the search for a fingerprint begins.
  static std::uint32_t home(std::uint64_t fingerprint, std::uint32_t depth,
                            std::uint32_t capacity) {
    const std::uint64_t rest = fingerprint << depth & fingerprint_mask;
    return static_cast<std::uint32_t>(rest * capacity >> fingerprint_bits);
  }
};

static_assert(sizeof(keydir_page) <= keydir_page::alignment);
static_assert(sizeof(platform::atomic<slot_word>) == sizeof(slot_word) &&
              platform::atomic<slot_word>::is_always_lock_free);

/// A page with its capacity and depth in one word, so that finding a slot does not touch the
/// page's header.
class page_link {
 public:
  static constexpr std::uint32_t capacity_max = 0xfff * 16;
  static constexpr std::uint32_t depth_max = 0xf;

  page_link() = default;
  explicit page_link(keydir_page* page)
      : word_{reinterpret_cast<std::uintptr_t>(page) | std::uint64_t{page->capacity / 16} << 48 |
              std::uint64_t{page->depth} << 60} {}
  static page_link of(std::uint64_t word) {
    page_link link;
    link.word_ = word;
    return link;
  }

  [[nodiscard]] std::uint64_t word() const { return word_; }
  [[nodiscard]] keydir_page* page() const {
    return reinterpret_cast<keydir_page*>(word_ & ((std::uint64_t{1} << 48) - 1));
  }
  [[nodiscard]] std::uint32_t capacity() const {
    return static_cast<std::uint32_t>(word_ >> 48 & 0xfff) * 16;
  }
  [[nodiscard]] std::uint32_t depth() const { return static_cast<std::uint32_t>(word_ >> 60); }

 private:
  std::uint64_t word_ = 0;
};

/// Returns the capacity of a page for so many keys and some more.
/// @errors  std::bad_alloc beyond what a link can say
inline std::uint32_t roomy_capacity(std::uint64_t keys) {
  const std::uint32_t capacity = keydir_page::capacity_for(keys + keys / 8 + 1);
  if (capacity > page_link::capacity_max) throw std::bad_alloc{};
  return capacity;
}

inline constexpr unsigned shard_bits = 10;           // of a hash, before the fingerprint
inline constexpr std::uint32_t page_keys_max = 416;  // then a page splits
inline constexpr std::uint32_t page_depth_max = 12;  // but not further

/// Returns the fingerprint of a hash: what follows the shard's bits.
inline std::uint64_t fingerprint_of(std::uint64_t hash) {
  return hash >> (64 - shard_bits - fingerprint_bits) & fingerprint_mask;
}

/// A key's hash and where its record is.
struct hashed_address {
  std::uint64_t hash = 0;
  address at = 0;
};

struct drop_page {
  void operator()(keydir_page* page) const { keydir_page::drop(page); }
};
using page_list = std::vector<std::unique_ptr<keydir_page, drop_page>>;

/// Makes the pages of the keys that share `depth` bits of the fingerprint, in their order.
inline void build_pages(page_list& made, std::span<const hashed_address> keys,
                        std::uint32_t depth) {
  if (keys.size() > page_keys_max && depth < page_depth_max) {
    const std::uint64_t bit = std::uint64_t{1} << (fingerprint_bits - 1 - depth);
    const auto high = light::partition_point(
        keys, [bit](const hashed_address& each) { return (fingerprint_of(each.hash) & bit) == 0; });
    const auto low = static_cast<std::size_t>(high - keys.begin());
    build_pages(made, keys.first(low), depth + 1);
    return build_pages(made, keys.subspan(low), depth + 1);
  }
  made.emplace_back(keydir_page::make(roomy_capacity(keys.size()), depth));
  for (const auto& each : keys) made.back()->insert(fingerprint_of(each.hash), each.at);
}

static_assert(sizeof(void*) == 8, "an address of the user's has 48 bits");

}  // namespace logdb::detail
