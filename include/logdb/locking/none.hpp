// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `detail::no_locking`: what `Locking<None>` stands for, no lock at all.

#include <string_view>

#include <logdb/policy/locking.hpp>

namespace logdb::detail {

/// Leaves it to the user that no other process writes the log; costs nothing.
struct no_locking {
  struct options {};

  static constexpr std::string_view name = "None";
  static constexpr bool shared_writers = false;
  static constexpr locking_hooks hooks{};

  /// The right to write, by promise.
  template <class Storage>
  class lease {
   public:
    explicit lease(Storage&, const options& = options{}) {}
  };
};

static_assert(locking_policy<no_locking>);

}  // namespace logdb::detail
