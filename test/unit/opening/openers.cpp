// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE openers
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <ranges>
#include <signal.h>
#include <string>

#include <boost/test/unit_test.hpp>

#include <logdb/event_log.hpp>
#include <logdb/logdb.hpp>

#include "crash/support/store.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"
#include "support/throws.hpp"

// Who opens a log of events, of keys or of rows that a killed process has left: one of another
// durability and locking, another version, after another boot, under another name.

namespace {

namespace fs = std::filesystem;
using logdb::Durability;
using logdb::errc;
using logdb::Locking;
using logdb::recovery_mode;
using logdb::Storage;
using logdb::test::child_process;
using logdb::test::error_of;
using logdb::test::lazy;
using logdb::test::overwrite;
using logdb::test::temp_dir;
using control = logdb::detail::posix_control;

template <class Log>
using shared_and_synced =
    typename Log::template with<Durability<logdb::Fsync>, Locking<logdb::Fcntl>>;
using rows = logdb::basic_timelog<double>;

template <class Log>
typename Log::options reading() {
  auto chosen = lazy<Log>();
  chosen.mode = logdb::open_mode::read_only;
  return chosen;
}

std::string text_of(std::uint64_t n) { return "{\"n\":" + std::to_string(n) + "}"; }

template <class Log>
constexpr bool has_keys = requires(Log& log) {
  log.put("key", "value");
};
template <class Log>
constexpr bool has_rows = requires(Log& log) {
  log.at(1);
};

template <class Log>
void put(Log& log, std::uint64_t n) {
  if constexpr (has_keys<Log>) {
    log.put(text_of(n), "value of " + text_of(n));
  } else if constexpr (has_rows<Log>) {
    log.append(static_cast<std::int64_t>(n), static_cast<double>(n) / 2);
  } else {
    log.append(text_of(n));
  }
}

/// Returns how many of those that were put, from the first on, are there; and expects no other.
template <class Log>
std::uint64_t found_in(Log& log) {
  std::uint64_t n = 0;
  if constexpr (has_keys<Log>) {
    for (auto value = log.get(text_of(1)); value; value = log.get(text_of(n + 1))) {
      BOOST_TEST_REQUIRE(value->text() == "value of " + text_of(++n));
    }
    BOOST_TEST(log.size() == n);
  } else if constexpr (has_rows<Log>) {
    for (const auto& [time, value] : log.all()) {
      BOOST_TEST_REQUIRE(time == static_cast<std::int64_t>(++n));
      BOOST_TEST_REQUIRE(value == static_cast<double>(n) / 2);
    }
    BOOST_TEST(log.size() == n);
  } else {
    for (const auto& event : log.query("n:*")) BOOST_TEST_REQUIRE(event.text() == text_of(++n));
  }
  BOOST_TEST(log.verify().intact());
  return n;
}

/// Lets a process put so many, and be killed.
template <class Log>
void leave(const fs::path& path, std::uint64_t count) {
  child_process writer{[&] {
    Log log{path, lazy<Log>()};
    for (std::uint64_t n = 1; n <= count; ++n) put(log, n);
    ::raise(SIGKILL);
    return 0;
  }};
  BOOST_TEST_REQUIRE(writer.wait() == -1);
}

/// Tells whether a process left something that was not durable.
bool has_staged(const fs::path& path) {
  const std::string bytes = logdb::test::read_file(path / "control");
  const auto at = [&bytes](std::size_t offset) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
  };
  return at(offsetof(control, appended)) != at(offsetof(control, durable));
}

/// Enough to go round the smallest ring.
constexpr std::uint64_t many = 1200;
/// So few that no thread has to write them yet: they are only staged.
constexpr std::uint64_t few = 20;

template <class Before, class After>
void hand_over(const fs::path& path) {
  for (const std::uint64_t count : {few, many}) {
    fs::remove_all(path);
    leave<Before>(path, count);
    {
      After reader{path, reading<After>()};
      BOOST_TEST(found_in(reader) == count);
    }
    After log{path, lazy<After>()};
    BOOST_TEST(found_in(log) == count);
    put(log, count + 1);
    log.close();
    Before again{path, lazy<Before>()};
    BOOST_TEST(found_in(again) == count + 1);
  }
}

/// Opens what a version of another layout of the control file has left.
template <class Log>
void open_other_layouts(const fs::path& path) {
  leave<Log>(path, few);
  if (!has_staged(path)) return;  // a thread has begun to write before the last came
  overwrite(path / "control", offsetof(control, layout), std::uint32_t{99});
  for (const auto& chosen : {lazy<Log>(), reading<Log>()}) {
    const auto refused = error_of([&] { const Log log{path, chosen}; });
    BOOST_REQUIRE(refused);
    BOOST_TEST((refused->condition() == errc::format_mismatch), refused->what());
  }
  overwrite(path / "control", offsetof(control, layout), std::uint32_t{4});
  overwrite(path / "control", offsetof(control, keeps), std::uint32_t{0});
  Log log{path, lazy<Log>()};
  BOOST_TEST(found_in(log) == few);
}

/// Opens it on another boot: what was only staged is as after a power cut.
template <class Log>
void open_on_another_boot(const fs::path& path) {
  child_process writer{[&] {
    Log log{path, lazy<Log>()};
    for (std::uint64_t n = 1; n <= few; ++n) put(log, n);
    log.sync();
    for (std::uint64_t n = few + 1; n <= 2 * few; ++n) put(log, n);
    ::raise(SIGKILL);
    return 0;
  }};
  BOOST_TEST_REQUIRE(writer.wait() == -1);
  overwrite(path / "control", offsetof(control, boot), std::array<std::uint64_t, 2>{1, 2});
  std::uint64_t shown = 0;
  {
    Log reader{path, reading<Log>()};
    shown = found_in(reader);
  }
  BOOST_TEST(shown >= few);  // a thread may have written some of the rest
  Log log{path, lazy<Log>()};
  BOOST_TEST(found_in(log) == shown);
  put(log, shown + 1);
  BOOST_TEST(found_in(log) == shown + 1);
}

/// Opens it in one file that was renamed since.
template <class Log>
void open_under_another_name(const fs::path& path) {
  using one_file = typename Log::template with<Storage<logdb::SingleFile>>;
  leave<one_file>(path, few);
  const fs::path renamed = path.string() + "-renamed";
  fs::rename(path, renamed);
  one_file log{renamed, lazy<one_file>()};
  BOOST_TEST(found_in(log) == few);
}

/// Reads copies whose control file is not of the same moment, or not even of the same store.
template <class Log>
void read_copies(const fs::path& path) {
  const fs::path copied = path.string() + "-copied";
  fs::create_directory(copied);
  Log log{path, lazy<Log>()};
  for (std::uint64_t n = 1; n <= few; ++n) put(log, n);
  log.sync();
  const auto copy = [&](bool segments) {
    for (const auto& [name, bytes] : logdb::test::read_store(path)) {
      if (name.ends_with(".seg") == segments) logdb::test::write_file(copied / name, bytes);
    }
  };
  copy(true);  // the control file then promises more than the segments have
  for (std::uint64_t n = few + 1; n <= 2 * few; ++n) put(log, n);
  log.sync();
  copy(false);
  {
    Log reader{copied, reading<Log>()};
    BOOST_TEST(found_in(reader) >= few);
  }
  Log stranger{path.string() + "-stranger", lazy<Log>()};
  put(stranger, 1);
  stranger.sync();
  log.close();
  fs::copy_file(path.string() + "-stranger/control", path / "control");
  Log reader{path, reading<Log>()};
  BOOST_TEST(found_in(reader) == 2 * few);
}

template <class Log>
void try_all(const temp_dir& place) {
  hand_over<Log, shared_and_synced<Log>>(place / "1");
  hand_over<shared_and_synced<Log>, Log>(place / "2");
  open_other_layouts<Log>(place / "3");
  open_on_another_boot<Log>(place / "4");
  open_under_another_name<Log>(place / "5");
  read_copies<Log>(place / "6");
}

BOOST_FIXTURE_TEST_SUITE(left_behind, temp_dir)

BOOST_AUTO_TEST_CASE(events_are_found_by_whoever_opens_them) { try_all<logdb::event_log>(*this); }
BOOST_AUTO_TEST_CASE(keys_are_found_by_whoever_opens_them) { try_all<logdb::kv_store>(*this); }
BOOST_AUTO_TEST_CASE(rows_are_found_by_whoever_opens_them) { try_all<rows>(*this); }

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
