// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `basic_atomic`: what threads, and processes, share without a lock; `basic_atomic_ref`: what they
/// share with one.

#include <atomic>

namespace logdb::platform {

/// Names the atomic of a system: std::atomic, unless a test that decides who runs next puts one in
/// its place that lets it decide at each access.
template <class System, class T>
struct atomic_of {
  using type = std::atomic<T>;
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
