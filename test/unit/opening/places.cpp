// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE places
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <signal.h>
#include <string>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>
#include <logdb/platform/process/boot_identity.hpp>

#include "crash/support/store.hpp"
#include "support/process.hpp"
#include "support/small_disk.hpp"
#include "support/temp_dir.hpp"
#include "support/throws.hpp"

// Where a log is opened: on a full disk, on a fresh volume, beside what has one of its names, on a
// machine that does not say which boot it is.

namespace {

namespace fs = std::filesystem;
using logdb::errc;
using logdb::lsn;
using logdb::Storage;
using logdb::test::child_process;
using logdb::test::temp_dir;
using logdb::test::throws;
using wal = logdb::durable_wal;

struct in_place {
  temp_dir place;
  fs::path path = place / "a.wal";

  void make_log() const {
    wal log{path, logdb::test::smallest<wal>()};
    for (int n = 0; n < 50; ++n) log.append(std::string(1000, 'x'));
  }
};

BOOST_FIXTURE_TEST_SUITE(names, in_place)

/// Returns what a log of one record takes once it is closed.
template <class Log>
std::uintmax_t bytes_of_one_record(const fs::path& path) {
  Log log{path};
  log.append("x");
  log.close();
  std::uintmax_t bytes = 0;
  for (const auto& file : fs::directory_iterator{path}) bytes += file.file_size();
  return bytes;
}

BOOST_AUTO_TEST_CASE(a_log_of_one_record_takes_no_more_room_than_the_readme_says) {
  constexpr std::uintmax_t mib = 1 << 20;
  BOOST_TEST(bytes_of_one_record<logdb::durable_wal>(place / "durable") <= 6 * mib + mib / 16);
  BOOST_TEST(bytes_of_one_record<logdb::async_wal>(place / "async") <= 48 * mib + mib / 16);
}

BOOST_AUTO_TEST_CASE(a_fresh_volume_takes_a_log) {
  fs::create_directories(path / "lost+found");
  make_log();
  const wal log{path, logdb::test::smallest<wal>()};
  BOOST_TEST(log.last_lsn() == lsn{50});
  BOOST_TEST(fs::is_directory(path / "lost+found"));
}

BOOST_AUTO_TEST_CASE(a_directory_with_a_name_of_the_log_is_no_regular_file) {
  for (const std::string name : {"control.tmp", "manifest.tmp", "control", "manifest"}) {
    fs::create_directories(path / name);
    BOOST_TEST(throws(errc::not_a_log, [this] { const wal log{path}; }), name);
    BOOST_TEST(fs::is_directory(path / name));
    fs::remove_all(path);
  }
}

BOOST_AUTO_TEST_CASE(what_has_the_name_of_a_segment_and_is_none_stays) {
  make_log();
  const fs::path folder = path / logdb::format::segment_name(logdb::segment_number{0x1000});
  fs::create_directory(folder);
  // One of another store, with records.
  wal stranger{place / "b.wal", logdb::test::smallest<wal>()};
  stranger.append("theirs");
  stranger.close();
  wal many{place / "b.wal", logdb::test::smallest<wal>()};
  for (int n = 0; n < 200; ++n) many.append(std::string(1000, 'x'));
  many.close();
  std::string last;
  for (const auto& [name, bytes] : logdb::test::read_store(place / "b.wal")) {
    if (!logdb::test::frames_of(bytes).empty()) last = name;
  }
  BOOST_REQUIRE(!fs::exists(path / last));
  fs::copy_file(place / "b.wal" / last, path / last);
  const wal log{path, logdb::test::smallest<wal>()};
  BOOST_TEST(log.last_lsn() == lsn{50});
  BOOST_TEST(fs::is_directory(folder));
  BOOST_TEST(fs::exists(path / last));
}

BOOST_AUTO_TEST_SUITE_END()

// --- a full disk -----------------------------------------------------------------------------

constexpr int not_permitted = 77;

void fill(const fs::path& file) {
  std::ofstream out{file, std::ios::binary};
  const std::string piece(4096, 'f');
  while (out << piece << std::flush) {
  }
}

/// Fills a log, and the disk, and is killed or closes it; then opens it with less to keep.
template <class Log>
int restart_on_a_full_disk(const fs::path& place, bool killed) {
  if (!logdb::test::enter_small_disk(place, 2048)) return not_permitted;
  auto chosen = logdb::test::smallest<Log>();
  child_process writer{[&] {
    Log log{place / "a.wal", chosen};
    const auto failure = logdb::test::error_of([&] {
      for (;;) log.append(std::string(500, 'x'));
    });
    fill(place / "rest");
    if (killed) ::raise(SIGKILL);
    return failure && failure->condition() == errc::no_space ? 0 : 1;
  }};
  if (writer.wait() != (killed ? -1 : 0)) return 2;
  chosen.retention.bytes_max = 256u << 10;
  Log log{place / "a.wal", chosen};
  log.append("room again");
  log.close();
  return 0;
}

template <class Log>
void expect_restart(bool killed) {
  const temp_dir place;
  child_process alone{[&] { return restart_on_a_full_disk<Log>(place.path(), killed); }};
  const int how = alone.wait();
  BOOST_TEST((how == 0 || how == not_permitted), "it ended with " << how);
  if (how == not_permitted) BOOST_TEST_MESSAGE("skipped: no file system may be mounted here");
}

BOOST_AUTO_TEST_CASE(a_restart_on_a_full_disk_makes_room_by_retention) {
  expect_restart<logdb::durable_wal>(true);
  expect_restart<logdb::durable_wal>(false);
  expect_restart<logdb::async_wal>(true);
  expect_restart<logdb::async_wal>(false);
}

// --- the boot --------------------------------------------------------------------------------

struct nameless_system : logdb::platform::posix {
  static int boot_id(logdb::platform::boot_identity&) { return -ENOENT; }
};
using nameless = Storage<logdb::BasicDirectory<nameless_system>>;

BOOST_FIXTURE_TEST_SUITE(boots, in_place)

BOOST_AUTO_TEST_CASE(without_a_boot_only_fsync_opens_to_write) {
  using fsync_log = logdb::durable_wal::with<nameless>;
  using async_log = logdb::async_wal::with<nameless>;
  using shared_log = logdb::shared_wal::with<nameless>;
  BOOST_TEST(throws(errc::unsupported, [this] { const async_log log{path}; }));
  BOOST_TEST(throws(errc::unsupported, [this] { const shared_log log{path}; }));
  fsync_log log{path};
  log.append("there");
  log.close();
  fsync_log::options reading;
  reading.mode = logdb::open_mode::read_only;
  const fsync_log reader{path, reading};
  BOOST_TEST(reader.last_lsn() == lsn{1});
}

BOOST_AUTO_TEST_CASE(without_a_boot_what_is_staged_is_refused_and_not_lost) {
  child_process writer{[this] {
    logdb::async_wal::options lazy;
    lazy.durability.delay_max = std::chrono::seconds{100};
    logdb::async_wal log{path, lazy};
    log.append("accepted");
    ::raise(SIGKILL);
    return 0;
  }};
  BOOST_REQUIRE(writer.wait() == -1);
  using fsync_log = logdb::durable_wal::with<nameless>;
  BOOST_TEST(throws(errc::unsupported, [this] { const fsync_log log{path}; }));
  fsync_log::options reading;
  reading.mode = logdb::open_mode::read_only;
  BOOST_TEST(throws(errc::unsupported, [&] { const fsync_log log{path, reading}; }));
  const logdb::async_wal log{path};
  BOOST_TEST(log.last_lsn() == lsn{1});
}

BOOST_AUTO_TEST_CASE(the_time_of_the_boot_stands_in_for_its_number) {
  using logdb::platform::detail::boot_time_identity;
  const auto one = boot_time_identity("cpu 1 2 3\nctxt 5\nbtime 1796008518\nprocesses 7\n");
  const auto other = boot_time_identity("cpu 1 2 3\nbtime 1796008519\n");
  BOOST_REQUIRE((one && other));
  BOOST_TEST((*one != *other));
  BOOST_TEST(logdb::platform::is_boot_time(*one));
  // A clock that was not set says the same after each boot.
  BOOST_TEST(!boot_time_identity("cpu 1\nbtime 12\n"));
  BOOST_TEST(!boot_time_identity("cpu 1\nbtime x\n"));
  BOOST_TEST(!boot_time_identity(""));
  logdb::platform::boot_identity number{};
  BOOST_TEST(logdb::platform::posix::boot_id(number) == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
