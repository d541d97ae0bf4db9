// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The keydir itself: a hash table in memory from keys, which it does not keep, to addresses.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <vector>

#include <logdb/index/keydir/table/page_directory.hpp>
#include <logdb/index/keydir/table/page_keeper.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/expects.hpp>
#include <logdb/platform/scoped_lock.hpp>

namespace logdb::detail {

/// Finds records by the hash of their keys; the caller compares the key with that in the log.
///
/// 1,024 shards, by the first bits of the hash; each is a directory of pages that split one by
/// one, so that no insert ever moves more than one page. Readers take no lock.
///
/// @threads  readers: any, each inside the gate; writers: under the lock of the shard
/// @cost     8 bytes a key, at a load factor of 0.72 to 0.81: about 11 bytes; two or three cache
///           misses to find, one of them the slot's
/// @source   extendible hashing: Fagin et al., TODS 1979
template <class System>
class keydir_table {
 public:
  using mutex = platform::basic_mutex<System>;
  using guard = platform::scoped_lock<mutex>;
  using gate_type = reader_gate<System>;

  static constexpr std::size_t shard_count = std::size_t{1} << shard_bits;

  using directory = page_directory;
  /// A part of the keys with a lock of its own.
  struct alignas(64) shard {
    mutex lock;
    // Odd while a batch changes more than one key: readers look again. Their loads pair with it.
    platform::basic_atomic<System, std::uint32_t> changes = 0;
    // The holder of the lock has nothing in the log yet: pairs with wait_for_writers().
    platform::basic_atomic<System, bool> prepares = false;
    typename page_keeper<System>::root pages = nullptr;
  };

  explicit keydir_table(gate_type& gate) : gate_{gate}, keeper_{gate} {
    for (shard& each : shards_) each.pages.store(nullptr, std::memory_order_relaxed);
  }
  keydir_table(const keydir_table&) = delete;
  keydir_table& operator=(const keydir_table&) = delete;
  ~keydir_table() {
    for (shard& each : shards_) page_keeper<System>::drop_all(each.pages);
  }

  [[nodiscard]] static std::size_t shard_number(std::uint64_t hash) {
    return static_cast<std::size_t>(hash >> (64 - shard_bits));
  }
  [[nodiscard]] shard& shard_at(std::size_t number) { return shards_[number]; }
  [[nodiscard]] shard& shard_of(std::uint64_t hash) { return shards_[shard_number(hash)]; }

  /// Returns when everything that was appended before stands here.
  /// @cost  about 1 µs when nobody writes
  void wait_for_writers() const {
    for (const shard& each : shards_) {
      while (!each.lock.is_free() && !each.prepares.load(std::memory_order_acquire))
        System::yield();
    }
  }

  /// Returns the address for which `is(address)` holds; 0: none. Inside the gate, or the lock.
  template <class Is>
  [[nodiscard]] address find(std::uint64_t hash, Is&& is) {
    LOGDB_EXPECTS(shard_of(hash).lock.is_held() || gate_.has_reader());
    const directory* const pages = shard_of(hash).pages.load(std::memory_order_seq_cst);
    if (pages == nullptr) return 0;
    const std::uint64_t wanted = fingerprint_of(hash);
    return search(pages->link_of(wanted), wanted, std::forward<Is>(is));
  }

  /// Has the processor fetch what a later find() needs. Inside the gate.
  void prefetch(std::uint64_t hash) {
    LOGDB_EXPECTS(gate_.has_reader());
    const directory* const pages = shard_of(hash).pages.load(std::memory_order_seq_cst);
    if (pages == nullptr) return;
    const page_link link = pages->link_of(fingerprint_of(hash));
    __builtin_prefetch(link.page()->slots() +
                       keydir_page::home(fingerprint_of(hash), link.depth(), link.capacity()));
  }

  /// Makes room so that so many inserts near a hash cannot fail. Under the shard's lock.
  /// @errors  std::bad_alloc; nothing was changed
  void make_room(std::uint64_t hash, std::uint32_t keys = 1) {
    shard& in = shard_of(hash);
    if (in.pages.load(std::memory_order_relaxed) == nullptr) keeper_.begin(in.pages);
    while (!keeper_.make_room(in.pages, page_of(in, hash), keys)) {
    }
  }
  /// The same for inserts of all these hashes, in ascending order. Under the locks of their shards.
  void make_room(std::span<const std::uint64_t> hashes) {
    while (!hashes.empty()) {
      shard& in = shard_of(hashes.front());
      if (in.pages.load(std::memory_order_relaxed) == nullptr) keeper_.begin(in.pages);
      keydir_page& page = page_of(in, hashes.front());
      // Those of one page agree in the bits that choose the shard and the page.
      const unsigned rest = 64 - shard_bits - page.depth;
      const std::uint64_t last = hashes.front() | ((std::uint64_t{1} << rest) - 1);
      const auto there = static_cast<std::size_t>(
          std::upper_bound(hashes.begin(), hashes.end(), last) - hashes.begin());
      if (keeper_.make_room(in.pages, page, there)) hashes = hashes.subspan(there);
    }
  }

  /// Fills a shard that is empty with keys sorted by hash. Under the shard's lock, or alone.
  /// @errors  std::bad_alloc; the shard stays empty
  /// @cost    a few ns a key: pages are made of the right size
  void fill(std::size_t number, std::span<const hashed_address> keys) {
    if (keys.empty()) return;
    keeper_.fill(shards_[number].pages, keys);
    keys_.fetch_add(keys.size(), std::memory_order_relaxed);
  }

  /// Inserts a key that is not there. Under the shard's lock, after make_room().
  void insert(std::uint64_t hash, address at) noexcept {
    page_of(shard_of(hash), hash).insert(fingerprint_of(hash), at);
    keys_.fetch_add(1, std::memory_order_relaxed);
  }

  /// Exchanges an address; false: it is not there. Under the shard's lock.
  bool update(std::uint64_t hash, address before, address after) noexcept {
    auto* const slot = slot_of(hash, before);
    if (slot == nullptr) return false;
    // Release: pairs with the loads of readers, who then read the record.
    slot->store(make_slot(fingerprint_of(hash), after) | slot_recent, std::memory_order_release);
    return true;
  }

  /// Forgets a key; false: it is not there. Under the shard's lock.
  bool remove(std::uint64_t hash, address at) noexcept {
    auto* const slot = slot_of(hash, at);
    if (slot == nullptr) return false;
    slot->store(slot_removed, std::memory_order_release);
    --page_of(shard_of(hash), hash).live;
    keys_.fetch_sub(1, std::memory_order_relaxed);
    return true;
  }

  /// Remembers that a key was used. Inside the gate, or under the shard's lock.
  void touch(std::uint64_t hash, address at) {
    LOGDB_EXPECTS(shard_of(hash).lock.is_held() || gate_.has_reader());
    const directory* const pages = shard_of(hash).pages.load(std::memory_order_seq_cst);
    if (pages == nullptr) return;
    auto* const slot =
        pages->link_of(fingerprint_of(hash)).page()->locate(fingerprint_of(hash), at);
    if (slot == nullptr) return;
    slot_word word = slot->load(std::memory_order_relaxed);
    if ((word & slot_recent) != 0 || slot_address(word) != at) return;
    // One that changes meanwhile stays as it is.
    slot->compare_exchange_strong(word, word | slot_recent, std::memory_order_acq_rel);
  }

  /// Gives back the room that the page of a fingerprint in a shard has no keys for. Takes its lock.
  void tighten(std::size_t number, std::uint64_t fingerprint) noexcept {
    shard& in = shards_[number];
    const guard lock{in.lock};
    const directory* const pages = in.pages.load(std::memory_order_relaxed);
    if (pages == nullptr) return;
    try {
      keeper_.tighten(in.pages, *pages->link_of(fingerprint).page());
    } catch (const std::bad_alloc&) {
      // It stays as it is.
    }
  }

  /// Tells whether the key with this hash stands at just this address. Inside the gate.
  [[nodiscard]] bool holds(std::uint64_t hash, address at) {
    return find(hash, [at](address found) { return found == at; }) != 0;
  }

  /// Tells whether any reader is inside; for checks that the caller is.
  [[nodiscard]] bool has_reader() const { return gate_.has_reader(); }

  /// Returns how many keys it holds.
  [[nodiscard]] std::uint64_t size() const { return keys_.load(std::memory_order_relaxed); }
  /// Returns the memory of its pages and directories.
  [[nodiscard]] std::uint64_t bytes() const { return sizeof *this + keeper_.bytes(); }

 private:
  template <class Is>
  static address search(page_link link, std::uint64_t wanted, Is&& is) {
    const std::uint32_t capacity = link.capacity();
    platform::atomic<slot_word>* const slots = link.page()->slots();
    std::uint32_t index = keydir_page::home(wanted, link.depth(), capacity);
    for (std::uint32_t n = 0; n < capacity; ++n) {
      // Acquire: pairs with the stores of writers, who wrote the record before.
      const slot_word word = slots[index].load(std::memory_order_acquire);
      if (word == 0) return 0;
      if (slot_fingerprint(word) == wanted && word != slot_removed && is(slot_address(word))) {
        return slot_address(word);
      }
      index = index + 1 == capacity ? 0 : index + 1;
    }
    return 0;
  }

  [[nodiscard]] keydir_page& page_of(shard& in, std::uint64_t hash) {
    LOGDB_EXPECTS(in.lock.is_held());  // of who is to change it
    const directory& pages = *in.pages.load(std::memory_order_relaxed);
    return *pages.link_of(fingerprint_of(hash)).page();
  }

  [[nodiscard]] platform::atomic<slot_word>* slot_of(std::uint64_t hash, address at) {
    shard& in = shard_of(hash);
    if (in.pages.load(std::memory_order_relaxed) == nullptr) return nullptr;
    return page_of(in, hash).locate(fingerprint_of(hash), at);
  }

  gate_type& gate_;
  std::array<shard, shard_count> shards_;
  page_keeper<System> keeper_;
  alignas(64) platform::atomic<std::uint64_t> keys_ = 0;
};

}  // namespace logdb::detail
