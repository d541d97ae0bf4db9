// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `atomic` and `basic_atomic`: what threads, and processes, share without a lock;
/// `basic_atomic_ref`: what they share with one.

#include <atomic>
#include <concepts>

namespace logdb::platform {

/// A std::atomic of which each access says its order: nothing reads, writes or counts by default.
template <class T>
class atomic : public std::atomic<T> {
 public:
  using base = std::atomic<T>;
  using base::base;

  operator T() const = delete;
  T operator=(T) = delete;
  T operator++() = delete;
  T operator++(int) = delete;
  T operator--() = delete;
  T operator--(int) = delete;
  T operator+=(T) = delete;
  T operator-=(T) = delete;

  [[nodiscard]] T load(std::memory_order order) const { return base::load(order); }
  void store(T value, std::memory_order order) { base::store(value, order); }
  T exchange(T value, std::memory_order order) { return base::exchange(value, order); }
  T fetch_add(T value, std::memory_order order) { return base::fetch_add(value, order); }
  T fetch_sub(T value, std::memory_order order) { return base::fetch_sub(value, order); }
  template <std::same_as<std::memory_order>... Orders>
  bool compare_exchange_strong(T& expected, T value, std::memory_order order, Orders... failing) {
    return base::compare_exchange_strong(expected, value, order, failing...);
  }
  template <std::same_as<std::memory_order>... Orders>
  bool compare_exchange_weak(T& expected, T value, std::memory_order order, Orders... failing) {
    return base::compare_exchange_weak(expected, value, order, failing...);
  }
};

/// Names the atomic of a system: the one above, unless a test that decides who runs next puts one
/// in its place that lets it decide at each access.
template <class System, class T>
struct atomic_of {
  using type = atomic<T>;
};

template <class System, class T>
using basic_atomic = typename atomic_of<System, T>::type;

/// Does the same for a word that is no atomic itself: a lock guards it, and its holder may die.
template <class System, class T>
struct atomic_ref_of {
  using type = std::atomic_ref<T>;
};

template <class System, class T>
using basic_atomic_ref = typename atomic_ref_of<System, T>::type;

}  // namespace logdb::platform
