// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE handover
#include <array>
#include <cstddef>
#include <filesystem>
#include <signal.h>
#include <string>
#include <utility>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "crash/support/store.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"
#include "support/throws.hpp"

// Who opens a log that another process has left: one of another durability or version, in another
// directory, under another name.

namespace {

namespace fs = std::filesystem;
using logdb::Durability;
using logdb::errc;
using logdb::lsn;
using logdb::open_mode;
using logdb::recovery_mode;
using logdb::test::child_process;
using logdb::test::error_of;
using logdb::test::lazy;
using logdb::test::overwrite;
using logdb::test::temp_dir;
using logdb::test::throws;

using fsync_log = logdb::durable_wal;
using async_log = logdb::async_wal;
using none_log = logdb::durable_wal::with<Durability<logdb::None>>;
using control = logdb::detail::posix_control;

std::string text_of(std::uint64_t n) { return "record " + std::to_string(n); }

template <class Log>
void append(Log& log, std::uint64_t from, std::uint64_t to) {
  for (std::uint64_t n = from; n <= to; ++n) log.append(text_of(n));
}

/// Lets a process append so many records, and be killed.
template <class Log>
void leave(const fs::path& path, std::uint64_t records) {
  child_process writer{[&] {
    Log log{path, lazy<Log>()};
    append(log, 1, records);
    ::raise(SIGKILL);
    return 0;
  }};
  BOOST_TEST_REQUIRE(writer.wait() == -1);
}

template <class Log>
void expect(Log&& log, std::uint64_t records) {
  BOOST_TEST(log.last_lsn() == lsn{records});
  std::uint64_t n = 0;
  for (const auto& record : log.records()) BOOST_TEST_REQUIRE(record.text() == text_of(++n));
  BOOST_TEST(n == records);
  BOOST_TEST(log.verify().intact());
}

void say_layout(const fs::path& path, std::uint32_t layout) {
  overwrite(path / "control", offsetof(control, layout), layout);
}

void copy_store(const fs::path& from, const fs::path& to, fs::copy_options how) {
  fs::copy(from, to, how | fs::copy_options::recursive);
}

struct in_place {
  temp_dir place;
  fs::path path = place / "a.wal";
  fs::path twin = place / "b.wal";
};

/// Enough to go round the smallest ring.
constexpr std::uint64_t many = 2000;
/// So few that no thread begins to write them: they are only staged.
constexpr std::uint64_t few = 20;

template <class Before, class After>
void hand_over(const fs::path& path) {
  leave<Before>(path, many);
  After log{path, lazy<After>()};
  expect(log, many);
  log.append(text_of(many + 1));
  log.close();
  After again{path, lazy<After>()};
  expect(again, many + 1);
}

BOOST_FIXTURE_TEST_SUITE(left_behind, in_place)

BOOST_AUTO_TEST_CASE(any_durability_drains_what_another_left) {
  hand_over<none_log, fsync_log>(place / "1");
  hand_over<none_log, async_log>(place / "2");
  hand_over<async_log, fsync_log>(place / "3");
  hand_over<async_log, none_log>(place / "4");
  hand_over<fsync_log, none_log>(place / "5");
}

BOOST_AUTO_TEST_CASE(a_later_version_drains_what_layout_4_left) {
  leave<async_log>(path, many);
  say_layout(path, 4);
  overwrite(path / "control", offsetof(control, keeps), std::uint32_t{0});
  async_log log{path, lazy<async_log>()};
  expect(log, many);
}

BOOST_AUTO_TEST_CASE(a_layout_that_nobody_knows_is_refused_if_something_is_staged) {
  leave<async_log>(path, few);
  say_layout(path, 99);
  const auto refused = error_of([&] { const async_log log{path, lazy<async_log>()}; });
  BOOST_REQUIRE(refused);
  BOOST_TEST((refused->condition() == errc::format_mismatch), refused->what());
  BOOST_TEST(refused->path() == path / "control");
  auto chosen = lazy<async_log>();
  chosen.recovery = recovery_mode::salvage;
  const async_log log{path, chosen};
  BOOST_TEST(log.last_lsn() < lsn{few});
  BOOST_TEST(!log.recovery().damages.empty());
}

BOOST_AUTO_TEST_CASE(damage_in_what_is_staged_is_refused) {
  leave<async_log>(path, few);
  std::array<char, 32u << 10> damage;
  damage.fill('x');
  overwrite(path / "control", logdb::detail::control_header_bytes, damage);
  BOOST_TEST(throws(errc::corrupt, [&] { const async_log log{path, lazy<async_log>()}; }));
}

BOOST_AUTO_TEST_CASE(a_reader_sees_what_a_killed_process_had_staged) {
  leave<async_log>(path, many);
  const auto before = logdb::test::read_store(path);
  auto chosen = lazy<async_log>();
  chosen.mode = open_mode::read_only;
  async_log reader{path, chosen};
  expect(reader, many);
  BOOST_TEST((logdb::test::read_store(path) == before));
  async_log writer{path, lazy<async_log>()};
  append(writer, many + 1, many + 5);
  writer.sync();
  expect(reader, many + 5);
}

using one_file = logdb::async_wal::with<logdb::Storage<logdb::SingleFile>>;

BOOST_AUTO_TEST_CASE(a_file_that_was_renamed_has_what_was_staged_for_it) {
  leave<one_file>(path, few);
  fs::rename(path, twin);
  BOOST_TEST(throws(errc::corrupt, [&] { const one_file log{path, lazy<one_file>()}; }));
  one_file log{twin, lazy<one_file>()};
  expect(log, few);
  log.close();
  BOOST_TEST(!fs::exists(place / "a.wal-control"));
}

BOOST_AUTO_TEST_CASE(a_copy_of_a_file_takes_nothing_from_its_original) {
  leave<one_file>(path, few);
  fs::copy_file(path, twin);
  {
    const one_file copied{twin, lazy<one_file>()};
    BOOST_TEST((copied.last_lsn() < lsn{few} && !copied.recovery().clean));
  }
  one_file log{path, lazy<one_file>()};
  expect(log, few);
}

BOOST_AUTO_TEST_CASE(a_file_that_was_renamed_while_open_is_locked) {
  const one_file log{path, lazy<one_file>()};
  fs::rename(path, twin);
  BOOST_TEST(throws(errc::locked, [&] { const one_file second{twin, lazy<one_file>()}; }));
}

BOOST_AUTO_TEST_CASE(an_identity_tells_a_restored_older_copy) {
  logdb::log_identity early;
  logdb::log_identity late;
  {
    fsync_log log{path, lazy<fsync_log>()};
    early = log.identity();
    BOOST_TEST(log.continues(early));
    append(log, 1, 50);
    early = log.identity();
  }
  copy_store(path, twin, fs::copy_options::none);
  {
    fsync_log log{path, lazy<fsync_log>()};
    BOOST_TEST(log.continues(early));
    append(log, 51, 100);
    late = log.identity();
    BOOST_TEST(log.continues(late));
  }
  fsync_log restored{twin, lazy<fsync_log>()};
  BOOST_TEST((restored.identity() == early));
  BOOST_TEST(!restored.continues(late));
  append(restored, 51, 120);
  BOOST_TEST(restored.continues(early));
  BOOST_TEST(!restored.continues(late));
  const fsync_log stranger{place / "c.wal", lazy<fsync_log>()};
  BOOST_TEST(!stranger.continues(early));
}

BOOST_AUTO_TEST_CASE(a_copy_of_what_a_killed_process_left_opens_whole) {
  leave<async_log>(path, many);
  copy_store(path, twin, fs::copy_options::none);
  async_log second{twin, lazy<async_log>()};
  expect(second, many);
  async_log first{path, lazy<async_log>()};
  expect(first, many);
}

BOOST_AUTO_TEST_CASE(a_copy_that_was_made_beside_a_writer_opens_up_to_what_was_durable) {
  fsync_log log{path, lazy<fsync_log>()};
  append(log, 1, 20);
  // The segments first: the control file then promises more than they have.
  fs::create_directory(twin);
  for (const auto& file : fs::directory_iterator{path}) {
    if (file.path().extension() == ".seg") fs::copy(file.path(), twin / file.path().filename());
  }
  append(log, 21, 40);
  fs::copy(path / "control", twin / "control");
  fs::copy(path / "manifest", twin / "manifest");
  fsync_log second{twin, lazy<fsync_log>()};
  BOOST_TEST(second.last_lsn() >= lsn{20});
  std::uint64_t n = 0;
  for (const auto& record : second.records()) BOOST_TEST_REQUIRE(record.text() == text_of(++n));
}

/// Goes on with a log and with a copy of it made of hard links, and expects that neither sees what
/// the other does.
template <class Log>
void go_on_apart(const fs::path& path, const fs::path& other, std::uint64_t records) {
  for (const bool original_first : {true, false}) {
    copy_store(path, other, fs::copy_options::create_hard_links);
    const auto go_on = [&](const fs::path& where, const std::string& text) {
      Log log{where, lazy<Log>()};
      expect(log, records);
      for (int n = 0; n < 100; ++n) log.append(text);
      log.close();
    };
    go_on(original_first ? path : other, original_first ? "original" : "copy");
    go_on(original_first ? other : path, original_first ? "copy" : "original");
    for (const auto& [where, text] : {std::pair{path, "original"}, std::pair{other, "copy"}}) {
      Log log{where, lazy<Log>()};
      BOOST_TEST(log.last_lsn() == lsn{records + 100});
      for (const auto& record : log.records(lsn{records + 1})) BOOST_TEST(record.text() == text);
      BOOST_TEST(log.verify().intact());
    }
    fs::remove_all(other);
    fs::remove_all(path);
    leave<Log>(path, records);
  }
}

BOOST_AUTO_TEST_CASE(a_log_and_its_copy_of_hard_links_share_no_active_segment) {
  {
    fsync_log log{path, lazy<fsync_log>()};
    append(log, 1, 100);
  }
  go_on_apart<fsync_log>(path, twin, 100);
}

BOOST_AUTO_TEST_CASE(nor_do_those_of_a_killed_process) {
  leave<async_log>(path, 100);
  go_on_apart<async_log>(path, twin, 100);
}

BOOST_AUTO_TEST_SUITE_END()

// --- an older manifest, restored over newer segments -----------------------------------------

logdb::test::store_image segments_of(const fs::path& path) {
  auto image = logdb::test::read_store(path);
  std::erase_if(image,
                [](const auto& file) { return file.first.find(".seg") == std::string::npos; });
  return image;
}

/// Appends many records, and puts the manifest back that there was after some of them.
template <class Log>
void restore_manifest(const fs::path& path, bool killed) {
  const fs::path older = path.string() + "-older";
  child_process writer{[&] {
    Log log{path, lazy<Log>()};
    append(log, 1, 100);
    fs::copy_file(path / "manifest", older);
    append(log, 101, many);
    if (killed) ::raise(SIGKILL);
    log.close();
    return 0;
  }};
  BOOST_TEST_REQUIRE(writer.wait() == (killed ? -1 : 0));
  fs::rename(older, path / "manifest");
}

template <class Log>
void expect_older_is_told(const fs::path& path, bool killed) {
  restore_manifest<Log>(path, killed);
  const auto before = segments_of(path);
  auto chosen = lazy<Log>();
  for (const auto mode : {open_mode::read_only, open_mode::read_write}) {
    chosen.mode = mode;
    const auto refused = error_of([&] { const Log log{path, chosen}; });
    BOOST_TEST_REQUIRE((refused && refused->condition() == errc::corrupt));
    BOOST_TEST((refused->path() == path / "manifest" && segments_of(path) == before));
  }
  chosen.recovery = recovery_mode::salvage;
  for (const auto mode : {open_mode::read_only, open_mode::read_write}) {
    chosen.mode = mode;
    expect(Log{path, chosen}, many);
  }
  expect(Log{path, lazy<Log>()}, many);
}

BOOST_FIXTURE_TEST_SUITE(an_older_manifest, in_place)

BOOST_AUTO_TEST_CASE(in_a_log_of_a_killed_process_is_refused_and_salvage_finds_all) {
  expect_older_is_told<fsync_log>(path, true);
  expect_older_is_told<logdb::shared_wal>(twin, true);
}

BOOST_AUTO_TEST_CASE(in_a_log_that_was_closed_is_refused_and_salvage_finds_all) {
  expect_older_is_told<async_log>(path, false);
}

BOOST_AUTO_TEST_CASE(of_a_copy_that_was_made_beside_a_writer_lets_no_later_segment_go) {
  fsync_log log{path, lazy<fsync_log>()};
  append(log, 1, 20);
  fs::create_directory(twin);
  for (const auto* const name : {"manifest", "control"}) fs::copy(path / name, twin / name);
  append(log, 21, many);
  for (const auto& [name, bytes] : segments_of(path)) logdb::test::write_file(twin / name, bytes);
  const auto copied = segments_of(twin);
  fsync_log second{twin, lazy<fsync_log>()};
  BOOST_TEST(second.last_lsn() >= lsn{20});
  for (const auto& [name, bytes] : copied) {
    if (logdb::test::frames_of(bytes).empty()) continue;
    BOOST_TEST((fs::exists(twin / name) || fs::exists(twin / (name + ".kept"))), name);
  }
}

BOOST_AUTO_TEST_SUITE_END()

// --- who shares a log ------------------------------------------------------------------------

template <class Policy>
using shared = logdb::shared_wal::with<Durability<Policy>>;

BOOST_FIXTURE_TEST_SUITE(sharing, in_place)

template <class First, class Second>
void expect_refused(const fs::path& path) {
  const First log{path, lazy<First>()};
  BOOST_TEST(throws(errc::invalid_argument, [&] { const Second other{path, lazy<Second>()}; }));
  const First same{path, lazy<First>()};
}

BOOST_AUTO_TEST_CASE(processes_of_another_durability_are_refused) {
  expect_refused<shared<logdb::Fsync>, shared<logdb::None>>(place / "1");
  expect_refused<shared<logdb::Fsync>, shared<logdb::Async>>(place / "2");
  expect_refused<shared<logdb::Async>, shared<logdb::None>>(place / "3");
  expect_refused<shared<logdb::None>, shared<logdb::Fsync>>(place / "4");
}

BOOST_AUTO_TEST_CASE(processes_of_another_version_are_refused) {
  const logdb::shared_wal log{path};
  overwrite(path / "control", offsetof(control, layout), std::uint32_t{4});
  const auto refused = error_of([&] { const logdb::shared_wal other{path}; });
  BOOST_REQUIRE(refused);
  BOOST_TEST((refused->condition() == errc::format_mismatch), refused->what());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
