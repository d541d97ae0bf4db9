// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE journal_staging
#include <cstddef>
#include <cstdint>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "support/temp_dir.hpp"
#include "support/throws.hpp"

// The staging ring: what it keeps, and what it cannot keep.

namespace logdb::test {
namespace {

using ring = detail::staging<Directory>;
constexpr std::uint64_t ring_bytes = 32u << 10;

struct empty_ring {
  temp_dir place;
  Directory volume{place / "log", open_mode::read_write};
  ring staged = ring::create(volume, ring_bytes);
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(staging, empty_ring)

BOOST_AUTO_TEST_CASE(a_whole_ring_is_kept_wherever_it_begins) {
  for (const std::uint64_t at : {std::uint64_t{0}, std::uint64_t{8}, ring_bytes - 8}) {
    const stream_position begin{at};
    const auto [first, second] = staged.pieces(begin, begin + ring_bytes);
    BOOST_TEST(first.size() + second.size() == ring_bytes);
  }
}

BOOST_AUTO_TEST_CASE(a_stretch_that_is_larger_than_the_ring_is_refused) {
  const stream_position begin = detail::stream_begin;
  BOOST_TEST(throws(errc::corrupt, [&] { (void)staged.pieces(begin, begin + ring_bytes + 8); }));
  BOOST_TEST(throws(errc::corrupt, [&] { (void)staged.pieces(begin + 8, begin); }));
  std::vector<std::byte> out(ring_bytes + 8);
  BOOST_TEST(throws(errc::corrupt, [&] { staged.copy_out(begin, out); }));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
