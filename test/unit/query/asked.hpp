// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Asks a query of events, and says which of them it finds.

#include <string>
#include <string_view>
#include <vector>

#include <logdb/query/compile.hpp>

namespace logdb::test {

/// The time of the tests: 2026-03-01T12:00:00Z.
inline timestamp noon() { return *query::parse_time("2026-03-01T12:00:00Z"); }

/// Returns whether a query finds an event that was appended at noon as number 7.
inline bool finds(std::string_view text, std::string_view event) {
  return query::compile(text).matches(event, {.appended = noon(), .at = lsn{7}, .now = noon()});
}

/// Returns the numbers of the events, from 1, that a query finds: "1 3".
inline std::string found(std::string_view text, const std::vector<std::string_view>& events) {
  const query::compiled_query asked = query::compile(text);
  std::string numbers;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (!asked.matches(events[i], {.appended = noon(), .at = lsn{i + 1}, .now = noon()})) continue;
    numbers += (numbers.empty() ? "" : " ") + std::to_string(i + 1);
  }
  return numbers;
}

}  // namespace logdb::test
