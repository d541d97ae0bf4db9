// SPDX-License-Identifier: BSL-1.0
/// @file
/// Hostile text as a query, and as an event behind it: what is read prints as what reads the same,
/// and finds exactly what its negation does not.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <logdb/error.hpp>
#include <logdb/query/aggregate.hpp>
#include <logdb/query/compile.hpp>

#include "support/require.hpp"

namespace {

using logdb::fuzz::require;
namespace query = logdb::query;

query::event_site site() {
  const logdb::timestamp noon = *query::parse_time("2026-03-01T12:00:00Z");
  return {.appended = noon, .at = logdb::lsn{7}, .now = noon};
}

/// Reads a query; nothing if it is refused as a bad one.
std::optional<query::parsed_query> read(std::string_view text) {
  try {
    return query::parse(text);
  } catch (const logdb::error& failure) {
    require(failure.condition() == logdb::errc::bad_query, "a text is refused as a bad query");
    require(failure.offset() && *failure.offset() <= text.size(), "at a byte of it");
    return std::nullopt;
  }
}

void check_printed(const query::parsed_query& parsed) {
  const std::string printed = to_string(parsed);
  if (printed.size() > query::query_bytes_max) return;
  require(query::parse(printed) == parsed, "what is printed reads as the same query");
}

/// Asks a query and its negation, which excludes nothing before it has read an event.
void check_matches(const query::parsed_query& parsed, std::string_view event) {
  const query::compiled_query asked{parsed};
  const query::compiled_query inverse{{query::expression::not_(parsed.where), {}}};
  require(inverse.prefilter().is_empty(), "a negated query excludes nothing");
  const bool found = asked.matches(event, site());
  require(found != inverse.matches(event, site()), "a negation finds the other events");
  query::aggregator counting{asked, {.groups_max = 100, .buckets_max = 100, .cells_max = 1000}};
  try {
    if (found) counting.add(event, site());
    (void)counting.result();
  } catch (const logdb::error& failure) {
    require(failure.condition() == logdb::errc::too_large, "only its size refuses an answer");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view input{reinterpret_cast<const char*>(data), bytes};
  const std::size_t end = std::min(input.find('\0'), input.size());
  const auto parsed = read(input.substr(0, end));
  if (!parsed) return 0;
  check_printed(*parsed);
  check_matches(*parsed, input.substr(std::min(end + 1, input.size())));
  return 0;
}
