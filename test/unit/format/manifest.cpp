// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE format_manifest
#include <chrono>
#include <cstdint>
#include <random>
#include <string>

#include <boost/test/unit_test.hpp>

#include <logdb/format/files/manifest.hpp>

#include "support.hpp"

namespace {

using namespace logdb;
using namespace logdb::format;
using test::bytes;

manifest_segment sample_segment(std::uint64_t number) {
  return {.number = segment_number{number},
          .salt = number * 0x9e37'79b9'7f4a'7c15,
          .capacity = 64 << 20,
          .base = lsn{number * 100},
          .end = lsn{number * 100 + 100},
          .end_offset = 8'192,
          .footer_offset = 8'192,
          .time_first = timestamp{std::chrono::nanoseconds{-1}},
          .time_last = timestamp{std::chrono::nanoseconds{1'700'000'000'000'000'000}},
          .role = number % 2 == 0 ? segment_role::log : segment_role::attached};
}

manifest sample() {
  manifest value;
  for (std::size_t n = 0; n < 16; ++n) value.store[n] = static_cast<std::byte>(n + 1);
  value.generation = 17;
  value.next_segment = 4;
  value.index_id = 2;
  value.compression_id = 3;
  value.compat = 4;
  value.read_only_compat = 8;
  value.first = lsn{101};
  for (std::uint64_t number = 1; number <= 3; ++number) {
    value.segments.push_back(sample_segment(number));
  }
  value.cursors.push_back({"mailer", lsn{150}, {segment_number{2}, 4'096}});
  value.cursors.push_back({std::string(255, 'x'), lsn{7}, {}});
  return value;
}

bytes sign(bytes out) {
  store(out.data() + out.size() - 4, crc32c(bytes_view{out}.first(out.size() - 4)));
  return out;
}

template <class T>
bytes with(std::size_t at, T value) {
  bytes out = encode(sample());
  store(out.data() + at, value);
  return sign(std::move(out));
}

format_fault fault_of(bytes_view in) {
  manifest out;
  return decode(in, out);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_manifest_reads_back) {
  manifest out;
  BOOST_TEST(decode(encode(sample()), out) == format_fault::none);
  BOOST_TEST((out == sample()));
}

BOOST_AUTO_TEST_CASE(an_empty_manifest_reads_back) {
  manifest out = sample();
  BOOST_TEST(encode(manifest{}).size() == 108u);
  BOOST_TEST(decode(encode(manifest{}), out) == format_fault::none);
  BOOST_TEST((out == manifest{}));
}

BOOST_AUTO_TEST_CASE(every_flipped_bit_is_detected) {
  const bytes intact = encode(sample());
  for (std::size_t bit = 0; bit < intact.size() * 8; ++bit) {
    bytes damaged = intact;
    test::flip_bit(damaged, bit);
    BOOST_TEST(fault_of(damaged) == (bit < 64 ? format_fault::not_ours : format_fault::damaged));
  }
}

BOOST_AUTO_TEST_CASE(every_truncation_and_extension_is_detected) {
  const bytes intact = encode(sample());
  for (std::size_t size = 0; size < intact.size(); ++size) {
    const bytes cut{intact.begin(), intact.begin() + static_cast<std::ptrdiff_t>(size)};
    BOOST_TEST(fault_of(cut) == (size < 8 ? format_fault::not_ours : format_fault::damaged));
  }
  bytes longer = intact;
  longer.push_back(std::byte{});
  BOOST_TEST(fault_of(longer) == format_fault::damaged);
}

BOOST_AUTO_TEST_CASE(crafted_counts_are_refused_before_anything_is_reserved) {
  for (const std::uint32_t count : {0u, 2u, 4u, 5u, 0x7fff'ffffu, 0xffff'ffffu}) {
    BOOST_TEST(fault_of(with(96, count)) == format_fault::damaged);
    if (count != 2) BOOST_TEST(fault_of(with(100, count)) == format_fault::damaged);
  }
}

BOOST_AUTO_TEST_CASE(a_crafted_name_length_is_refused) {
  const std::size_t name_length_at = 104 + 3 * 80 + 24;
  for (const int length : {0, 5, 7, 255}) {
    BOOST_TEST(fault_of(with(name_length_at, static_cast<std::uint8_t>(length))) ==
               format_fault::damaged);
  }
}

BOOST_AUTO_TEST_CASE(a_cursor_without_a_name_is_refused) {
  manifest value = sample();
  value.cursors[0].name.clear();
  BOOST_TEST(fault_of(encode(value)) == format_fault::damaged);
}

BOOST_AUTO_TEST_CASE(an_unknown_segment_role_is_damage) {
  BOOST_TEST(fault_of(with(104 + 72, std::uint8_t{4})) == format_fault::damaged);
  BOOST_TEST(fault_of(with(104 + 72, std::uint8_t{0})) == format_fault::damaged);
}

BOOST_AUTO_TEST_CASE(versions_features_and_byte_order_are_told_apart) {
  BOOST_TEST(fault_of(with(8, format_version + 1)) == format_fault::newer_version);
  BOOST_TEST(fault_of(with(8, std::uint32_t{0})) == format_fault::damaged);
  BOOST_TEST(fault_of(with(80, std::uint64_t{1})) == format_fault::unknown_feature);
  BOOST_TEST(fault_of(with(12, std::uint32_t{0x04030201})) == format_fault::wrong_byte_order);
}

BOOST_AUTO_TEST_CASE(a_fault_leaves_the_result_unchanged) {
  manifest out = sample();
  BOOST_TEST(decode(with(100, std::uint32_t{1}), out) == format_fault::damaged);
  BOOST_TEST((out == sample()));
}

BOOST_AUTO_TEST_CASE(signed_noise_never_reads_outside_and_never_throws) {
  std::mt19937_64 random{7};
  const bytes intact = encode(sample());
  std::size_t refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    bytes in = intact;
    for (int change = 0; change < 3; ++change) {
      in[96 + random() % (in.size() - 100)] = static_cast<std::byte>(random());
    }
    refused += fault_of(sign(std::move(in))) != format_fault::none;
  }
  BOOST_TEST(refused > 0u);
}
