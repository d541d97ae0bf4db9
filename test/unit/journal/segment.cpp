// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE journal_segment
#include <cstdint>
#include <memory>
#include <string>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "support/temp_dir.hpp"
#include "support/throws.hpp"

// A segment's file, as who reads it meets it.

namespace logdb::test {
namespace {

constexpr std::uint64_t page_bytes = 4096;

/// Is a log of one record, closed, and its only segment.
struct one_segment {
  using segment = detail::segment<durable_wal::policies>;

  one_segment() { durable_wal{place / "log"}.append("a"); }

  [[nodiscard]] segment open() const {
    const auto header = detail::read_segment_header(*volume, name);
    BOOST_TEST_REQUIRE(header.has_value());
    const format::manifest_segment entry{
        .number = header->number, .salt = header->salt, .capacity = header->capacity};
    return {volume, entry, header->store, {}, recovery_mode::refuse};
  }

  temp_dir place;
  std::string name = format::segment_name(segment_number{1});
  std::shared_ptr<Directory> volume =
      std::make_shared<Directory>(place / "log", open_mode::read_write);
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(a_segment, one_segment)

BOOST_AUTO_TEST_CASE(that_another_process_unlinks_after_it_was_mapped_stays_readable) {
  auto held = open();
  const auto before = held.bytes().size();
  volume->remove(name);
  BOOST_CHECK_NO_THROW(held.probe(0, page_bytes));
  BOOST_TEST(held.bytes().size() == before);
}

BOOST_AUTO_TEST_CASE(that_is_gone_before_it_was_mapped_is_missing) {
  auto late = open();
  volume->remove(name);
  BOOST_TEST(throws(errc::corrupt, [&] { late.probe(0, page_bytes); }));
  BOOST_TEST(throws(errc::corrupt, [&] { (void)late.bytes(); }));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
