// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What an event log asks of a text before it takes it, and how it says no.

#include <cstdint>
#include <string>
#include <string_view>

#include <logdb/error.hpp>
#include <logdb/query/json.hpp>
#include <logdb/query/json_utf8.hpp>

namespace logdb {

/// Chooses whether an append looks at what it is given.
enum class event_check : std::uint8_t {
  on_append,  ///< refuses what is not one JSON object (default)
  none,       ///< takes any bytes: the caller vouches for them
};

/// Chooses what an append does about strings that are not Unicode: bytes that are not UTF-8, and
/// escapes that are half of a surrogate pair.
enum class event_utf8 : std::uint8_t {
  keep,    ///< takes them; the bytes stay as they are (default)
  refuse,  ///< refuses them as it refuses what is no JSON; needs event_check::on_append
};

namespace detail {

/// Finds what makes a text no event for a log with these options.
template <class Options>
query::json_result event_fault(std::string_view text, const Options& chosen) {
  if (chosen.check == event_check::none) return {};
  const auto found = query::check_event(text);
  return found && chosen.utf8 == event_utf8::refuse ? query::check_utf8(text) : found;
}

[[noreturn]] inline void throw_bad_event(const std::string& which,
                                         const query::json_result& fault) {
  throw error{errc::bad_event, which + ": expected " + fault.expected, {.offset = fault.byte}};
}

}  // namespace detail
}  // namespace logdb
