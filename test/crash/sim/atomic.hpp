// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `sim_atomic`: what threads of the simulated process share without a lock.

#include <atomic>

#include <logdb/platform/atomic.hpp>

#include "system.hpp"

namespace logdb::sim {

/// Is an atomic at each access of which another task may go on.
template <class T>
class sim_atomic : public std::atomic<T> {
 public:
  using base = std::atomic<T>;
  using std::atomic<T>::atomic;

  T load(std::memory_order order = std::memory_order_seq_cst) const {
    sim_system::point();
    return base::load(order);
  }
  void store(T value, std::memory_order order = std::memory_order_seq_cst) {
    sim_system::point();
    base::store(value, order);
  }
  T exchange(T value, std::memory_order order = std::memory_order_seq_cst) {
    sim_system::point();
    return base::exchange(value, order);
  }
  T fetch_add(T value, std::memory_order order = std::memory_order_seq_cst) {
    sim_system::point();
    return base::fetch_add(value, order);
  }
  T fetch_sub(T value, std::memory_order order = std::memory_order_seq_cst) {
    sim_system::point();
    return base::fetch_sub(value, order);
  }
  template <class... Orders>
  bool compare_exchange_strong(T& expected, T wanted, Orders... orders) {
    sim_system::point();
    return base::compare_exchange_strong(expected, wanted, orders...);
  }
  T operator=(T value) {
    store(value);
    return value;
  }
  operator T() const { return load(); }
};

/// Is a word that a lock guards: its process may be killed before each store to it.
template <class T>
class sim_atomic_ref : public std::atomic_ref<T> {
 public:
  using std::atomic_ref<T>::atomic_ref;

  void store(T value, std::memory_order order = std::memory_order_seq_cst) const {
    sim_system::point();
    std::atomic_ref<T>::store(value, order);
  }
};

}  // namespace logdb::sim

namespace logdb::platform {

template <class T>
struct atomic_ref_of<sim::sim_system, T> {
  using type = sim::sim_atomic_ref<T>;
};

template <class T>
struct atomic_of<sim::sim_system, T> {
  using type = sim::sim_atomic<T>;
};

}  // namespace logdb::platform
