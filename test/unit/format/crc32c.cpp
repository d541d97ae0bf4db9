// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE format_crc32c
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include <boost/crc.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/format/crc32c.hpp>

#include "support.hpp"

namespace {

using namespace logdb;
using format::crc32c;
using test::bytes;

std::uint32_t oracle(bytes_view of) {
  boost::crc_optimal<32, 0x1EDC6F41, ~0u, ~0u, true, true> crc;
  crc.process_bytes(of.data(), of.size());
  return crc.checksum();
}

// Called before main begins: the dispatch must not depend on the order of static initialisation.
const std::uint32_t before_main = crc32c(as_bytes("123456789"));

bytes sample() {
  std::mt19937_64 random{1};
  return test::random_bytes(20'000, random);
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_check_value_is_that_of_the_standard) {
  BOOST_TEST(crc32c(as_bytes("123456789")) == 0xe3069283u);
  BOOST_TEST(format::detail::crc32c_software(as_bytes("123456789")) == 0xe3069283u);
  BOOST_TEST(before_main == 0xe3069283u);
}

BOOST_AUTO_TEST_CASE(the_examples_of_rfc_3720_hold) {
  BOOST_TEST(crc32c(bytes(32)) == 0x8a9136aau);
  BOOST_TEST(crc32c(bytes(32, std::byte{0xff})) == 0x62a8ab43u);
}

BOOST_AUTO_TEST_CASE(no_bytes_give_the_crc_back) {
  BOOST_TEST(crc32c({}) == 0u);
  BOOST_TEST(crc32c({}, 0x12345678u) == 0x12345678u);
  BOOST_TEST(format::detail::crc32c_software({}, 0x12345678u) == 0x12345678u);
}

BOOST_AUTO_TEST_CASE(every_length_and_alignment_agrees_with_the_oracle) {
  const bytes data = sample();
  std::size_t wrong = 0;
  for (std::size_t alignment = 0; alignment <= 8; ++alignment) {
    for (std::size_t length = 0; length <= 1100; ++length) {
      const bytes_view part = bytes_view{data}.subspan(alignment, length);
      const std::uint32_t expected = oracle(part);
      wrong += crc32c(part) != expected;
      wrong += format::detail::crc32c_software(part) != expected;
    }
  }
  BOOST_TEST(wrong == 0u);
}

BOOST_AUTO_TEST_CASE(lengths_around_the_three_streams_agree_with_the_oracle) {
  const bytes data = sample();
  std::size_t wrong = 0;
  for (std::size_t length = 3'000; length < 20'000; length += length < 3'300 ? 1 : 119) {
    wrong += crc32c(bytes_view{data}.first(length)) != oracle(bytes_view{data}.first(length));
  }
  BOOST_TEST(wrong == 0u);
}

BOOST_AUTO_TEST_CASE(a_crc_is_extended_at_any_cut) {
  const bytes data = sample();
  const bytes_view whole = bytes_view{data}.first(700);
  const std::uint32_t expected = oracle(whole);
  std::size_t wrong = 0;
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    wrong += crc32c(whole.subspan(cut), crc32c(whole.first(cut))) != expected;
  }
  BOOST_TEST(wrong == 0u);
}

BOOST_AUTO_TEST_CASE(hardware_and_software_agree, *boost::unit_test::precondition([](auto) {
                       return format::crc32c_is_hardware();
                     })) {
  std::mt19937_64 random{2};
  const bytes data = sample();
  for (int round = 0; round < 500; ++round) {
    const bytes_view part = bytes_view{data}.subspan(random() % 64, random() % 8'000);
    const auto crc = static_cast<std::uint32_t>(random());
    BOOST_REQUIRE_EQUAL(format::detail::crc32c_hardware(part, crc),
                        format::detail::crc32c_software(part, crc));
  }
}

BOOST_AUTO_TEST_CASE(threads_that_call_it_first_at_once_get_the_same) {
  const bytes data = sample();
  const std::uint32_t expected = oracle(data);
  std::vector<std::uint32_t> got(4);
  std::vector<std::thread> threads;
  format::detail::crc32c_chosen.store(&format::detail::crc32c_resolve, std::memory_order_relaxed);
  for (auto& crc : got) threads.emplace_back([&crc, &data] { crc = crc32c(data); });
  for (auto& thread : threads) thread.join();
  for (const std::uint32_t crc : got) BOOST_TEST(crc == expected);
}
