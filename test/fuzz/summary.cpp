// SPDX-License-Identifier: BSL-1.0
/// @file
/// A hostile summary. With wrong checksums no query misses a match by it; with right ones nothing
/// is read that does not lie in it, and nothing takes more memory than it justifies.

#include "unit/query/summary.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <logdb/format/bytes.hpp>
#include <logdb/format/crc32c.hpp>

#include "support/require.hpp"

namespace {

using logdb::bytes_view;
using logdb::fuzz::require;
namespace format = logdb::format;
namespace query = logdb::query;
namespace inner = logdb::query::detail;

/// Events of every kind of value, 3 or so a block.
std::vector<std::string> events() {
  std::vector<std::string> made;
  for (int i = 0; i < 60; ++i) {
    const std::string n = std::to_string(i);
    made.push_back(R"({"id":)" + n + R"(,"level":")" + (i % 3 == 0 ? "ERROR" : "INFO") +
                   R"(","msg":"retry )" + n + R"( of 60","ok":[true,null]})");
  }
  return made;
}

const logdb::test::summarised& segment(bool coded) {
  static const auto make = [](std::size_t values) {
    return logdb::test::summarised{
        events(), {.block_bytes = 200, .coded_values_max = values, .summary_share_max = 1e6}};
  };
  static const auto few = make(255);
  static const auto none = make(0);
  return coded ? few : none;
}

const std::vector<query::compiled_query>& queries() {
  static const auto all = [] {
    std::vector<query::compiled_query> made;
    for (const char* text : {"level:ERROR", "id:7", "id>50", "msg:\"7\"", "retry", "ok:true",
                             "ok.*:null", "ok:*", "_time:1m", "_lsn:9", "NOT level:ERROR"}) {
      made.push_back(query::compile(text));
    }
    return made;
  }();
  return all;
}

std::uint64_t load(const std::vector<std::byte>& bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;)
    value = value << 8 | std::to_integer<unsigned>(bytes[at + i]);
  return value;
}

void put_crc(std::vector<std::byte>& bytes, std::size_t at, bytes_view of) {
  format::store(bytes.data() + at, format::crc32c(of));
}

/// Corrects the checksums of the columns that a list of fields names, where they lie in their part.
void repair_columns(std::vector<std::byte>& bytes, bytes_view fields, bytes_view columns) {
  const auto begin = static_cast<std::size_t>(fields.data() - bytes.data());
  for (std::size_t at = 4; at + 2 <= fields.size();) {
    at += 3 + load(bytes, begin + at, 2);
    if (at + 64 > fields.size()) return;
    for (int column = 0; column < 4; ++column, at += 16) {
      const std::uint64_t offset = load(bytes, begin + at, 8);
      const std::uint64_t size = load(bytes, begin + at + 8, 4);
      if (offset > columns.size() || size > columns.size() - offset) continue;
      put_crc(bytes, begin + at + 12, columns.subspan(offset, size));
    }
  }
}

/// Corrects the checksums of the columns, the parts and the header; the filter keeps its own.
void repair(std::vector<std::byte>& bytes) {
  if (bytes.size() < inner::summary_header_bytes) return;
  const std::uint64_t parts = load(bytes, 12, 4);
  const std::size_t end = inner::summary_header_bytes + parts * inner::summary_part_bytes;
  if (parts > inner::summary_parts_max || end > bytes.size()) return;
  const auto entry = [&](std::uint64_t i) {
    return inner::summary_header_bytes + i * inner::summary_part_bytes;
  };
  const auto part = [&](std::uint64_t i) {
    const std::uint64_t offset = load(bytes, entry(i) + 8, 8);
    const std::uint64_t size = load(bytes, entry(i) + 16, 8);
    const bool fits = offset <= bytes.size() && size <= bytes.size() - offset;
    return fits ? bytes_view{bytes}.subspan(offset, size) : bytes_view{};
  };
  if (parts > 2) repair_columns(bytes, part(1), part(2));
  for (std::uint64_t i = 0; i < parts; ++i) put_crc(bytes, entry(i) + 4, part(i));
  const bytes_view all{bytes};
  const auto directory =
      all.subspan(inner::summary_header_bytes, end - inner::summary_header_bytes);
  format::store(bytes.data() + inner::summary_crc_at,
                format::crc32c(directory, format::crc32c(all.first(inner::summary_crc_at))));
}

}  // namespace

/// The first byte says what is damaged and whether checksums are corrected; then each three bytes
/// are a place and what is put there.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  if (bytes == 0) return 0;
  const auto& whole = segment((data[0] & 1) != 0);
  logdb::test::summarised damaged = whole;
  for (std::size_t at = 1; at + 3 <= bytes; at += 3) {
    const std::size_t place = (data[at] | std::size_t{data[at + 1]} << 8) % damaged.bytes.size();
    damaged.bytes[place] = std::byte{data[at + 2]};
  }
  const bool repaired = (data[0] & 2) != 0;
  if (repaired) repair(damaged.bytes);
  const auto& asked = queries();
  const logdb::fuzz::justified scope{damaged.bytes.size()};
  const auto view = damaged.view();
  if (!view) return 0;
  for (const auto& each : asked) {
    const auto plan = query::plan_blocks(*view, each.where(), logdb::test::noon());
    if (!plan) continue;
    auto left = *plan;
    (void)query::count_by_codes(*view, each.where(), logdb::test::noon(), left);
    if (repaired) continue;
    require(!missed_match(damaged, each, *view, *plan), "what is damaged leaves no match out");
  }
  return 0;
}
