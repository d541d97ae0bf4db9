// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE index_sparse
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/index/sparse.hpp>

namespace {

using logdb::index_entry;
using logdb::lsn;
using logdb::Sparse;
using logdb::timestamp;
using index_type = Sparse::segment_index;

constexpr std::uint64_t stride = 100;
constexpr std::uint64_t capacity = 1000;

timestamp at(std::int64_t ns) { return timestamp{std::chrono::nanoseconds{ns}}; }

/// Notes a frame every 120 bytes: lsn 1, 11, 21, … at time 10, 20, 30, …
void fill(index_type& index) {
  for (std::uint64_t n = 0; n < 5; ++n) {
    index.note({lsn{n * 10 + 1}, n * 120, at(static_cast<std::int64_t>(n + 1) * 10)});
  }
}

BOOST_AUTO_TEST_SUITE(sparse)

BOOST_AUTO_TEST_CASE(it_wants_a_frame_each_stride) {
  index_type index{{.stride_bytes = stride}, capacity};
  BOOST_TEST(index.due() == 0U);
  index.note({lsn{1}, 40, at(1)});
  BOOST_TEST(index.due() == 140U);
}

BOOST_AUTO_TEST_CASE(an_lsn_is_narrowed_to_the_last_entry_at_or_below_it) {
  index_type index{{.stride_bytes = stride}, capacity};
  BOOST_TEST(!index.floor(lsn{1}));
  fill(index);
  BOOST_TEST(!index.floor(lsn{0}));
  BOOST_TEST(index.floor(lsn{1})->offset == 0U);
  BOOST_TEST(index.floor(lsn{10})->offset == 0U);
  BOOST_TEST(index.floor(lsn{11})->offset == 120U);
  BOOST_TEST(index.floor(lsn{1000})->first == lsn{41});
}

BOOST_AUTO_TEST_CASE(a_time_is_narrowed_to_the_last_entry_below_it) {
  index_type index{{.stride_bytes = stride}, capacity};
  fill(index);
  BOOST_TEST(!index.floor(at(10)));
  BOOST_TEST(index.floor(at(11))->first == lsn{1});
  BOOST_TEST(index.floor(at(20))->first == lsn{1});
  BOOST_TEST(index.floor(at(21))->first == lsn{11});
  BOOST_TEST(index.floor(at(1000))->first == lsn{41});
}

BOOST_AUTO_TEST_CASE(what_was_encoded_can_be_taken_back) {
  index_type index{{.stride_bytes = stride}, capacity};
  BOOST_TEST(index.encode().empty());
  fill(index);
  index_type again{{.stride_bytes = stride}, capacity};
  BOOST_TEST(again.decode(index.encode()));
  BOOST_TEST(again.floor(lsn{25})->offset == 240U);
  BOOST_TEST((again.encode() == index.encode()));
}

BOOST_AUTO_TEST_CASE(damaged_bytes_are_refused_and_change_nothing) {
  index_type index{{.stride_bytes = stride}, capacity};
  fill(index);
  const auto bytes = index.encode();
  index_type other{{.stride_bytes = stride}, capacity};
  BOOST_TEST(!other.decode(logdb::bytes_view{bytes}.first(bytes.size() - 1)));
  std::vector<std::byte> backwards(bytes.begin() + 24, bytes.begin() + 48);
  backwards.insert(backwards.end(), bytes.begin(), bytes.begin() + 24);
  BOOST_TEST(!other.decode(backwards));
  BOOST_TEST(!other.decode(std::vector<std::byte>(24 * 1000)));
  BOOST_TEST(!other.floor(lsn{1000}));
  BOOST_TEST(other.decode({}));
}

BOOST_AUTO_TEST_CASE(entries_beyond_its_room_are_left_out) {
  index_type index{{.stride_bytes = stride}, capacity};
  for (std::uint64_t n = 1; n <= 100; ++n) index.note({lsn{n}, n, at(1)});
  BOOST_TEST(index.encode().size() == (capacity / stride + 2) * sizeof(index_entry));
  BOOST_TEST(index.floor(lsn{100})->first == lsn{12});
}

BOOST_AUTO_TEST_CASE(readers_beside_the_writer_see_a_prefix) {
  index_type index{{.stride_bytes = 64}, 64 * 2000};
  const std::jthread writer{[&index] {
    for (std::uint64_t n = 1; n <= 2000; ++n) index.note({lsn{n}, n * 64, at(1)});
  }};
  bool consistent = true;
  for (lsn seen{}; seen < lsn{2000};) {
    const auto found = index.floor(lsn{5000});
    if (!found) continue;
    consistent = consistent && found->first >= seen && found->offset == found->first.value() * 64;
    seen = found->first;
  }
  BOOST_TEST(consistent);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
