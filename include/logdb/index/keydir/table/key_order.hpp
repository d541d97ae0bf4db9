// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The keys of an ordered keydir, in order: pages that readers walk without a lock.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include <logdb/index/keydir/table/key_page.hpp>
#include <logdb/index/keydir/table/reader_gate.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/scoped_lock.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

/// A set of keys in the order of their bytes: a skip list of pages of keys.
///
/// A page is never changed: whoever adds or takes a key puts another one in its place. The pages
/// of one node hold the keys from the node's own up to the next node's. What a walk reads lies side
/// by side: one miss of the cache serves a dozen keys.
///
/// @threads  readers: any, each inside the gate; writers wait for one another
/// @cost     to find: O(log keys); to insert: that and a copy of the page; about 10 bytes and the
///           key itself
/// @source   skip lists: Pugh, CACM 1990; one writer beside many readers: LevelDB
template <class System>
class key_order {
 public:
  using gate_type = reader_gate<System>;
  static constexpr bool keeps = true;

  explicit key_order(gate_type& gate)
      : limbo_{gate}, head_{make_node({}, height_max, key_page::make({}))} {}
  key_order(const key_order&) = delete;
  key_order& operator=(const key_order&) = delete;
  ~key_order() {
    for (node* each = head_; each != nullptr;) {
      free_whole(each->keys.load(std::memory_order_relaxed));
      free_whole(std::exchange(each, each->next()));
    }
  }

  /// Inserts a key unless it is there. @errors std::bad_alloc
  void insert(bytes_view key) {
    const platform::scoped_lock lock{mutex_};
    path found;
    node* const at = find(key, &found);
    const key_page& old = *at->keys.load(std::memory_order_relaxed);
    const std::size_t index = old.lower(key);
    if (index != old.count && compare_keys(old.key(index), key) == 0) return;
    list(old);
    views_.insert(views_.begin() + static_cast<std::ptrdiff_t>(index), key);
    if (fits()) return put(*at, key_page::make(views_));
    // Keys that come in order fill their pages.
    split(*at, found, index == old.count ? index : views_.size() / 2);
  }

  /// Forgets a key. Without memory it stays, and leads nowhere.
  void remove(bytes_view key) noexcept {
    const platform::scoped_lock lock{mutex_};
    path found;
    node* const at = find(key, &found);
    const key_page& old = *at->keys.load(std::memory_order_relaxed);
    const std::size_t index = old.lower(key);
    if (index == old.count || compare_keys(old.key(index), key) != 0) return;
    if (old.count == 1 && at != head_) return unlink(*at);
    try {
      list(old);
      views_.erase(views_.begin() + static_cast<std::ptrdiff_t>(index));
      put(*at, key_page::make(views_));
    } catch (const std::bad_alloc&) {
    }
  }

  /// Returns the memory of its pages.
  [[nodiscard]] std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

  /// Puts into `out` keys from one on, the first so many; they can be read inside the gate.
  /// @param behind  without that one itself
  void next_keys(bytes_view key, bool behind, std::size_t most,
                 std::vector<bytes_view>& out) const {
    node* at = find(key, nullptr);
    const key_page* keys = at->keys.load(std::memory_order_seq_cst);
    std::size_t n = keys->lower(key);
    if (behind && n != keys->count && compare_keys(keys->key(n), key) == 0) ++n;
    for (;;) {
      for (; n != keys->count && out.size() < most; ++n) out.push_back(keys->key(n));
      // After the page: a split links the other half first.
      if (out.size() == most || (at = at->next()) == nullptr) return;
      keys = at->keys.load(std::memory_order_seq_cst);
      // A page that was just split may have been met with all of its keys.
      const bytes_view last = out.empty() ? key : out.back();
      const int order_min = out.empty() && !behind ? 0 : 1;
      for (n = 0; n != keys->count && compare_keys(keys->key(n), last) < order_min;) ++n;
    }
  }

  /// The same backwards, from the last before a key, or of all.
  /// @param to  null: the end
  void previous_keys(const bytes_view* to, std::size_t most, std::vector<bytes_view>& out) const {
    bytes_view bound = to == nullptr ? bytes_view{} : *to;
    bool bounded = to != nullptr;
    for (;;) {
      node* const at =
          last_where([&](node& each) { return !bounded || compare_keys(each.key(), bound) < 0; });
      const key_page* const keys = at->keys.load(std::memory_order_seq_cst);
      node* const later = at->next();  // after the page, as above: it may just have been split
      if (later != nullptr && (!bounded || compare_keys(later->key(), bound) < 0)) continue;
      std::size_t n = bounded ? keys->lower(bound) : keys->count;
      while (n != 0 && out.size() < most) out.push_back(keys->key(--n));
      if (out.size() == most || at == head_) return;
      bound = at->key();
      bounded = true;
    }
  }

 private:
  static constexpr std::uint32_t height_max = 16;
  static constexpr std::size_t page_keys_max = 32;
  static constexpr std::size_t page_bytes_max = 4096;  // unless it is one key

  /// A stretch of keys in its place; the links of its levels and its first key follow.
  struct node : retired {
    std::uint32_t key_bytes = 0;
    std::uint32_t height = 0;
    // Changed with the lock. Exchanges and readers' loads are sequentially consistent, as the links
    // that take a node out: see reader_gate.
    platform::atomic<key_page*> keys = nullptr;

    [[nodiscard]] platform::atomic<node*>* links() {
      return std::launder(reinterpret_cast<platform::atomic<node*>*>(this + 1));
    }
    [[nodiscard]] bytes_view key() {
      return {reinterpret_cast<const std::byte*>(links() + height), key_bytes};
    }
    [[nodiscard]] std::size_t bytes() const {
      return sizeof *this + height * sizeof(platform::atomic<node*>) + key_bytes;
    }
    [[nodiscard]] node* next(std::uint32_t level = 0) {
      return links()[level].load(std::memory_order_seq_cst);
    }
  };
  using path = std::array<node*, height_max>;

  static node* make_node(bytes_view key, std::uint32_t height, key_page_ptr keys) {
    const std::size_t bytes = sizeof(node) + height * sizeof(platform::atomic<node*>) + key.size();
    node* const made = new (::operator new(bytes)) node;
    made->key_bytes = static_cast<std::uint32_t>(key.size());
    made->height = height;
    made->keys.store(keys.release(), std::memory_order_relaxed);
    made->free = &free_whole;
    std::uninitialized_value_construct_n(made->links(), height);
    if (!key.empty()) {
      std::memcpy(reinterpret_cast<std::byte*>(made->links() + height), key.data(), key.size());
    }
    return made;
  }

  /// Lists the keys of a page in views_.
  void list(const key_page& keys) {
    views_.clear();
    for (std::size_t n = 0; n < keys.count; ++n) views_.push_back(keys.key(n));
  }
  [[nodiscard]] bool fits() const {
    std::size_t bytes = 0;
    for (const bytes_view each : views_) bytes += each.size();
    return views_.size() <= page_keys_max && (bytes <= page_bytes_max || views_.size() == 1);
  }

  void put(node& at, key_page_ptr keys) {
    count_bytes(keys->bytes());
    key_page& old = *at.keys.exchange(keys.release(), std::memory_order_seq_cst);
    count_bytes(-old.bytes());
    limbo_.put(old);
  }
  void count_bytes(std::uint64_t bytes) { bytes_.fetch_add(bytes, std::memory_order_relaxed); }

  /// Puts the listed keys from one on into a node of their own.
  void split(node& at, const path& found, std::size_t from) {
    const std::span<const bytes_view> all{views_};
    auto low = key_page::make(all.first(from));
    node* const made = make_node(all[from], draw_height(), key_page::make(all.subspan(from)));
    count_bytes(made->bytes() + made->keys.load(std::memory_order_relaxed)->bytes());
    for (std::uint32_t level = 0; level < made->height; ++level) {
      made->links()[level].store(found[level]->next(level), std::memory_order_relaxed);
    }
    for (std::uint32_t level = 0; level < made->height; ++level) {
      found[level]->links()[level].store(made, std::memory_order_release);  // pairs with next()
    }
    put(at, std::move(low));  // behind the links: no reader misses a key
  }

  /// Takes out a node with its last key: what comes there next belongs to the node before.
  void unlink(node& gone) noexcept {
    path before;
    last_where([&gone](node& each) { return compare_keys(each.key(), gone.key()) < 0; }, &before);
    for (std::uint32_t level = gone.height; level-- > 0;) {
      before[level]->links()[level].store(gone.next(level), std::memory_order_seq_cst);
    }
    key_page& keys = *gone.keys.load(std::memory_order_relaxed);
    count_bytes(-(gone.bytes() + keys.bytes()));
    limbo_.put(keys);
    limbo_.put(gone);
  }

  /// Returns the node whose keys a key is among, and of each level the last up to it.
  node* find(bytes_view key, path* upto) const {
    return last_where([key](node& each) { return compare_keys(each.key(), key) <= 0; }, upto);
  }

  /// Returns the last node for which that holds, or the first.
  template <class Holds>
  node* last_where(Holds holds, path* upto = nullptr) const {
    node* at = head_;
    for (std::uint32_t level = height_max; level-- > 0;) {
      for (node* next = nullptr; (next = at->next(level)) != nullptr && holds(*next);) at = next;
      if (upto != nullptr) (*upto)[level] = at;
    }
    return at;
  }

  /// A quarter of the nodes of each level reaches the next.
  std::uint32_t draw_height() {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    std::uint32_t height = 1;
    for (std::uint64_t bits = random_; height < height_max && bits % 4 == 0; bits /= 4) ++height;
    return height;
  }

  limbo<System> limbo_;
  platform::basic_mutex<System> mutex_;        // of writers
  node* head_;                                 // of all keys below the next node's
  std::vector<bytes_view> views_;              // guarded by mutex_: the keys of a page to be
  std::uint64_t random_ = 0x9e3779b97f4a7c15;  // guarded by mutex_
  platform::atomic<std::uint64_t> bytes_ = 0;
};

/// The same where keys have no order.
struct no_key_order {
  static constexpr bool keeps = false;
  template <class Gate>
  explicit no_key_order(Gate&) {}
  static void insert(bytes_view) {}
  static void remove(bytes_view) noexcept {}
  static constexpr std::uint64_t bytes() { return 0; }
};

}  // namespace logdb::detail
