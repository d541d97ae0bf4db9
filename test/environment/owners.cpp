// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE owners
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "support/process.hpp"
#include "support/temp_dir.hpp"
#include "support/throws.hpp"

// Access that was given once lasts, and what root does once locks nobody out.

namespace {

namespace fs = std::filesystem;
using logdb::errc;
using logdb::open_mode;
using logdb::test::child_process;
using logdb::test::throws;
using wal = logdb::durable_wal;
using one_file = wal::with<logdb::Storage<logdb::SingleFile>>;

constexpr ::uid_t nobody = 65534;

unsigned mode_of(const fs::path& path) {
  return static_cast<unsigned>(fs::status(path).permissions());
}

::uid_t owner_of(const fs::path& path) {
  struct ::stat found {};
  return ::stat(path.c_str(), &found) == 0 ? found.st_uid : ::uid_t(-1);
}

template <class Log>
typename Log::options small() {
  typename Log::options chosen;
  chosen.segment_bytes = 16u << 10;
  chosen.durability.staging_bytes = 32u << 10;
  return chosen;
}

/// Appends over several segments, so that manifests and segments are made anew.
template <class Log>
void fill(Log& log) {
  for (int i = 0; i < 40; ++i) log.append(std::string(2'000, 'x'));
  log.append(std::string(50'000, 'y'));  // stands in a segment of its own
}

struct in_place {
  logdb::test::temp_dir place;
  fs::path path = place / "a.wal";

  /// Gives every file that is there one mode.
  void allow(unsigned mode) const {
    for (const auto& each : fs::directory_iterator{path}) fs::permissions(each, fs::perms{mode});
  }
  /// Expects that every file has it.
  void check_all(unsigned mode) const {
    for (const auto& each : fs::directory_iterator{path}) {
      BOOST_TEST(mode_of(each) == mode, each.path().filename());
    }
  }
  void check_all_owned_by(::uid_t user) const {
    for (const auto& each : fs::recursive_directory_iterator{place.path()}) {
      BOOST_TEST(owner_of(each) == user, each.path());
    }
  }
};

BOOST_FIXTURE_TEST_SUITE(permissions, in_place)

BOOST_AUTO_TEST_CASE(of_a_new_log_are_its_owners_alone_whatever_the_umask_says) {
  const ::mode_t before = ::umask(0);
  wal log{path, small<wal>()};
  fill(log);
  BOOST_TEST(mode_of(path) == 0700U);
  check_all(0600);
  ::umask(before);
}

BOOST_AUTO_TEST_CASE(that_were_given_last) {
  { const wal log{path, small<wal>()}; }
  allow(0640);  // while no thread of a log makes a file ahead with the mode from before
  for (int opens = 0; opens < 2; ++opens) {
    wal log{path, small<wal>()};
    fill(log);
    check_all(0640);
  }
}

BOOST_AUTO_TEST_CASE(that_were_chosen_are_those_of_all_new_files_whatever_the_umask_says) {
  const ::mode_t before = ::umask(0077);
  auto chosen = small<wal>();
  chosen.storage.permissions = fs::perms{0640};
  wal log{path, chosen};
  fill(log);
  BOOST_TEST(mode_of(path) == 0750U);
  check_all(0640);
  ::umask(before);
}

BOOST_AUTO_TEST_CASE(that_take_the_owners_own_rights_are_not_copied) {
  { wal log{path, small<wal>()}; }
  fs::permissions(path / "manifest", fs::perms{0444});
  wal log{path, small<wal>()};
  fill(log);
  BOOST_TEST(mode_of(path / "manifest") == 0644U);
}

BOOST_AUTO_TEST_CASE(that_no_log_can_have_are_refused) {
  for (const unsigned wrong : {0400U, 0700U, 0755U, 01600U}) {
    auto chosen = small<wal>();
    chosen.storage.permissions = fs::perms{wrong};
    BOOST_TEST(throws(errc::invalid_argument, [&] { const wal log{path, chosen}; }));
    auto single = small<one_file>();
    single.storage.permissions = fs::perms{wrong};
    BOOST_TEST(throws(errc::invalid_argument, [&] { const one_file log{path, single}; }));
  }
  BOOST_TEST(!fs::exists(path));
}

BOOST_AUTO_TEST_CASE(of_a_log_in_one_file_are_kept_when_it_is_written_anew) {
  auto chosen = small<one_file>();
  chosen.storage.compact_ratio = 0;
  {
    one_file log{path, chosen};
    log.append("x");
  }
  fs::permissions(path, fs::perms{0640});
  one_file log{path, chosen};
  log.append("y");
  BOOST_TEST(mode_of(path.string() + "-control") == 0640U);
  log.close();
  BOOST_TEST(mode_of(path) == 0640U);
}

BOOST_AUTO_TEST_CASE(of_a_log_in_one_file_can_be_chosen) {
  auto chosen = small<one_file>();
  chosen.storage.permissions = fs::perms{0660};
  const one_file log{path, chosen};
  for (const char* beside : {"", "-control", "-lock"}) {
    BOOST_TEST(mode_of(path.string() + beside) == 0660U);
  }
}

BOOST_AUTO_TEST_SUITE_END()

/// Is the real system, of which this process has another user's rights and cannot change a group.
struct stranger_system : logdb::platform::posix {
  static std::uint32_t user() { return 4711; }
  static int set_owner(int, std::uint32_t, std::uint32_t) { return -EPERM; }
};

BOOST_FIXTURE_TEST_SUITE(an_owner, in_place)

BOOST_AUTO_TEST_CASE(whose_group_cannot_be_kept_lets_no_other_group_in) {
  using strange = wal::with<logdb::Storage<logdb::BasicDirectory<stranger_system>>>;
  { wal log{path, small<wal>()}; }
  allow(0664);
  strange log{path, small<strange>()};
  fill(log);
  BOOST_TEST(mode_of(path / "manifest") == 0604U);
}

/// Opens, appends and closes as somebody else; 0 when that went well.
template <class Log>
int append_as_nobody(const fs::path& path) {
  child_process child{[&] {
    if (::setgid(nobody) != 0 || ::setuid(nobody) != 0) return 2;
    Log log{path, small<Log>()};
    fill(log);
    log.close();
    return 0;
  }};
  return child.wait();
}

template <class Log>
void check_root_locks_nobody_out(const in_place& at) {
  if (::geteuid() != 0) {
    BOOST_TEST_MESSAGE("skipped: only root can do what root did");
    return;
  }
  BOOST_REQUIRE(::chown(at.place.path().c_str(), nobody, nobody) == 0);
  BOOST_REQUIRE(append_as_nobody<Log>(at.path) == 0);
  {
    auto chosen = small<Log>();
    if constexpr (requires { chosen.storage.compact_ratio; }) chosen.storage.compact_ratio = 0;
    Log log{at.path, chosen};
    fill(log);
    at.check_all_owned_by(nobody);
    log.close();
  }
  at.check_all_owned_by(nobody);
  BOOST_TEST(append_as_nobody<Log>(at.path) == 0);
}

BOOST_AUTO_TEST_CASE(is_not_locked_out_by_what_root_did_once) {
  check_root_locks_nobody_out<wal>(*this);
}

BOOST_AUTO_TEST_CASE(of_one_file_is_not_locked_out_by_what_root_did_once) {
  check_root_locks_nobody_out<one_file>(*this);
}

BOOST_AUTO_TEST_CASE(of_an_empty_directory_gets_the_log_that_root_makes_in_it) {
  if (::geteuid() != 0) {
    BOOST_TEST_MESSAGE("skipped: only root can do what root did");
    return;
  }
  BOOST_REQUIRE(::chown(place.path().c_str(), nobody, nobody) == 0);
  fs::create_directory(path);
  BOOST_REQUIRE(::chown(path.c_str(), nobody, nobody) == 0);
  {
    wal log{path, small<wal>()};
    fill(log);
  }
  check_all_owned_by(nobody);
  BOOST_TEST(append_as_nobody<wal>(path) == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
