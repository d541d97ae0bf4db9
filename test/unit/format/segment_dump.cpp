// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE format_segment_dump
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/format/frames/batch.hpp>
#include <logdb/format/frames/payloads.hpp>

#include "support.hpp"

namespace {

using namespace logdb;
using namespace logdb::format;
using test::bytes;

constexpr std::uint64_t salt = 0x1122'3344'5566'7788;
const frame_seed seed = make_seed(salt);

/// The segment that docs/format.md shows: a mark, one record, a batch of two, the seal.
bytes three_record_segment() {
  segment_header header;
  for (std::size_t n = 0; n < 16; ++n) header.store[n] = static_cast<std::byte>(0xa0 + n);
  header.number = segment_number{1};
  header.salt = salt;
  header.base = lsn{1};
  header.capacity = 64 << 20;
  bytes segment = test::to_vector(encode(header));
  const mark begin{lsn{}, timestamp{std::chrono::seconds{1'700'000'000}}};
  test::append_frame(segment, frame_kind::mark, lsn{1}, 0, encode(begin), seed);
  test::append_record(segment, lsn{1}, "hello", seed);
  const bytes batch = test::to_vector(std::string_view{"\3\0\5\0twothree", 12});
  test::append_frame(segment, frame_kind::batch, lsn{2}, 2, batch, seed);
  test::append_frame(segment, frame_kind::seal, lsn{4}, 0, {}, seed);
  return segment;
}

std::string dump_line(bytes_view line, std::size_t offset) {
  char text[32];
  std::snprintf(text, sizeof text, "%08zx ", offset);
  std::string out = text;
  for (std::size_t n = 0; n < line.size(); ++n) {
    std::snprintf(text, sizeof text, n == 8 ? "  %02x" : " %02x", static_cast<unsigned>(line[n]));
    out += text;
  }
  out.resize(60, ' ');
  out += '|';
  for (const std::byte byte : line) {
    const char c = static_cast<char>(byte);
    out += c >= ' ' && c <= '~' ? c : '.';
  }
  return out + "|\n";
}

/// Dumps as `hexdump -C` does: lines that repeat the one before are one asterisk.
std::string dump(bytes_view of) {
  std::string out;
  bool repeats = false;
  for (std::size_t at = 0; at < of.size(); at += 16) {
    const bytes_view line = of.subspan(at, std::min<std::size_t>(16, of.size() - at));
    const bool same =
        at != 0 && line.size() == 16 && std::ranges::equal(line, of.subspan(at - 16, 16));
    if (!same) out += dump_line(line, at);
    if (same && !repeats) out += "*\n";
    repeats = same;
  }
  return out;
}

std::string documented() {
  const auto path = std::filesystem::path{__FILE__}.parent_path() / "../../../docs/format.md";
  std::ifstream in{path};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  const std::string fence = "```hexdump\n";
  const std::size_t begin = text.find(fence);
  if (begin == std::string::npos) return "no hexdump in " + path.string();
  const std::size_t from = begin + fence.size();
  return text.substr(from, text.find("```", from) - from);
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_dump_in_the_documentation_is_what_is_written) {
  BOOST_TEST(documented() == dump(three_record_segment()));
}

BOOST_AUTO_TEST_CASE(the_documented_segment_reads_as_the_documentation_says) {
  const bytes segment = three_record_segment();
  segment_header header;
  BOOST_TEST(decode(segment, header) == format_fault::none);
  BOOST_TEST(header.salt == salt);
  std::vector<std::string> records;
  std::vector<frame_kind> kinds;
  frame_view frame;
  std::uint64_t at = segment_header_bytes;
  for (; read_frame(segment, at, seed, frame) == frame_fault::none; at += frame.bytes) {
    kinds.push_back(frame.header.kind);
    if (frame.header.kind == frame_kind::record) records.emplace_back(as_text(frame.payload));
    const auto batch = batch_view::open(frame.header.kind, frame.header.count, frame.payload);
    for (const bytes_view record : batch.value_or(batch_view{})) {
      records.emplace_back(as_text(record));
    }
  }
  BOOST_TEST(at == segment.size());
  BOOST_TEST((records == std::vector<std::string>{"hello", "two", "three"}));
  BOOST_TEST((kinds == std::vector{frame_kind::mark, frame_kind::record, frame_kind::batch,
                                   frame_kind::seal}));
}
