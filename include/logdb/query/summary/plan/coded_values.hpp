// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Which codes of a path stand for values that hold in a test.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <logdb/format/bytes.hpp>
#include <logdb/query/evaluate/leaf.hpp>
#include <logdb/query/evaluate/tests.hpp>
#include <logdb/query/language/tree.hpp>
#include <logdb/query/summary/bytes/values.hpp>
#include <logdb/types.hpp>

namespace logdb::query::detail {

/// Of each code whether a value of its event holds; code 0, of events without a value, does not.
struct held_codes {
  std::array<bool, 256> holds{};
  std::size_t known = 0;  // the last code
};

/// Asks a test of the values that have codes, each once; none for damage.
/// @param by_word  the test is asked of strings anywhere
inline std::optional<held_codes> ask_values(bytes_view values, const test& what, timestamp now,
                                            bool by_word) {
  const ready_test ready{what};
  const test_site site{.now = now, .by_word = by_word};
  format::detail::field_reader in{values};
  held_codes found;
  while (in.remaining() > 0) {
    const bytes_view value = in.take(in.take<std::uint16_t>());
    if (!in.ok() || ++found.known == found.holds.size()) return std::nullopt;
    bool& holds = found.holds[found.known];
    const bool whole = for_each_value(as_text(value), [&](json_kind kind, std::string_view text) {
      std::string room;
      const json_text written{text};
      leaf_value leaf{kind, written, room};
      const bool asked = !by_word || leaf.is_string();
      holds = holds || (asked && ready.holds(leaf, site));
    });
    if (!whole) return std::nullopt;
  }
  return found;
}

}  // namespace logdb::query::detail
