// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Stores to what a lock guards in the control file. Whoever holds that lock may die between any
/// two of them, so what takes several words says only with the last one that it is whole.

#include <atomic>
#include <cstdint>
#include <type_traits>

#include <logdb/journal/control/control.hpp>
#include <logdb/platform/atomic.hpp>

namespace logdb::detail {

/// Stores one word behind all that were stored before it: what a process that dies has stored are
/// then the first ones, whatever the compiler would prefer.
template <class System, class T>
void put_word(T& word, std::type_identity_t<T> value) {
  // Release: not for another thread, which has the lock to be ordered by, but for the order.
  platform::basic_atomic_ref<System, T>{word}.store(value, std::memory_order_release);
}

/// Stores which segment a stretch belongs to, its number last. Meanwhile it says that there is
/// none.
template <class System>
void put_extent(control_extent& where, const control_extent& what) {
  put_word<System>(where.segment, 0);
  put_word<System>(where.salt, what.salt);
  put_word<System>(where.capacity, what.capacity);
  put_word<System>(where.base, what.base);
  put_word<System>(where.begin, what.begin);
  put_word<System>(where.first, what.first);
  put_word<System>(where.time, what.time);
  put_word<System>(where.segment, what.segment);
}

}  // namespace logdb::detail
