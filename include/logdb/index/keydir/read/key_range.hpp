// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The range of all keys, with or without their values.

#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <utility>
#include <vector>

#include <logdb/index/keydir/read/page_walk.hpp>

namespace logdb {

/// The keys of a log in no order, as they are while it is walked; single-pass.
///
/// A key that is there all the while is given once; one that comes or goes meanwhile once or not at
/// all. Some hundred keys at a time are looked up and kept.
/// @tparam Item  key_entry, or stored_bytes for the keys alone
/// @errors       errc::corrupt, errc::io; errc::closed behind the close() or the end of the log,
///               perhaps after keys that were looked up before
/// @threads      one at a time; waits for no writer
template <class Policies, class Item>
class key_range : public std::ranges::view_base {
  using store_type = detail::key_store<Policies>;

  struct walk {
    detail::store_link<store_type> store;
    detail::page_walk<Policies> pages{*store};  // used behind a look at `store`
    std::vector<Item> items{};
    std::size_t next = 0;
    bool done = false;

    /// Gets the next keys when those at hand are used up.
    void load_next() {
      while (next == items.size() && !done) {
        store_type& keys = *store;
        items.clear();
        next = 0;
        std::vector<stored_bytes> veiled;
        done =
            !pages.next_values(veiled, [this](const auto& found) { items.push_back(take(found)); });
        for (stored_bytes& key : veiled) take_under(keys, std::move(key));
      }
    }
    /// Takes a key if it has a value left.
    void take_under(store_type& keys, stored_bytes key) {
      auto value = keys.get(key.bytes());
      if (!value) return;
      if constexpr (std::is_same_v<Item, stored_bytes>) {
        items.push_back(std::move(key));
      } else {
        items.push_back({std::move(key), *std::move(value)});
      }
    }
    Item take(const detail::read_record<Policies>& found) {
      stored_bytes key = store->source().keep(found, found.record.key);
      if constexpr (std::is_same_v<Item, stored_bytes>) {
        return key;
      } else {
        return {std::move(key), store->value_of(found)};
      }
    }
  };

 public:
  explicit key_range(store_type& store) : walk_{std::make_shared<walk>(walk{store.link()})} {}

  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = Item;
    using difference_type = std::ptrdiff_t;

    iterator() = default;
    const Item& operator*() const { return walk_->items[walk_->next]; }
    const Item* operator->() const { return &**this; }
    iterator& operator++() {
      ++walk_->next;
      walk_->load_next();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& a, std::default_sentinel_t) {
      return a.walk_->next == a.walk_->items.size();
    }

   private:
    friend class key_range;
    explicit iterator(std::shared_ptr<walk> walk) : walk_{std::move(walk)} {}
    std::shared_ptr<walk> walk_;
  };

  [[nodiscard]] iterator begin() const {
    walk_->load_next();
    return iterator{walk_};
  }
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }

 private:
  std::shared_ptr<walk> walk_;
};

namespace detail {

template <class Item, class Policies>
[[nodiscard]] key_range<Policies, Item> make_key_range(key_store<Policies>& store) {
  return key_range<Policies, Item>{store};
}

}  // namespace detail

}  // namespace logdb
