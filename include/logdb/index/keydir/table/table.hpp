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
    // Taken out, as its links, sequentially consistent: see reader_gate.
    platform::basic_atomic<System, directory*> pages = nullptr;
  };

  explicit keydir_table(gate_type& gate) : gate_{gate}, limbo_{gate} {
    for (shard& each : shards_) each.pages.store(nullptr, std::memory_order_relaxed);
  }
  keydir_table(const keydir_table&) = delete;
  keydir_table& operator=(const keydir_table&) = delete;
  ~keydir_table() {
    for (shard& each : shards_) drop_all(each);
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
    return search(pages->at(pages->place(wanted)), wanted, std::forward<Is>(is));
  }

  /// Has the processor fetch what a later find() needs. Inside the gate.
  void prefetch(std::uint64_t hash) {
    const directory* const pages = shard_of(hash).pages.load(std::memory_order_seq_cst);
    if (pages == nullptr) return;
    const page_link link = pages->at(pages->place(fingerprint_of(hash)));
    __builtin_prefetch(link.page()->slots() +
                       keydir_page::home(fingerprint_of(hash), link.depth(), link.capacity()));
  }

  /// Makes room so that so many inserts near a hash cannot fail. Under the shard's lock.
  /// @errors  std::bad_alloc; nothing was changed
  void make_room(std::uint64_t hash, std::uint32_t keys = 1) {
    shard& in = shard_of(hash);
    if (in.pages.load(std::memory_order_relaxed) == nullptr) begin(in);
    while (!has_room(in, page_of(in, hash), keys)) {
    }
  }
  /// The same for inserts of all these hashes, in ascending order. Under the locks of their shards.
  void make_room(std::span<const std::uint64_t> hashes) {
    while (!hashes.empty()) {
      shard& in = shard_of(hashes.front());
      if (in.pages.load(std::memory_order_relaxed) == nullptr) begin(in);
      keydir_page& page = page_of(in, hashes.front());
      // Those of one page agree in the bits that choose the shard and the page.
      const unsigned rest = 64 - shard_bits - page.depth;
      const std::uint64_t last = hashes.front() | ((std::uint64_t{1} << rest) - 1);
      const auto there = static_cast<std::size_t>(
          std::upper_bound(hashes.begin(), hashes.end(), last) - hashes.begin());
      if (has_room(in, page, there)) hashes = hashes.subspan(there);
    }
  }

  /// Fills a shard that is empty with keys sorted by hash. Under the shard's lock, or alone.
  /// @errors  std::bad_alloc; the shard stays empty
  /// @cost    a few ns a key: pages are made of the right size
  void fill(std::size_t number, std::span<const hashed_address> keys) {
    if (keys.empty()) return;
    page_list made;
    build_pages(made, keys, 0);
    auto deepest = made.front()->depth;
    for (const auto& page : made) deepest = std::max(deepest, page->depth);
    auto pages = std::make_unique<directory>(deepest);
    std::size_t place = 0;
    for (auto& page : made) {
      const std::size_t width = std::size_t{1} << (pages->depth - page->depth);
      for (std::size_t n = 0; n < width; ++n)
        pages->links[place++].store(page_link{page.get()}.word(), std::memory_order_relaxed);
      count_bytes(keydir_page::bytes_of(page.release()->capacity));
    }
    count_bytes(sizeof(directory) + 8 * pages->size());
    keys_.fetch_add(keys.size(), std::memory_order_relaxed);
    shards_[number].pages.store(pages.release(), std::memory_order_release);
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

  /// A place in the order of hashes, for walking through all keys.
  struct cursor {
    std::size_t shard = 0;
    std::uint64_t fingerprint = 0;
  };

  /// Remembers that a key was used. Inside the gate, or under the shard's lock.
  void touch(std::uint64_t hash, address at) {
    const directory* const pages = shard_of(hash).pages.load(std::memory_order_seq_cst);
    if (pages == nullptr) return;
    auto* const slot =
        pages->at(pages->place(fingerprint_of(hash))).page()->locate(fingerprint_of(hash), at);
    if (slot == nullptr) return;
    slot_word word = slot->load(std::memory_order_relaxed);
    if ((word & slot_recent) != 0 || slot_address(word) != at) return;
    // One that changes meanwhile stays as it is.
    slot->compare_exchange_strong(word, word | slot_recent, std::memory_order_acq_rel);
  }

  /// Puts into `out` the addresses on the next page, round and round, that were not used since the
  /// last time, and forgets of the others that they were; false: it has no key. Inside the gate.
  /// @source  second chance: Corbató, 1968
  bool next_unused(cursor& at, std::vector<address>& out) {
    LOGDB_EXPECTS(gate_.has_reader());
    out.clear();
    if (at.shard == shard_count) at = {};
    const directory* const pages = shards_[at.shard].pages.load(std::memory_order_seq_cst);
    if (pages == nullptr) return at = {at.shard + 1, 0}, false;
    keydir_page& page = *pages->at(pages->place(at.fingerprint)).page();
    bool has_keys = false;
    for (std::uint32_t n = 0; n < page.capacity; ++n) {
      auto& slot = page.slots()[n];
      slot_word word = slot.load(std::memory_order_acquire);
      if (word <= slot_removed) continue;
      has_keys = true;
      if ((word & slot_recent) == 0) out.push_back(slot_address(word));
      if ((word & slot_recent) != 0)
        slot.compare_exchange_strong(word, word & ~slot_recent, std::memory_order_acq_rel);
    }
    return move_on(at, page), has_keys;
  }

  /// Gives back the room that the page at a place has no keys for. Takes the lock of its shard.
  void tighten(const cursor& at) noexcept {
    if (at.shard == shard_count) return;
    shard& in = shards_[at.shard];
    const guard lock{in.lock};
    const directory* const pages = in.pages.load(std::memory_order_relaxed);
    if (pages == nullptr) return;
    keydir_page& page = *pages->at(pages->place(at.fingerprint)).page();
    try {
      if (roomy_capacity(page.live) < page.capacity) replace(in, page, page.live);
    } catch (const std::bad_alloc&) {
      // It stays as it is.
    }
  }

  /// Tells whether the key with this hash stands at just this address. Inside the gate.
  [[nodiscard]] bool holds(std::uint64_t hash, address at) {
    return find(hash, [at](address found) { return found == at; }) != 0;
  }

  /// Puts the addresses of the next page into `out` and moves on; false: there is none. A key that
  /// is there all the while is met just once. Inside the gate.
  bool next_page(cursor& at, std::vector<address>& out) {
    LOGDB_EXPECTS(gate_.has_reader());
    out.clear();
    if (at.shard == shard_count) return false;
    const directory* const pages = shards_[at.shard].pages.load(std::memory_order_seq_cst);
    if (pages == nullptr) return ++at.shard, true;
    keydir_page& page = *pages->at(pages->place(at.fingerprint)).page();
    for (std::uint32_t n = 0; n < page.capacity; ++n) {
      // Acquire: pairs with the stores of writers.
      const slot_word word = page.slots()[n].load(std::memory_order_acquire);
      if (word > slot_removed && slot_fingerprint(word) >= at.fingerprint) {
        out.push_back(slot_address(word));
      }
    }
    move_on(at, page);
    return true;
  }

  /// Returns how many keys it holds.
  [[nodiscard]] std::uint64_t size() const { return keys_.load(std::memory_order_relaxed); }
  /// Returns the memory of its pages and directories.
  [[nodiscard]] std::uint64_t bytes() const {
    return sizeof *this + bytes_.load(std::memory_order_relaxed);
  }

 private:
  static void move_on(cursor& at, const keydir_page& page) {
    const std::uint64_t width = std::uint64_t{1} << (fingerprint_bits - page.depth);
    at.fingerprint = (at.fingerprint & ~(width - 1)) + width;
    if (at.fingerprint > fingerprint_mask) at = {at.shard + 1, 0};
  }

  template <class Is>
  static address search(page_link link, std::uint64_t wanted, Is&& is) {
    const std::uint32_t capacity = link.capacity();
    platform::atomic<slot_word>* const slots = link.page()->slots();
    std::uint32_t place = keydir_page::home(wanted, link.depth(), capacity);
    for (std::uint32_t n = 0; n < capacity; ++n) {
      // Acquire: pairs with the stores of writers, who wrote the record before.
      const slot_word word = slots[place].load(std::memory_order_acquire);
      if (word == 0) return 0;
      if (slot_fingerprint(word) == wanted && word != slot_removed && is(slot_address(word))) {
        return slot_address(word);
      }
      place = place + 1 == capacity ? 0 : place + 1;
    }
    return 0;
  }

  [[nodiscard]] keydir_page& page_of(shard& in, std::uint64_t hash) {
    LOGDB_EXPECTS(in.lock.is_held());  // of who is to change it
    const directory& pages = *in.pages.load(std::memory_order_relaxed);
    return *pages.at(pages.place(fingerprint_of(hash))).page();
  }

  [[nodiscard]] platform::atomic<slot_word>* slot_of(std::uint64_t hash, address at) {
    shard& in = shard_of(hash);
    if (in.pages.load(std::memory_order_relaxed) == nullptr) return nullptr;
    return page_of(in, hash).locate(fingerprint_of(hash), at);
  }

  void begin(shard& in) {
    auto first = std::make_unique<directory>(0u);
    keydir_page* const page = keydir_page::make(16, 0);
    first->links[0].store(page_link{page}.word(), std::memory_order_relaxed);
    count_bytes(keydir_page::bytes_of(16) + sizeof(directory) + 8);
    in.pages.store(first.release(), std::memory_order_release);
  }

  /// Makes room in a page; false: it was split, and some of the keys go to another.
  bool has_room(shard& in, keydir_page& page, std::uint64_t keys) {
    if (page.used + keys <= keydir_page::room(page.capacity)) return true;
    if (page.live + keys <= page_keys_max || page.depth == page_depth_max) {
      return replace(in, page, page.live + keys), true;
    }
    return split(in, page), false;
  }

  /// Puts a page with room for so many keys in the place of one.
  void replace(shard& in, keydir_page& old, std::uint64_t keys) {
    keydir_page* const made = keydir_page::make(roomy_capacity(keys), old.depth);
    copy(old, [made](slot_word) { return made; });
    publish(in, old, {made, made});
  }

  /// Puts two pages in the place of one.
  void split(shard& in, keydir_page& old) {
    if (old.depth == in.pages.load(std::memory_order_relaxed)->depth) widen(in);
    const std::uint64_t bit = std::uint64_t{1} << (fingerprint_bits - 1 - old.depth);
    const auto is_high = [bit](slot_word word) { return (slot_fingerprint(word) & bit) != 0; };
    std::array<std::uint64_t, 2> keys{};
    for_each(old, [&](slot_word word) { ++keys[is_high(word) ? 1 : 0]; });
    const auto make = [&](std::uint64_t count) {
      return keydir_page::make(roomy_capacity(count), old.depth + 1);
    };
    keydir_page* const low = make(keys[0]);
    keydir_page* high = nullptr;
    try {
      high = make(keys[1]);
    } catch (...) {
      keydir_page::drop(low);
      throw;
    }
    copy(old, [&](slot_word word) { return is_high(word) ? high : low; });
    publish(in, old, {low, high});
  }

  template <class Visit>
  static void for_each(keydir_page& page, Visit visit) {
    for (std::uint32_t n = 0; n < page.capacity; ++n) {
      const slot_word word = page.slots()[n].load(std::memory_order_relaxed);
      if (word > slot_removed) visit(word);
    }
  }

  template <class Target>
  static void copy(keydir_page& from, Target target) {
    for_each(from, [&](slot_word word) {
      target(word)->insert(slot_fingerprint(word), slot_address(word), word & slot_recent);
    });
  }

  /// Links two pages, or one twice, in the place of another, half and half.
  void publish(shard& in, keydir_page& old, std::array<keydir_page*, 2> made) noexcept {
    directory& pages = *in.pages.load(std::memory_order_relaxed);
    const std::size_t width = std::size_t{1} << (pages.depth - old.depth);
    std::size_t place = 0;
    while (pages.at(place).page() != &old) ++place;
    for (std::size_t n = 0; n < width; ++n) {
      pages.links[place + n].store(page_link{made[n < (width + 1) / 2 ? 0 : 1]}.word(),
                                   std::memory_order_seq_cst);
    }
    count_bytes(keydir_page::bytes_of(made[0]->capacity));
    if (made[1] != made[0]) count_bytes(keydir_page::bytes_of(made[1]->capacity));
    count_bytes(-keydir_page::bytes_of(old.capacity));
    limbo_.put(old);
  }

  /// Doubles a directory.
  void widen(shard& in) {
    directory& old = *in.pages.load(std::memory_order_relaxed);
    auto made = std::make_unique<directory>(old.depth + 1);
    for (std::size_t n = 0; n < made->size(); ++n) {
      made->links[n].store(old.at(n / 2).word(), std::memory_order_relaxed);
    }
    count_bytes(8 * old.size());
    in.pages.store(made.release(), std::memory_order_seq_cst);
    limbo_.put(old);
  }

  static void drop_all(shard& in) {
    directory* const pages = in.pages.load(std::memory_order_relaxed);
    if (pages == nullptr) return;
    keydir_page* last = nullptr;
    for (std::size_t n = 0; n < pages->size(); ++n) {
      keydir_page* const page = pages->at(n).page();
      if (page != last) keydir_page::drop(page);
      last = page;
    }
    delete pages;
  }

  void count_bytes(std::uint64_t bytes) { bytes_.fetch_add(bytes, std::memory_order_relaxed); }

  gate_type& gate_;
  std::array<shard, shard_count> shards_;
  limbo<System> limbo_;
  alignas(64) platform::atomic<std::uint64_t> keys_ = 0;
  platform::atomic<std::uint64_t> bytes_ = 0;
};

}  // namespace logdb::detail
