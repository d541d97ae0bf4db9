// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Calls functions of the user from where nothing may be thrown.

#include <string_view>

#include <logdb/index/timelsm/options.hpp>

namespace logdb::timelsm {

/// Calls a function of the user, if there is one; returns whether it returned.
template <class F, class... Arguments>
bool tell(const F& function, const Arguments&... arguments) noexcept {
  try {
    if (function) function(arguments...);
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace logdb::timelsm
