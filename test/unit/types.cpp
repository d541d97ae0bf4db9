// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE types
#include <array>
#include <span>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/types.hpp>

namespace {

using logdb::lsn;

BOOST_AUTO_TEST_SUITE(types)

BOOST_AUTO_TEST_CASE(an_lsn_counts_records_and_is_no_number) {
  BOOST_TEST(!(std::is_convertible_v<int, lsn> || std::is_convertible_v<lsn, std::uint64_t>));
  BOOST_TEST(!static_cast<bool>(lsn{}));
  BOOST_TEST(static_cast<bool>(lsn{1}));
  lsn at{7};
  BOOST_TEST(++at == lsn{8});
  at += 2;
  BOOST_TEST(at == lsn{10});
  BOOST_TEST(at - 3 == lsn{7});
  BOOST_TEST(at + 3 == lsn{13});
  BOOST_TEST(lsn{13} - at == 3U);
  BOOST_TEST(lsn{9} < at);
  std::ostringstream out;
  out << at;
  BOOST_TEST(out.str() == "10");
}

BOOST_AUTO_TEST_CASE(a_position_is_ordered_by_segment_and_then_by_offset) {
  using logdb::position;
  using logdb::segment_number;
  BOOST_TEST((position{segment_number{1}, 9} < position{segment_number{2}, 0}));
  BOOST_TEST((position{segment_number{2}, 1} > position{segment_number{2}, 0}));
  BOOST_TEST(logdb::to_integer(segment_number{5}) == 5U);
}

BOOST_AUTO_TEST_CASE(text_and_contiguous_bytes_can_be_appended_and_nothing_else) {
  BOOST_TEST((logdb::bytes_like<std::string> && logdb::bytes_like<const char*>));
  BOOST_TEST((logdb::bytes_like<std::vector<std::byte>> && logdb::bytes_like<logdb::bytes_view>));
  BOOST_TEST((logdb::bytes_like<std::array<std::byte, 3>>));
  BOOST_TEST((logdb::bytes_like<std::vector<char>> && logdb::bytes_like<std::span<unsigned char>>));
  BOOST_TEST((logdb::bytes_like<std::u8string> && logdb::bytes_like<const char8_t*>));
  BOOST_TEST((!logdb::bytes_like<std::wstring_view> && !logdb::bytes_like<char>));
  BOOST_TEST((!logdb::bytes_like<std::vector<std::vector<unsigned char>>>));
  BOOST_TEST((!logdb::bytes_like<int> && !logdb::bytes_like<std::vector<int>>));
  BOOST_TEST((!logdb::bytes_like<std::vector<std::string>>));
}

BOOST_AUTO_TEST_CASE(bytes_and_text_view_the_same_memory) {
  const std::string text{"a\0b", 3};
  const logdb::bytes_view bytes = logdb::to_bytes(text);
  BOOST_TEST(static_cast<const void*>(bytes.data()) == static_cast<const void*>(text.data()));
  BOOST_TEST(bytes.size() == 3U);
  BOOST_TEST(logdb::as_text(bytes) == text);
  BOOST_TEST(logdb::to_bytes("literal").size() == 7U);
  BOOST_TEST(logdb::to_bytes(u8"literal").size() == 7U);
  const std::vector<unsigned char> small{1, 0, 2};
  BOOST_TEST(static_cast<const void*>(logdb::to_bytes(small).data()) == small.data());
  BOOST_TEST(logdb::to_bytes(small).size() == 3U);
  BOOST_TEST(logdb::to_bytes(std::string{}).empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
