// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Ranges of keys in their order.

#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <utility>

#include <logdb/index/keydir/read/ordered_walk.hpp>

namespace logdb {

/// The keys from one up to another, with their values, in the order of their bytes; single-pass.
///
/// As it is while it is walked: a key that is there all the while is given once, with the value
/// that it has when it comes to it.
/// @errors   errc::corrupt, errc::io; errc::closed behind the close() or the end of the log; behind
///           the close() perhaps after keys that were read ahead
/// @threads  one at a time; waits for no writer
template <class Policies>
class ordered_range : public std::ranges::view_base {
  using store_type = detail::key_store<Policies>;

 public:
  /// @param to  one past the last; nothing: to the end
  ordered_range(store_type& store, std::string from, std::optional<std::string> to,
                bool reverse = false)
      : store_{store.link()}, from_{std::move(from)}, to_{std::move(to)}, reverse_{reverse} {}

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
      walk_->current = nullptr;  // also if this throws
      (void)*walk_->store;
      walk_->current = walk_->rows.next();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& a, std::default_sentinel_t) {
      return a.walk_->current == nullptr;
    }

   private:
    friend class ordered_range;
    struct walk {
      detail::store_link<store_type> store;
      detail::ordered_walk<Policies> rows;
      const key_entry* current = nullptr;
    };
    explicit iterator(const ordered_range& of)
        : walk_{std::make_shared<walk>(
              walk{of.store_, {*of.store_, of.from_, of.to_, of.reverse_}})} {
      ++*this;
    }
    std::shared_ptr<walk> walk_;
  };

  [[nodiscard]] iterator begin() const { return iterator{*this}; }
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }

 private:
  detail::store_link<store_type> store_;
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
