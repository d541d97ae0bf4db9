// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE format_payloads
#include <chrono>
#include <cstdint>
#include <limits>
#include <string>

#include <boost/test/unit_test.hpp>

#include <logdb/format/frames/payloads.hpp>

#include "support.hpp"

namespace {

using namespace logdb;
using namespace logdb::format;
using test::bytes;

constexpr timestamp at_ns(std::int64_t ns) { return timestamp{std::chrono::nanoseconds{ns}}; }

constexpr footer sample_footer{.index_id = 3,
                               .first = lsn{10},
                               .end = lsn{20},
                               .time_first = at_ns(-5),
                               .time_last = at_ns(99),
                               .data_end = 123'456};

bytes encoded_footer() { return test::to_vector(encode(sample_footer)); }

const std::array<footer_section, 3> sample_sections{
    {{0, as_bytes("own")}, {7, {}}, {70'000, as_bytes("sixteen bytes, 2")}}};

bytes footer_with_sections() {
  footer described = sample_footer;
  described.sections = static_cast<std::uint32_t>(sample_sections.size());
  bytes payload = test::to_vector(encode(described));
  test::append(payload, encode(std::span{sample_sections}));
  return payload;
}

/// Tells that a decoder takes exactly `size` bytes of these and no fewer.
template <class Decode>
bool refuses_other_sizes(Decode decode, bytes payload) {
  for (std::size_t size = 0; size < payload.size(); ++size) {
    if (decode(bytes_view{payload}.first(size))) return false;
  }
  payload.push_back(std::byte{});
  return !decode(payload);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_mark_reads_back) {
  for (const std::int64_t ns : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 60,
                                std::numeric_limits<std::int64_t>::min()}) {
    const mark value{lsn{77}, at_ns(ns)};
    BOOST_TEST((decode_mark(encode(value)) == value));
  }
  BOOST_TEST(refuses_other_sizes(decode_mark, test::to_vector(encode(mark{}))));
}

BOOST_AUTO_TEST_CASE(a_cursor_reads_back_whatever_its_name) {
  for (const std::size_t length : {std::size_t{1}, std::size_t{6}, std::size_t{255}}) {
    const std::string name(length, 'n');
    const cursor_payload payload = encode(cursor{lsn{5}, name});
    BOOST_TEST(payload.bytes().size() == 8 + length);
    BOOST_TEST((decode_cursor(payload.bytes()) == cursor{lsn{5}, name}));
  }
}

BOOST_AUTO_TEST_CASE(a_cursor_name_out_of_range_is_refused_both_ways) {
  BOOST_TEST(encode(cursor{lsn{5}, ""}).bytes().empty());
  BOOST_TEST(encode(cursor{lsn{5}, std::string(256, 'n')}).bytes().empty());
  for (std::size_t size = 0; size <= 8; ++size) BOOST_TEST(!decode_cursor(bytes(size)));
  BOOST_TEST(decode_cursor(bytes(8 + 255)).has_value());
  BOOST_TEST(!decode_cursor(bytes(8 + 256)));
}

BOOST_AUTO_TEST_CASE(an_attach_reads_back) {
  const attach value{segment_number{9}, 0x1234'5678'9abc'def0, 1ull << 40, 3};
  BOOST_TEST((decode_attach(encode(value)) == value));
  BOOST_TEST(refuses_other_sizes(decode_attach, test::to_vector(encode(value))));
}

BOOST_AUTO_TEST_CASE(a_footer_reads_back_with_its_index) {
  bytes payload = encoded_footer();
  test::append(payload, as_bytes("index bytes"));
  const auto read = decode_footer(payload);
  BOOST_REQUIRE(read.has_value());
  BOOST_TEST(read->index_id == 3u);
  BOOST_TEST(read->first == lsn{10});
  BOOST_TEST(read->end == lsn{20});
  BOOST_TEST((read->time_first == at_ns(-5)));
  BOOST_TEST((read->time_last == at_ns(99)));
  BOOST_TEST(read->data_end == 123'456u);
  BOOST_TEST(as_text(read->index) == "index bytes");
}

BOOST_AUTO_TEST_CASE(a_footer_may_have_no_index) {
  const bytes payload = encoded_footer();
  const auto read = decode_footer(payload);
  BOOST_REQUIRE(read.has_value());
  BOOST_TEST(read->index.empty());
}

BOOST_AUTO_TEST_CASE(a_footer_without_sections_has_the_index_as_section_0) {
  bytes payload = encoded_footer();
  test::append(payload, as_bytes("index bytes"));
  const auto sections = sections_of(*decode_footer(payload));
  BOOST_REQUIRE(sections.has_value());
  BOOST_REQUIRE(sections->size() == 1u);
  BOOST_TEST(sections->front().id == 0u);
  BOOST_TEST(as_text(sections->front().bytes) == "index bytes");
}

BOOST_AUTO_TEST_CASE(a_footer_with_sections_gives_each_by_its_id) {
  const bytes payload = footer_with_sections();
  const auto read = decode_footer(payload);
  BOOST_REQUIRE(read.has_value());
  const auto found = sections_of(*read);
  BOOST_REQUIRE(found.has_value());
  BOOST_REQUIRE(found->size() == sample_sections.size());
  for (std::size_t n = 0; n < found->size(); ++n) {
    BOOST_TEST((*found)[n].id == sample_sections[n].id);
    BOOST_TEST(as_text((*found)[n].bytes) == as_text(sample_sections[n].bytes));
  }
}

BOOST_AUTO_TEST_CASE(sections_that_do_not_add_up_are_refused) {
  const bytes whole = test::to_vector(encode(std::span{sample_sections}));
  const auto refuses = [](bytes_view index, std::uint32_t count) {
    return !decode_sections(index, count).has_value();
  };
  BOOST_TEST(!refuses(whole, 3));
  BOOST_TEST(refuses(whole, 2));
  BOOST_TEST(refuses(whole, 4));
  BOOST_TEST(refuses(whole, 0xffff'ffff));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    BOOST_TEST(refuses(bytes_view{whole}.first(size), 3));
  }
  const auto with = [&whole](std::size_t at, std::byte value) {
    bytes changed = whole;
    changed[at] = value;
    return changed;
  };
  BOOST_TEST(refuses(with(4, std::byte{1}), 3));    // reserved
  BOOST_TEST(refuses(with(15, std::byte{1}), 3));   // a length beyond all there is
  BOOST_TEST(refuses(with(23, std::byte{1}), 3));   // padding
  BOOST_TEST(refuses(with(24, std::byte{}), 3));    // the id of the one before again
  BOOST_TEST(refuses(with(8, std::byte{255}), 3));  // the length of another
}

BOOST_AUTO_TEST_CASE(a_footer_that_is_short_inverted_or_reserved_is_refused) {
  const bytes payload = encoded_footer();
  for (std::size_t size = 0; size < payload.size(); ++size) {
    BOOST_TEST(!decode_footer(bytes_view{payload}.first(size)));
  }
  bytes reserved = payload;
  reserved[5] = std::byte{1};
  BOOST_TEST(!sections_of(*decode_footer(reserved)));
  footer inverted = sample_footer;
  inverted.end = lsn{9};
  BOOST_TEST(!decode_footer(encode(inverted)));
}

BOOST_AUTO_TEST_CASE(the_bytes_of_a_mark_are_those_drawn) {
  const auto out = encode(mark{lsn{0x0102}, at_ns(0x0304)});
  const bytes drawn =
      test::to_vector(std::string_view{"\x02\x01\0\0\0\0\0\0\x04\x03\0\0\0\0\0\0", 16});
  BOOST_TEST((test::to_vector(out) == drawn));
}
