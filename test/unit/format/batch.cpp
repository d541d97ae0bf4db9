// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE format_batch
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <random>
#include <ranges>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/format/frames/batch.hpp>

#include "support.hpp"

namespace {

using namespace logdb;
using namespace logdb::format;
using test::bytes;

static_assert(std::forward_iterator<batch_view::iterator>);
static_assert(std::ranges::forward_range<batch_view>);
static_assert(std::ranges::view<batch_view>);

constexpr frame_kind kinds[] = {frame_kind::batch, frame_kind::wide_batch};

bytes make_batch(frame_kind kind, const std::vector<std::string>& records) {
  bytes payload(batch_length_bytes(kind) * records.size());
  for (std::size_t n = 0; n < records.size(); ++n) {
    encode_batch_length(payload.data(), kind, n, static_cast<std::uint32_t>(records[n].size()));
  }
  for (const auto& record : records) test::append(payload, as_bytes(record));
  return payload;
}

std::vector<std::string> texts(const batch_view& batch) {
  std::vector<std::string> out;
  for (const bytes_view record : batch) out.emplace_back(as_text(record));
  return out;
}

bool opens(frame_kind kind, std::uint32_t count, bytes_view payload) {
  return batch_view::open(kind, count, payload).has_value();
}

}  // namespace

BOOST_AUTO_TEST_CASE(records_come_out_as_they_went_in) {
  const std::vector<std::string> records{"one", "", "three", std::string(65'535, 'x'), ""};
  for (const auto kind : kinds) {
    const bytes payload = make_batch(kind, records);
    const auto batch = batch_view::open(kind, 5, payload);
    BOOST_REQUIRE(batch.has_value());
    BOOST_TEST(batch->size() == 5u);
    BOOST_TEST((texts(*batch) == records));
    for (std::size_t n = 0; n < records.size(); ++n) {
      BOOST_TEST(as_text((*batch)[n]) == records[n]);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_batch_is_a_forward_range) {
  const bytes payload = make_batch(frame_kind::batch, {"a", "bb", "ccc"});
  const auto batch = batch_view::open(frame_kind::batch, 3, payload);
  BOOST_REQUIRE(batch.has_value());
  BOOST_TEST(std::ranges::distance(*batch) == 3);
  auto at = batch->begin();
  const auto again = at++;
  BOOST_TEST(as_text(*again) == "a");
  BOOST_TEST(as_text(*at) == "bb");
  BOOST_TEST((std::ranges::next(at, 2) == batch->end()));
  BOOST_TEST((batch_view{}.begin() == batch_view{}.end()));
}

BOOST_AUTO_TEST_CASE(the_narrow_table_is_chosen_while_it_holds_the_longest) {
  static_assert(batch_kind(0) == frame_kind::batch);
  static_assert(batch_kind(65'535) == frame_kind::batch);
  static_assert(batch_kind(65'536) == frame_kind::wide_batch);
  const bytes payload = make_batch(frame_kind::wide_batch, {std::string(65'536, 'x'), "y"});
  const auto batch = batch_view::open(frame_kind::wide_batch, 2, payload);
  BOOST_REQUIRE(batch.has_value());
  BOOST_TEST((*batch)[0].size() == 65'536u);
}

BOOST_AUTO_TEST_CASE(the_payload_is_table_and_records) {
  static_assert(batch_payload_bytes(frame_kind::batch, 3, 10) == 16);
  static_assert(batch_payload_bytes(frame_kind::wide_batch, 3, 10) == 22);
  const bytes payload = make_batch(frame_kind::batch, {"a", "bb", "ccc"});
  BOOST_TEST(payload.size() == batch_payload_bytes(frame_kind::batch, 3, 6));
}

BOOST_AUTO_TEST_CASE(a_payload_that_does_not_add_up_is_refused) {
  for (const auto kind : kinds) {
    const bytes payload = make_batch(kind, {"one", "two"});
    for (std::size_t size = 0; size < payload.size(); ++size) {
      BOOST_TEST(!opens(kind, 2, bytes_view{payload}.first(size)));
    }
    bytes longer = payload;
    longer.push_back(std::byte{});
    BOOST_TEST(!opens(kind, 2, longer));
    BOOST_TEST(!opens(kind, 1, payload));
    BOOST_TEST(!opens(kind, 3, payload));
  }
}

BOOST_AUTO_TEST_CASE(a_count_of_zero_or_beyond_the_payload_is_refused) {
  for (const auto kind : kinds) {
    BOOST_TEST(!opens(kind, 0, {}));
    BOOST_TEST(!opens(kind, 1, {}));
    BOOST_TEST(!opens(kind, frame_count_max, bytes(100)));
    BOOST_TEST(!opens(kind, 0xffff'ffff, bytes(100)));
  }
}

BOOST_AUTO_TEST_CASE(lengths_that_overflow_32_bits_when_added_are_refused) {
  bytes payload(8);
  store(payload.data(), std::uint32_t{0xffff'ffff});
  store(payload.data() + 4, std::uint32_t{1});
  BOOST_TEST(!opens(frame_kind::wide_batch, 2, payload));
}

BOOST_AUTO_TEST_CASE(other_kinds_are_not_batches) {
  const bytes payload = make_batch(frame_kind::batch, {"one"});
  for (const auto kind : {frame_kind::record, frame_kind::mark, frame_kind{0}, frame_kind{0x12}}) {
    BOOST_TEST(!opens(kind, 1, payload));
  }
}

BOOST_AUTO_TEST_CASE(whatever_opens_stays_inside_its_payload) {
  std::mt19937_64 random{5};
  std::size_t opened = 0;
  for (int round = 0; round < 20'000; ++round) {
    bytes payload = test::random_bytes(random() % 24, random);
    for (auto& byte : payload) byte &= std::byte{3};  // small lengths, so that some do open
    const auto batch =
        batch_view::open(kinds[round % 2], static_cast<std::uint32_t>(random() % 5), payload);
    if (!batch) continue;
    ++opened;
    const bytes_view last = (*batch)[batch->size() - 1];
    BOOST_REQUIRE((last.data() + last.size() == payload.data() + payload.size()));
  }
  BOOST_TEST(opened > 0u);
}
