// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Algorithms over whole sequences that cost a compiler little. They are `inline` in every unit
/// that includes logdb, where those of std::ranges take three to twenty times as long for each type
/// that they meet, and do nothing better for the short lists of segments, names and marks.

#include <cstddef>
#include <type_traits>
#include <utility>

namespace logdb::light {

/// The key of what is sorted and looked up by its own value.
struct itself {
  template <class Item>
  constexpr const Item& operator()(const Item& item) const noexcept {
    return item;
  }
};

namespace detail {

/// Returns what a member pointer or a function takes from an item.
template <class Key, class Item>
constexpr decltype(auto) key_of(const Key& key, const Item& item) {
  if constexpr (std::is_member_object_pointer_v<Key>) {
    return (item.*key);
  } else {
    return key(item);
  }
}

}  // namespace detail

/// Returns the first item that passes a test, or the end.
template <class Items, class Test>
[[nodiscard]] constexpr auto find_if(Items&& items, const Test& test) {
  auto at = items.begin();
  const auto end = items.end();
  while (at != end && !test(*at)) ++at;
  return at;
}

/// Returns the first item with a key, or the end.
template <class Items, class Value, class Key = itself>
[[nodiscard]] constexpr auto find(Items&& items, const Value& value, const Key& key = {}) {
  return light::find_if(items,
                        [&](const auto& each) { return detail::key_of(key, each) == value; });
}

template <class Items, class Test>
[[nodiscard]] constexpr bool any_of(const Items& items, const Test& test) {
  for (const auto& each : items) {
    if (test(each)) return true;
  }
  return false;
}

template <class Items, class Test>
[[nodiscard]] constexpr bool none_of(const Items& items, const Test& test) {
  return !light::any_of(items, test);
}

template <class Items, class Test>
[[nodiscard]] constexpr bool all_of(const Items& items, const Test& test) {
  return !light::any_of(items, [&](const auto& each) { return !test(each); });
}

/// Tells whether an item and the next one pass a test.
template <class Items, class Test>
[[nodiscard]] constexpr bool any_neighbours(const Items& items, const Test& test) {
  auto at = items.begin();
  const auto end = items.end();
  if (at == end) return false;
  for (auto next = at; ++next != end; ++at) {
    if (test(*at, *next)) return true;
  }
  return false;
}

/// Tells whether keys never fall.
template <class Items, class Key = itself>
[[nodiscard]] constexpr bool is_sorted(const Items& items, const Key& key = {}) {
  return !light::any_neighbours(items, [&](const auto& one, const auto& next) {
    return detail::key_of(key, next) < detail::key_of(key, one);
  });
}

/// Returns the first item that fails a test, of items of which all that pass come first.
/// @cost  O(log n)
template <class Items, class Test>
[[nodiscard]] constexpr auto partition_point(Items&& items, const Test& test) {
  auto from = items.begin();
  for (auto left = items.end() - from; left > 0;) {
    const auto half = left / 2;
    if (test(from[half])) {
      from += half + 1;
      left -= half + 1;
    } else {
      left = half;
    }
  }
  return from;
}

/// Returns the first item whose key is not less than a value, of sorted items.
template <class Items, class Value, class Key = itself>
[[nodiscard]] constexpr auto lower_bound(Items&& items, const Value& value, const Key& key = {}) {
  return light::partition_point(
      items, [&](const auto& each) { return detail::key_of(key, each) < value; });
}

/// Returns the first item whose key is greater than a value, of sorted items.
template <class Items, class Value, class Key = itself>
[[nodiscard]] constexpr auto upper_bound(Items&& items, const Value& value, const Key& key = {}) {
  return light::partition_point(
      items, [&](const auto& each) { return !(value < detail::key_of(key, each)); });
}

/// Sorts by keys, as Shell did; equal ones come in any order. For lists that nobody waits for:
/// std::sort is up to twice as fast where they are long and mixed.
template <class Items, class Key = itself>
constexpr void sort(Items& items, const Key& key = {}) {
  const std::size_t count = items.size();
  for (std::size_t gap = count; gap > 1;) {
    gap = gap < 5 ? 1 : gap * 5 / 11;
    for (std::size_t next = gap; next < count; ++next) {
      std::size_t at = next;
      auto item = std::move(items[next]);
      for (; at >= gap && detail::key_of(key, item) < detail::key_of(key, items[at - gap]);
           at -= gap) {
        items[at] = std::move(items[at - gap]);
      }
      items[at] = std::move(item);
    }
  }
}

/// Moves all that passes a test from a vector to the end of another; both keep their order.
template <class Vector, class Test>
constexpr void move_if(Vector& items, Vector& to, const Test& test) {
  std::size_t kept = 0;
  for (std::size_t at = 0; at < items.size(); ++at) {
    if (test(std::as_const(items[at]))) {
      to.push_back(std::move(items[at]));
    } else if (kept++ != at) {
      items[kept - 1] = std::move(items[at]);
    }
  }
  while (items.size() > kept) items.pop_back();
}

/// Removes from a vector all that passes a test.
template <class Vector, class Test>
constexpr void erase_if(Vector& items, const Test& test) {
  std::size_t kept = 0;
  for (std::size_t at = 0; at < items.size(); ++at) {
    if (test(std::as_const(items[at]))) continue;
    if (kept != at) items[kept] = std::move(items[at]);
    ++kept;
  }
  while (items.size() > kept) items.pop_back();
}

}  // namespace logdb::light
