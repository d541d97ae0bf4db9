// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE unreadable
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "support/process.hpp"
#include "support/temp_dir.hpp"
#include "support/throws.hpp"

// What the device refuses, and what somebody cut off, is an error or damage; not the end of the
// process by a signal.

namespace {

namespace fs = std::filesystem;
using logdb::errc;
using logdb::error;
using logdb::lsn;
using logdb::open_mode;
using logdb::recovery_mode;
using logdb::test::child_process;
using logdb::test::error_of;

/// Is a device with bad sectors. A mapping reads them all the same, so that what was not read by
/// calls first is given out, and seen by the test.
struct worn_system : logdb::platform::posix {
  inline static std::uint64_t bad = UINT64_MAX;  // offset of a page in each file
  inline static std::uint64_t reads = 0;

  static std::int64_t read(handle file, void* out, std::size_t bytes, std::uint64_t offset) {
    ++reads;
    if (offset < bad && bad < offset + bytes) bytes = bad - offset;
    const bool refused = bad <= offset && offset < bad + 4096;
    return refused ? -EIO : posix::read(file, out, bytes, offset);
  }
};

using worn_wal = logdb::durable_wal::with<logdb::Storage<logdb::BasicDirectory<worn_system>>>;
using worn_file = logdb::durable_wal::with<logdb::Storage<logdb::BasicSingleFile<worn_system>>>;

template <class Log>
typename Log::options chosen(recovery_mode recovery = recovery_mode::refuse,
                             open_mode mode = open_mode::read_write) {
  typename Log::options options;
  options.segment_bytes = 64u << 10;
  options.durability.staging_bytes = 128u << 10;
  options.recovery = recovery;
  options.mode = mode;
  return options;
}

constexpr std::uint64_t record_count = 150;  // over a few segments

template <class Log>
void fill(Log& log) {
  for (std::uint64_t n = 0; n < record_count; ++n) log.append(std::string(1'000, 'x'));
}

template <class Log>
std::uint64_t count(const Log& log) {
  std::uint64_t records = 0;
  for (const auto& each : log.records()) records += each.size() == 1'000 ? 1 : 0;
  return records;
}

std::string content(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

struct on_worn_disk {
  logdb::test::temp_dir place;
  fs::path path = place / "a.wal";
  on_worn_disk() { worn_system::bad = UINT64_MAX; }
  ~on_worn_disk() { worn_system::bad = UINT64_MAX; }

  /// Leaves a log as a power cut does: without its control file.
  template <class Log>
  void make_cut() const {
    child_process writer{[&] {
      auto* const log = new Log{path, chosen<Log>()};
      fill(*log);
      return 0;  // without its destructor
    }};
    BOOST_REQUIRE(writer.wait() == 0);
    fs::remove(path.string() + (fs::is_directory(path) ? "/control" : "-control"));
  }
};

BOOST_FIXTURE_TEST_SUITE(a_bad_sector, on_worn_disk)

BOOST_AUTO_TEST_CASE(in_what_recovery_reads_refuses_the_open_with_its_place) {
  make_cut<worn_wal>();
  worn_system::bad = 8192;
  const auto failure = error_of([&] { const worn_wal log{path, chosen<worn_wal>()}; });
  BOOST_REQUIRE(failure);
  BOOST_TEST((failure->condition() == errc::io), failure->what());
  BOOST_TEST((failure->offset() == 8192U));
  BOOST_TEST(failure->path().extension() == ".seg");
  BOOST_TEST(failure->remedy().find("salvage") != std::string_view::npos);
}

BOOST_AUTO_TEST_CASE(behind_the_end_of_a_closed_log_is_not_asked_for) {
  {
    worn_wal log{path, chosen<worn_wal>()};
    log.append(std::string(1'000, 'x'));
  }
  worn_system::bad = 32768;
  const worn_wal log{path, chosen<worn_wal>()};
  BOOST_TEST(count(log) == 1U);
}

BOOST_AUTO_TEST_CASE(is_passed_by_salvage_and_all_else_is_read) {
  make_cut<worn_wal>();
  worn_system::bad = 8192;
  const worn_wal log{path, chosen<worn_wal>(recovery_mode::salvage)};
  // Each segment has a page that cannot be read, with a few records in it.
  BOOST_TEST(!log.recovery().damages.empty());
  BOOST_TEST(count(log) < record_count);
  BOOST_TEST(count(log) > record_count * 3 / 4);
  for (const auto& each : log.records()) BOOST_TEST(each.text() == std::string(1'000, 'x'));
}

BOOST_AUTO_TEST_CASE(is_damage_to_verify_and_the_log_goes_on) {
  worn_wal log{path, chosen<worn_wal>()};
  fill(log);
  BOOST_TEST(log.verify().intact());
  worn_system::bad = 8192;
  const auto found = log.verify();
  BOOST_REQUIRE(!found.intact());
  for (const auto& each : found.damages) BOOST_TEST(each.at.offset <= 8192U + 4096U);
  BOOST_TEST(found.records > record_count * 3 / 4);
  log.append("more");
  BOOST_TEST(log.last_lsn() == lsn{record_count + 1});
}

BOOST_AUTO_TEST_CASE(of_a_log_in_one_file_refuses_salvages_and_is_damage_likewise) {
  make_cut<worn_file>();
  const std::string all = content(path);
  worn_system::bad = all.rfind("xxxxxxxx") / 4096 * 4096;  // in the segment that was written last
  const auto failure = error_of([&] { const worn_file log{path, chosen<worn_file>()}; });
  BOOST_REQUIRE(failure);
  BOOST_TEST((failure->condition() == errc::io), failure->what());
  BOOST_TEST((failure->offset() == worn_system::bad));
  BOOST_TEST(failure->path() == path);
  const worn_file log{path, chosen<worn_file>(recovery_mode::salvage)};
  BOOST_TEST(count(log) < record_count);
  BOOST_TEST(count(log) > record_count * 3 / 4);
  BOOST_TEST(!log.recovery().damages.empty());
}

BOOST_AUTO_TEST_SUITE_END()

using wal = logdb::durable_wal;
using one_file = wal::with<logdb::Storage<logdb::SingleFile>>;

/// Returns the first segment, or the one file.
fs::path first_file(const fs::path& path) {
  return fs::is_directory(path) ? path / "0000000000000001.seg" : path;
}

/// Tells whether an error says that a file was cut, and where.
bool names_the_cut(const error& failure, const fs::path& file, std::uint64_t bytes) {
  return failure.condition() == errc::corrupt && failure.path() == file &&
         failure.offset() == bytes &&
         std::string{failure.what()}.find("cut while the log was open") != std::string::npos;
}

struct in_place {
  logdb::test::temp_dir place;
  fs::path path = place / "a.wal";

  /// Cuts a file that a reader has mapped, in a process of its own: 0 when it was told, 2 when not.
  template <class Log, class Options>
  int cut(const Options& options, std::uint64_t bytes) const {
    child_process reader{[&] {
      Log log{path, options};
      if (options.mode == open_mode::read_write) fill(log);
      if (count(log) != record_count) return 3;
      const fs::path file = first_file(path);
      fs::resize_file(file, bytes);
      const auto failure = error_of([&] { (void)count(log); });
      if (!failure) return 2;
      const bool found = !log.verify().intact();
      return names_the_cut(*failure, file, bytes) && found ? 0 : 1;
    }};
    return reader.wait();
  }
};

BOOST_FIXTURE_TEST_SUITE(a_file_that_is_cut_while_it_is_open, in_place)

BOOST_AUTO_TEST_CASE(is_corrupt_with_the_place_of_the_cut) {
  BOOST_TEST(cut<wal>(chosen<wal>(), 8192) == 0);
}

BOOST_AUTO_TEST_CASE(is_corrupt_also_when_nothing_is_left) {
  BOOST_TEST(cut<wal>(chosen<wal>(), 0) == 0);
}

BOOST_AUTO_TEST_CASE(is_corrupt_for_a_reader_beside_it) {
  {
    wal log{path, chosen<wal>()};
    fill(log);
  }
  BOOST_TEST(cut<wal>(chosen<wal>(recovery_mode::refuse, open_mode::read_only), 8192) == 0);
}

BOOST_AUTO_TEST_CASE(is_corrupt_where_it_is_the_whole_log) {
  BOOST_TEST(cut<one_file>(chosen<one_file>(), 64u << 10) == 0);
}

BOOST_AUTO_TEST_CASE(gives_what_is_left_to_salvage) {
  {
    wal log{path, chosen<wal>()};
    fill(log);
  }
  child_process reader{[&] {
    const wal log{path, chosen<wal>(recovery_mode::salvage, open_mode::read_only)};
    if (count(log) != record_count) return 1;
    fs::resize_file(first_file(path), 8192);
    const std::uint64_t left = count(log);
    return log.records().begin()->lsn() == lsn{1} && left < record_count && left > 90 ? 0 : 2;
  }};
  BOOST_TEST(reader.wait() == 0);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(the_place_of_damage_in_one_file, in_place)

BOOST_AUTO_TEST_CASE(is_its_byte_in_that_file) {
  {
    one_file log{path, chosen<one_file>()};
    for (int i = 0; i < 100; ++i) log.append("record<" + std::to_string(i) + ">");
  }
  const std::size_t at = content(path).find("record<20>");
  BOOST_REQUIRE(at != std::string::npos);
  std::fstream out{path, std::ios::in | std::ios::out | std::ios::binary};
  out.seekp(static_cast<std::streamoff>(at + 7)).put('X').flush();
  const one_file log{path, chosen<one_file>()};
  const auto failure = error_of([&] { (void)count(log); });
  BOOST_REQUIRE(failure);
  BOOST_TEST(failure->path() == path);
  BOOST_REQUIRE(failure->offset().has_value());
  BOOST_TEST(*failure->offset() < at);
  BOOST_TEST(*failure->offset() + 100 > at);
  BOOST_TEST((failure->at() == lsn{21}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
