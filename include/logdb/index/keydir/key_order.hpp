// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The keys of an ordered keydir, in order: a skip list that readers walk without a lock.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>

#include <logdb/index/keydir/gate.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

/// Compares keys as unsigned bytes.
inline int compare_keys(bytes_view a, bytes_view b) {
  const std::size_t common = std::min(a.size(), b.size());
  const int order = common == 0 ? 0 : std::memcmp(a.data(), b.data(), common);
  if (order != 0) return order;
  return a.size() == b.size() ? 0 : a.size() < b.size() ? -1 : 1;
}

/// Is a set of keys in the order of their bytes.
///
/// @threads  readers: any, each inside the gate; writers wait for one another
/// @cost     to find and to insert: O(log keys); about 70 bytes and the key itself
/// @source   skip lists: Pugh, CACM 1990; one writer beside many readers: LevelDB
template <class System>
class key_order {
 public:
  using gate_type = reader_gate<System>;
  static constexpr bool keeps = true;

  /// Is a key in its place; the links of its levels and the key follow.
  struct node : retired {
    std::uint32_t key_bytes = 0;
    std::uint32_t height = 0;

    [[nodiscard]] std::atomic<node*>* links() {
      return std::launder(reinterpret_cast<std::atomic<node*>*>(this + 1));
    }
    [[nodiscard]] bytes_view key() {
      return {reinterpret_cast<const std::byte*>(links() + height), key_bytes};
    }
    // Acquire: pairs with the stores of writers, who wrote the node before.
    [[nodiscard]] node* next(std::uint32_t level = 0) {
      return links()[level].load(std::memory_order_seq_cst);
    }
  };

  explicit key_order(gate_type& gate) : limbo_{gate}, head_{make({}, height_max)} {}
  key_order(const key_order&) = delete;
  key_order& operator=(const key_order&) = delete;
  ~key_order() {
    for (node* each = head_; each != nullptr;) drop(std::exchange(each, each->next()));
  }

  /// Inserts a key unless it is there. @errors std::bad_alloc
  void insert(bytes_view key) {
    const boost::interprocess::scoped_lock lock{mutex_};
    path found;
    if (is(find(key, &found), key)) return;
    node* const made = make(key, draw_height());
    for (std::uint32_t level = 0; level < made->height; ++level) {
      made->links()[level].store(found[level]->next(level), std::memory_order_relaxed);
    }
    for (std::uint32_t level = 0; level < made->height; ++level) {
      found[level]->links()[level].store(made);  // pairs with next()
    }
  }

  /// Forgets a key.
  void remove(bytes_view key) noexcept {
    const boost::interprocess::scoped_lock lock{mutex_};
    path found;
    node* const gone = find(key, &found);
    if (!is(gone, key)) return;
    for (std::uint32_t level = gone->height; level-- > 0;) {
      found[level]->links()[level].store(gone->next(level));
    }
    limbo_.put(*gone);
  }

  /// Returns the first key at or after one; null: there is none. Inside the gate.
  [[nodiscard]] node* at_or_after(bytes_view key) const { return find(key, nullptr); }

  /// Returns the last key before one; null: there is none. Inside the gate.
  [[nodiscard]] node* before(bytes_view key) const {
    return last_where([key](node& each) { return compare_keys(each.key(), key) < 0; });
  }

  /// Returns the last key of all; null: there is none. Inside the gate.
  [[nodiscard]] node* last() const {
    return last_where([](node&) { return true; });
  }

 private:
  static constexpr std::uint32_t height_max = 16;
  using path = std::array<node*, height_max>;

  static bool is(node* found, bytes_view key) {
    return found != nullptr && compare_keys(found->key(), key) == 0;
  }

  static node* make(bytes_view key, std::uint32_t height) {
    const std::size_t bytes = sizeof(node) + height * sizeof(std::atomic<node*>) + key.size();
    node* const made = new (::operator new(bytes)) node;
    made->key_bytes = static_cast<std::uint32_t>(key.size());
    made->height = height;
    made->free = [](retired* gone) { drop(static_cast<node*>(gone)); };
    std::uninitialized_value_construct_n(made->links(), height);
    if (!key.empty()) {
      std::memcpy(reinterpret_cast<std::byte*>(made->links() + height), key.data(), key.size());
    }
    return made;
  }
  static void drop(node* gone) { ::operator delete(gone); }

  /// Returns the first node at or after a key, and of each level the last before it.
  node* find(bytes_view key, path* before) const {
    node* at = head_;
    node* next = nullptr;
    for (std::uint32_t level = height_max; level-- > 0;) {
      while ((next = at->next(level)) != nullptr && compare_keys(next->key(), key) < 0) at = next;
      if (before != nullptr) (*before)[level] = at;
    }
    return next;
  }

  template <class Holds>
  node* last_where(Holds holds) const {
    node* at = head_;
    for (std::uint32_t level = height_max; level-- > 0;) {
      while (node* const next = at->next(level)) {
        if (!holds(*next)) break;
        at = next;
      }
    }
    return at == head_ ? nullptr : at;
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
  platform::basic_mutex<System> mutex_;  // of writers
  node* head_;
  std::uint64_t random_ = 0x9e3779b97f4a7c15;  // guarded by mutex_
};

/// Is the same where keys have no order.
struct no_key_order {
  static constexpr bool keeps = false;
  template <class Gate>
  explicit no_key_order(Gate&) {}
  static void insert(bytes_view) {}
  static void remove(bytes_view) noexcept {}
};

}  // namespace logdb::detail
