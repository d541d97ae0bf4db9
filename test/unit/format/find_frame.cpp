// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE format_find_frame
#include <cstdint>
#include <optional>
#include <string>

#include <boost/test/unit_test.hpp>

#include <logdb/format/frames/frame.hpp>

#include "support.hpp"

namespace {

using namespace logdb;
using namespace logdb::format;
using test::bytes;

const frame_seed seed = make_seed(42);

struct three_frames {
  three_frames() {
    first = test::append_record(segment, lsn{1}, "one", seed);
    second = test::append_record(segment, lsn{2}, std::string(1'000, 'b'), seed);
    third = test::append_record(segment, lsn{3}, "three", seed);
  }

  bytes segment = bytes(128, std::byte{0x11});
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  std::uint64_t third = 0;
};

bool finds(bytes_view segment, std::uint64_t from, std::optional<std::uint64_t> expected) {
  return find_frame(segment, from, seed) == expected;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(the_next_frame_is_found_from_any_offset, three_frames) {
  for (std::uint64_t from = 0; from <= segment.size(); ++from) {
    std::optional<std::uint64_t> expected;
    for (const std::uint64_t at : {third, second, first}) {
      if (at >= from) expected = at;
    }
    BOOST_TEST(finds(segment, from, expected));
  }
}

BOOST_FIXTURE_TEST_CASE(a_damaged_frame_is_passed_over, three_frames) {
  test::flip_bit(segment, (second + 24) * 8);
  BOOST_TEST(finds(segment, second, third));
  test::flip_bit(segment, (third + 8) * 8);
  BOOST_TEST(finds(segment, second, std::nullopt));
}

BOOST_FIXTURE_TEST_CASE(a_frame_that_passes_the_end_is_not_whole, three_frames) {
  segment.pop_back();
  BOOST_TEST(finds(segment, second + 1, std::nullopt));
}

BOOST_FIXTURE_TEST_CASE(a_frame_inside_a_payload_is_not_found_where_it_was_copied_to,
                        three_frames) {
  const std::string copy{as_text(bytes_view{segment}.subspan(first, frame_bytes(3)))};
  const std::uint64_t holder = test::append_record(segment, lsn{4}, copy, seed);
  BOOST_TEST(finds(segment, third + 1, holder));
  BOOST_TEST(finds(segment, holder + 1, std::nullopt));
}

BOOST_AUTO_TEST_CASE(nothing_is_found_where_there_is_nothing) {
  BOOST_TEST(finds({}, 0, std::nullopt));
  BOOST_TEST(finds({}, ~std::uint64_t{0}, std::nullopt));
  BOOST_TEST(finds(bytes(23), 0, std::nullopt));
  BOOST_TEST(finds(bytes(100'000), 0, std::nullopt));
  BOOST_TEST(finds(bytes(100), 101, std::nullopt));
}

BOOST_AUTO_TEST_CASE(any_number_of_damaged_frames_is_passed_over) {
  bytes segment;
  for (std::uint64_t n = 1; n <= 1'000; ++n) {
    const std::uint64_t at = test::append_record(segment, lsn{n}, std::string(90, 'x'), seed);
    test::flip_bit(segment, (at + 24) * 8);
  }
  const std::uint64_t intact = test::append_record(segment, lsn{1'001}, "intact", seed);
  BOOST_TEST(finds(segment, 0, intact));
}

BOOST_AUTO_TEST_CASE(the_search_ends_once_crafted_frames_have_cost_the_segment_once) {
  // Each header is signed and claims all that follows: to check every payload would be quadratic.
  bytes segment(24 * 1'000);
  for (std::size_t at = 0; at < segment.size(); at += 24) {
    const auto payload_bytes = static_cast<std::uint32_t>(segment.size() - at - 24);
    encode_header(segment.data() + at, {1, payload_bytes, lsn{1}, 1, frame_kind::record}, seed, at);
  }
  segment.resize(segment.size() - 24);
  const std::uint64_t intact = test::append_record(segment, lsn{1}, "", seed);
  BOOST_TEST(finds(segment, intact, intact));
  BOOST_TEST(finds(segment, 0, std::nullopt));
}
