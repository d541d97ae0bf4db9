// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE format_segment_header
#include <cstdint>
#include <random>

#include <boost/test/unit_test.hpp>

#include <logdb/format/files/segment_header.hpp>

#include "support.hpp"

namespace {

using namespace logdb;
using namespace logdb::format;
using test::bytes;

segment_header sample() {
  segment_header header;
  for (std::size_t n = 0; n < 16; ++n) header.store[n] = static_cast<std::byte>(n + 1);
  header.number = segment_number{12};
  header.salt = 0xfeed'beef'dead'c0de;
  header.base = lsn{1'000};
  header.capacity = 64 << 20;
  header.predecessor = segment_number{11};
  header.predecessor_end = 4'711 * 8;
  header.compat = 1;
  header.read_only_compat = 2;
  header.index_id = 5;
  header.compression_id = 6;
  header.role = segment_role::attached;
  return header;
}

bytes encoded(const segment_header& header = sample()) { return test::to_vector(encode(header)); }

/// Makes the CRC right again after a field was changed.
bytes sign(bytes out) {
  store(out.data() + 124, crc32c(bytes_view{out}.first(124)));
  return out;
}

template <class T>
bytes with(std::size_t at, T value) {
  bytes out = encoded();
  store(out.data() + at, value);
  return sign(std::move(out));
}

format_fault fault_of(bytes_view in) {
  segment_header out;
  return decode(in, out);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_header_reads_back) {
  segment_header out;
  BOOST_TEST(decode(encoded(), out) == format_fault::none);
  BOOST_TEST((out == sample()));
  BOOST_TEST(decode(bytes_view{encoded()}.first(128), out) == format_fault::none);
}

BOOST_AUTO_TEST_CASE(every_flipped_bit_of_the_fields_is_detected) {
  const bytes intact = encoded();
  for (std::size_t bit = 0; bit < 128 * 8; ++bit) {
    bytes damaged = intact;
    test::flip_bit(damaged, bit);
    BOOST_TEST(fault_of(damaged) == (bit < 64 ? format_fault::not_ours : format_fault::damaged));
  }
}

BOOST_AUTO_TEST_CASE(what_lies_behind_the_fields_is_zero_and_ignored) {
  bytes out = encoded();
  for (std::size_t at = 128; at < segment_header_bytes; ++at) BOOST_REQUIRE(out[at] == std::byte{});
  out[2'000] = std::byte{1};
  BOOST_TEST(fault_of(out) == format_fault::none);
}

BOOST_AUTO_TEST_CASE(a_truncated_header_is_refused) {
  const bytes intact = encoded();
  for (std::size_t size = 0; size < 128; ++size) {
    const bytes cut{intact.begin(), intact.begin() + static_cast<std::ptrdiff_t>(size)};
    BOOST_TEST(fault_of(cut) == (size < 8 ? format_fault::not_ours : format_fault::damaged));
  }
}

BOOST_AUTO_TEST_CASE(foreign_files_are_not_ours) {
  BOOST_TEST(fault_of({}) == format_fault::not_ours);
  BOOST_TEST(fault_of(bytes(4'096)) == format_fault::not_ours);
  BOOST_TEST(fault_of(as_bytes("#!/bin/sh\necho hello\n")) == format_fault::not_ours);
}

BOOST_AUTO_TEST_CASE(a_newer_version_is_told_from_damage) {
  BOOST_TEST(fault_of(with(8, format_version + 1)) == format_fault::newer_version);
  BOOST_TEST(fault_of(with(8, ~std::uint32_t{0})) == format_fault::newer_version);
  BOOST_TEST(fault_of(with(8, std::uint32_t{0})) == format_fault::damaged);
}

BOOST_AUTO_TEST_CASE(an_unknown_incompat_feature_is_refused_and_the_others_are_told) {
  for (int bit = 0; bit < 64; ++bit) {
    const std::uint64_t feature = std::uint64_t{1} << bit;
    BOOST_TEST(fault_of(with(96, feature)) == format_fault::unknown_feature);
    segment_header out;
    BOOST_TEST(decode(with(88, feature), out) == format_fault::none);
    BOOST_TEST(out.read_only_compat == feature);
  }
}

BOOST_AUTO_TEST_CASE(a_big_endian_file_is_named_as_such) {
  BOOST_TEST(fault_of(with(12, std::uint32_t{0x04030201})) == format_fault::wrong_byte_order);
}

BOOST_AUTO_TEST_CASE(an_unknown_role_is_damage) {
  for (const int role : {0, 4, 255}) {
    BOOST_TEST(fault_of(with(112, static_cast<std::uint8_t>(role))) == format_fault::damaged);
  }
}

BOOST_AUTO_TEST_CASE(a_fault_leaves_the_result_unchanged) {
  segment_header out = sample();
  out.salt = 1;
  const segment_header before = out;
  decode(with(96, std::uint64_t{1}), out);
  BOOST_TEST((out == before));
}

BOOST_AUTO_TEST_CASE(random_bytes_behind_the_magic_are_damage) {
  std::mt19937_64 random{6};
  for (int round = 0; round < 1'000; ++round) {
    bytes in = test::to_vector("LOGDBSEG");
    test::append(in, test::random_bytes(random() % 300, random));
    BOOST_REQUIRE_EQUAL(fault_of(in), format_fault::damaged);
  }
}
