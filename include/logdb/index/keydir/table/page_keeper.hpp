// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The making of the keydir's pages: the first of a shard, larger ones, and two in the place of
/// one.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include <logdb/index/keydir/table/page_directory.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/expects.hpp>

namespace logdb::detail {

/// Makes pages, puts them in the place of others, and counts their memory.
///
/// What it takes out is freed once no reader sees it any more.
/// @threads  any, each under the lock of the shard whose pages it changes
template <class System>
class page_keeper {
 public:
  /// The pages of one shard; null: none yet. Taken out, as its links, sequentially consistent: see
  /// reader_gate.
  using root = platform::basic_atomic<System, page_directory*>;

  explicit page_keeper(reader_gate<System>& gate) : limbo_{gate} {}
  page_keeper(const page_keeper&) = delete;
  page_keeper& operator=(const page_keeper&) = delete;

  /// Makes the first page of a shard. @errors std::bad_alloc
  void begin(root& in) {
    auto first = std::make_unique<page_directory>(0u);
    keydir_page* const page = keydir_page::make(16, 0);
    first->links[0].store(page_link{page}.word(), std::memory_order_relaxed);
    count_bytes(keydir_page::bytes_of(16) + sizeof(page_directory) + 8);
    in.store(first.release(), std::memory_order_release);
  }

  /// Makes the pages of a shard that has none, of the right size for these keys, sorted by hash.
  /// @errors  std::bad_alloc; the shard has none still
  void fill(root& in, std::span<const hashed_address> keys) {
    LOGDB_EXPECTS(in.load(std::memory_order_relaxed) == nullptr);
    page_list made;
    build_pages(made, keys, 0);
    auto deepest = made.front()->depth;
    for (const auto& page : made) deepest = std::max(deepest, page->depth);
    auto pages = std::make_unique<page_directory>(deepest);
    std::size_t link = 0;
    for (auto& page : made) {
      const std::size_t width = std::size_t{1} << (pages->depth - page->depth);
      for (std::size_t n = 0; n < width; ++n)
        pages->links[link++].store(page_link{page.get()}.word(), std::memory_order_relaxed);
      count_bytes(keydir_page::bytes_of(page.release()->capacity));
    }
    count_bytes(sizeof(page_directory) + 8 * pages->size());
    in.store(pages.release(), std::memory_order_release);
  }

  /// Makes room for so many keys more in a page; false: it was split, and some of the keys go to
  /// another. @errors std::bad_alloc; nothing was changed
  bool make_room(root& in, keydir_page& page, std::uint64_t keys) {
    if (page.used + keys <= keydir_page::room(page.capacity)) return true;
    if (page.live + keys <= page_keys_max || page.depth == page_depth_max) {
      return replace(in, page, page.live + keys), true;
    }
    return split(in, page), false;
  }

  /// Gives back the room that a page has no keys for. @errors std::bad_alloc; it stays as it is
  void tighten(root& in, keydir_page& page) {
    if (roomy_capacity(page.live) < page.capacity) replace(in, page, page.live);
  }

  /// Frees all pages of a shard that nobody reads or writes any more.
  static void drop_all(root& in) {
    page_directory* const pages = in.load(std::memory_order_relaxed);
    if (pages == nullptr) return;
    keydir_page* last = nullptr;
    for (std::size_t n = 0; n < pages->size(); ++n) {
      keydir_page* const page = pages->at(n).page();
      if (page != last) keydir_page::drop(page);
      last = page;
    }
    delete pages;
  }

  /// Returns the memory of all pages and directories.
  [[nodiscard]] std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  /// Puts a page with room for so many keys in the place of one.
  void replace(root& in, keydir_page& old, std::uint64_t keys) {
    keydir_page* const made = keydir_page::make(roomy_capacity(keys), old.depth);
    copy(old, [made](slot_word) { return made; });
    publish(in, old, {made, made});
  }

  /// Puts two pages in the place of one.
  void split(root& in, keydir_page& old) {
    if (old.depth == in.load(std::memory_order_relaxed)->depth) widen(in);
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
  void publish(root& in, keydir_page& old, std::array<keydir_page*, 2> made) noexcept {
    page_directory& pages = *in.load(std::memory_order_relaxed);
    const std::size_t width = std::size_t{1} << (pages.depth - old.depth);
    std::size_t first = 0;
    while (pages.at(first).page() != &old) ++first;
    for (std::size_t n = 0; n < width; ++n) {
      pages.links[first + n].store(page_link{made[n < (width + 1) / 2 ? 0 : 1]}.word(),
                                   std::memory_order_seq_cst);
    }
    count_bytes(keydir_page::bytes_of(made[0]->capacity));
    if (made[1] != made[0]) count_bytes(keydir_page::bytes_of(made[1]->capacity));
    count_bytes(-keydir_page::bytes_of(old.capacity));
    limbo_.put(old);
  }

  /// Doubles a directory.
  void widen(root& in) {
    page_directory& old = *in.load(std::memory_order_relaxed);
    auto made = std::make_unique<page_directory>(old.depth + 1);
    for (std::size_t n = 0; n < made->size(); ++n) {
      made->links[n].store(old.at(n / 2).word(), std::memory_order_relaxed);
    }
    count_bytes(8 * old.size());
    in.store(made.release(), std::memory_order_seq_cst);
    limbo_.put(old);
  }

  void count_bytes(std::uint64_t bytes) { bytes_.fetch_add(bytes, std::memory_order_relaxed); }

  limbo<System> limbo_;
  platform::atomic<std::uint64_t> bytes_ = 0;
};

}  // namespace logdb::detail
