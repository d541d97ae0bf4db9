// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE overlay
#include "support/overlay.hpp"

#include <cstdio>
#include <filesystem>
#include <string>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "support/process.hpp"
#include "support/temp_dir.hpp"

// A log of a container's image is written in the container: what was mapped before it was opened to
// write would be the image's file still.

namespace {

namespace fs = std::filesystem;
using logdb::test::child_process;

constexpr int skipped = 77;

template <class Log>
std::size_t count(const Log& log) {
  std::size_t records = 0;
  for (const auto& each : log.records()) records += each.size() != 0 ? 1 : 0;
  return records;
}

/// Goes on in a container with what an image has; 0 when all of it can be read at once.
template <class Log>
int go_on(const fs::path& where, bool closed) {
  typename Log::options chosen;
  chosen.segment_bytes = 32u << 10;
  chosen.durability.staging_bytes = 32u << 10;
  const bool mounted = logdb::test::enter_overlay(where, [&](const fs::path& lower) {
    child_process image{[&] {
      auto* const log = new Log{lower / "a.wal", chosen};
      for (int i = 0; i < 100; ++i) log->append(std::string(1'000, 'i'));
      log->sync();
      if (closed) log->close();
      return 0;  // without its destructor: as one that was killed
    }};
    image.wait();
  });
  if (!mounted) return skipped;
  Log log{where / "merged" / "a.wal", chosen};
  for (int i = 0; i < 10; ++i) log.append(std::string(1'000, 'c'));
  if (count(log) != 110) return 1;
  for (int i = 0; i < 100; ++i) log.append(std::string(1'000, 'c'));
  if (count(log) != 210 || !log.verify().intact()) return 2;
  log.close();
  const Log again{where / "merged" / "a.wal", chosen};
  return count(again) == 210 ? 0 : 3;
}

template <class Log>
void check(bool closed) {
  const logdb::test::temp_dir place;
  child_process container{[&] { return go_on<Log>(place.path(), closed); }};
  const int result = container.wait();
  if (result == skipped) BOOST_TEST_MESSAGE("skipped: no overlay can be mounted here");
  BOOST_TEST((result == 0 || result == skipped), "result " << result);
}

BOOST_AUTO_TEST_SUITE(an_image)

BOOST_AUTO_TEST_CASE(with_a_closed_log_is_gone_on_with) { check<logdb::durable_wal>(true); }
BOOST_AUTO_TEST_CASE(with_a_killed_log_is_gone_on_with) { check<logdb::durable_wal>(false); }
BOOST_AUTO_TEST_CASE(with_a_log_that_processes_share_is_gone_on_with) {
  check<logdb::shared_wal>(true);
}
BOOST_AUTO_TEST_CASE(with_a_log_in_one_file_is_gone_on_with) {
  check<logdb::durable_wal::with<logdb::Storage<logdb::SingleFile>>>(false);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
