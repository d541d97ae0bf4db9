// SPDX-License-Identifier: BSL-1.0
/// @file
/// Conformance: what Index<Sparse> adds.

#include <chrono>
#include <optional>

#include "conformance/suite.hpp"
#include "support/throws.hpp"

namespace logdb::test {

namespace {

const case_group group{"finding", &tested_kind::finds};

/// Makes a log whose index is dense, of 40 groups and some segments.
void fill_groups(tested_log& log) {
  for (std::uint64_t n = 1; n <= 1200; n += 30) {
    fill(log, n, n + 29);
    log.sync();
  }
}

std::optional<lsn> scan_for(const tested_log& log, timestamp time) {
  for (const record& each : log.records()) {
    if (each.time() >= time) return each.lsn();
  }
  return std::nullopt;
}

LOGDB_EACH_LOG(each_record_is_found_by_its_lsn) {
  tested_options options;
  options.index.stride_bytes = 256;
  fresh_log f{kind, options};
  fill_groups(f.log);
  for (std::uint64_t n = 1; n <= 1200; ++n) {
    const record found = f.log.read(lsn{n});
    BOOST_TEST((found.lsn() == lsn{n} && found.text() == numbered(n)));
  }
}

LOGDB_EACH_LOG(a_record_that_is_not_there_is_told_from_one_given_up) {
  fresh_log f{kind};
  fill_groups(f.log);
  BOOST_TEST(throws(errc::not_found, [&] { (void)f.log.read(lsn{1201}); }));
  BOOST_TEST(throws(errc::not_found, [&] { (void)f.log.read(lsn{0}); }));
  fill_segments(f.log, 6);
  f.log.sync();
  f.reopen_if_it_lasts();
  f.log.truncate_front(lsn{600});
  if (f.log.first_lsn() > lsn{1}) {
    const auto failure = error_of([&] { (void)f.log.read(f.log.first_lsn() - 1); });
    BOOST_REQUIRE(failure);
    BOOST_TEST((failure->condition() == errc::truncated));
    BOOST_TEST((failure->at() == f.log.first_lsn() - 1));
    BOOST_TEST(throws(errc::truncated, [&] { (void)f.log.read(lsn{0}); }));
  }
  BOOST_TEST(f.log.read(f.log.first_lsn()).lsn() == f.log.first_lsn());
}

LOGDB_EACH_LOG(a_time_finds_the_first_record_of_it_or_later) {
  tested_options options;
  options.index.stride_bytes = 256;
  fresh_log f{kind, options};
  fill_groups(f.log);
  const timestamp first = f.log.read(lsn{1}).time();
  const timestamp last = f.log.read(lsn{1200}).time();
  BOOST_TEST((f.log.find_time(timestamp{}) == lsn{1}));
  BOOST_TEST((f.log.find_time(first) == lsn{1}));
  BOOST_TEST(!f.log.find_time(last + std::chrono::nanoseconds{1}));
  for (std::uint64_t n = 1; n <= 1200; n += 13) {
    const timestamp time = f.log.read(lsn{n}).time();
    for (const int shift : {-1, 0, 1}) {
      const timestamp wanted = time + std::chrono::nanoseconds{shift};
      BOOST_TEST((f.log.find_time(wanted) == scan_for(f.log, wanted)));
    }
  }
}

}  // namespace

}  // namespace logdb::test
