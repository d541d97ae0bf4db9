// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `error_of`: the logdb::error that a call throws, to be looked at.

#include <optional>

#include <logdb/error.hpp>

namespace logdb::test {

/// Calls and returns the error, or nothing when there was none.
template <class Call>
std::optional<error> error_of(Call call) {
  try {
    call();
    return std::nullopt;
  } catch (const error& thrown) {
    return thrown;
  }
}

/// Returns whether the call throws an error of that condition.
template <class Call>
bool throws(errc condition, Call call) {
  const std::optional<error> thrown = error_of(call);
  return thrown && thrown->condition() == condition;
}

}  // namespace logdb::test
