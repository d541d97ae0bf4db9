// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE format_names
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/test/unit_test.hpp>

#include <logdb/format/files/names.hpp>

using namespace logdb;
using namespace logdb::format;

BOOST_AUTO_TEST_CASE(a_name_is_sixteen_hexadecimal_digits_and_a_suffix) {
  BOOST_TEST(segment_name(segment_number{1}) == "0000000000000001.seg");
  BOOST_TEST(segment_name(segment_number{0xfedc'ba98'7654'3210}) == "fedcba9876543210.seg");
}

BOOST_AUTO_TEST_CASE(names_read_back_and_sort_as_their_numbers) {
  std::string before;
  for (std::uint64_t number = 1; number != 0; number *= 2) {
    const std::string name = segment_name(segment_number{number});
    BOOST_TEST((parse_segment_name(name) == segment_number{number}));
    BOOST_TEST(before < name);
    before = name;
  }
}

BOOST_AUTO_TEST_CASE(no_other_name_is_a_segment) {
  for (const std::string_view name :
       {"", ".seg", "1.seg", "0000000000000000.seg", "000000000000000A.seg", "000000000000001.seg",
        "00000000000000001.seg", "0000000000000001.SEG", "0000000000000001.seg ",
        "0000000000000001.se", "0000000000000001xseg", "-000000000000001.seg",
        "+000000000000001.seg", " 000000000000001.seg", "0x00000000000001.seg",
        "000000000000000g.seg", "0000000000000001.tmp", "../../../../../../1.seg"}) {
    BOOST_TEST(!parse_segment_name(name).has_value(), name);
  }
}

BOOST_AUTO_TEST_CASE(the_other_files_are_not_segments) {
  for (const auto name : {manifest_name, manifest_draft_name, control_name, lock_name}) {
    BOOST_TEST(!parse_segment_name(name).has_value(), name);
  }
}
