// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Ranges of keys in their order.

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include <logdb/index/keydir/key_store.hpp>

namespace logdb {

/// Is the keys from one up to another, with their values, in the order of their bytes; single-pass.
///
/// As it is while it is walked: a key that is there all the while is given once.
/// @threads  one at a time; waits for no writer. The log must outlive it
template <class Policies>
class ordered_range : public std::ranges::view_base {
  using store_type = detail::key_store<Policies>;

 public:
  /// @param to  one past the last; nothing: to the end
  ordered_range(store_type& store, std::string from, std::optional<std::string> to,
                bool reverse = false)
      : store_{&store}, from_{std::move(from)}, to_{std::move(to)}, reverse_{reverse} {}

  /// Returns the same keys from the last to the first.
  [[nodiscard]] ordered_range reversed() const { return {*store_, from_, to_, !reverse_}; }

  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = key_entry;
    using difference_type = std::ptrdiff_t;

    iterator() = default;
    const key_entry& operator*() const { return *walk_->current; }
    const key_entry* operator->() const { return &**this; }
    iterator& operator++() {
      walk_->advance();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& a, std::default_sentinel_t) {
      return !a.walk_->current.has_value();
    }

   private:
    friend class ordered_range;
    struct walk {
      ordered_range range;
      std::vector<std::string> keys{};  // ahead, in order
      std::size_t place = 0;
      std::size_t ahead = ahead_first;
      std::optional<std::string> last{};  // the last key that was ahead
      std::optional<key_entry> current{};

      void advance() {
        current.reset();
        while (!current) {
          if (place == keys.size() && !range.look_ahead(*this)) return;
          take(keys[place++]);
        }
      }
      void take(const std::string& key) {
        auto value = range.store_->get(as_bytes(key));
        if (!value) return;
        current = key_entry{own(key), *std::move(value)};
      }
      static stored_bytes own(const std::string& key) {
        if (key.size() <= stored_bytes::inline_bytes) return stored_bytes{as_bytes(key)};
        const auto kept = std::make_shared<const std::string>(key);
        return {kept, as_bytes(*kept)};
      }
    };
    explicit iterator(const ordered_range& range) : walk_{std::make_shared<walk>(walk{range})} {
      walk_->advance();
    }
    std::shared_ptr<walk> walk_;
  };

  [[nodiscard]] iterator begin() const { return iterator{*this}; }
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }

 private:
  // A walk that ends soon looks at little that it does not need.
  static constexpr std::size_t ahead_first = 8;
  static constexpr std::size_t ahead_max = 64;

  /// Copies the next keys; false: there are no more.
  template <class Walk>
  bool look_ahead(Walk& walk) const {
    store_->refresh();
    walk.keys.clear();
    walk.place = 0;
    const auto inside = store_->gate().enter();
    reverse_ ? look_back(walk) : look_on(walk);
    if (walk.keys.empty()) return false;
    walk.last = walk.keys.back();
    walk.ahead = std::min(2 * walk.ahead, ahead_max);
    expect(walk.keys);
    return true;
  }

  /// Has the processor fetch what looking some keys up will need: first the slots of all, then the
  /// records that these lead to. Inside the gate.
  void expect(const std::vector<std::string>& keys) const {
    auto& table = store_->table();
    for (const std::string& key : keys) table.prefetch(store_->hash(as_bytes(key)));
    for (const std::string& key : keys) {
      (void)table.find(store_->hash(as_bytes(key)), [this](detail::address candidate) {
        const auto* const in = store_->space().at(candidate);
        if (in != nullptr) in->prefetch(candidate - in->base());
        return true;
      });
    }
  }

  template <class Walk>
  void look_on(Walk& walk) const {
    const auto& order = store_->order();
    auto* at = order.at_or_after(as_bytes(walk.last ? *walk.last : from_));
    if (at != nullptr && walk.last && as_text(at->key()) == *walk.last) at = at->next();
    for (; at != nullptr && walk.keys.size() < walk.ahead; at = at->next()) {
      if (to_ && detail::compare_keys(at->key(), as_bytes(*to_)) >= 0) return;
      walk.keys.emplace_back(as_text(at->key()));
    }
  }

  template <class Walk>
  void look_back(Walk& walk) const {
    const auto& order = store_->order();
    const auto& bound = walk.last ? walk.last : to_;
    auto* at = bound ? order.before(as_bytes(*bound)) : order.last();
    while (at != nullptr && walk.keys.size() < walk.ahead &&
           detail::compare_keys(at->key(), as_bytes(from_)) >= 0) {
      walk.keys.emplace_back(as_text(at->key()));
      at = order.before(at->key());
    }
  }

  store_type* store_;
  std::string from_;
  std::optional<std::string> to_;  // nothing: no bound
  bool reverse_;
};

namespace detail {

/// Returns the first key behind all that begin so; nothing: there is none.
inline std::optional<std::string> prefix_end(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (prefix.empty()) return std::nullopt;
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

template <class Policies>
[[nodiscard]] ordered_range<Policies> make_ordered_range(key_store<Policies>& store,
                                                         std::string_view from,
                                                         std::optional<std::string> to) {
  return {store, std::string{from}, std::move(to)};
}

}  // namespace detail

}  // namespace logdb
