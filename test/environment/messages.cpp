// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE messages
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "support/faulty_system.hpp"
#include "support/temp_dir.hpp"
#include "support/throws.hpp"

// What a message says is wrong, and what it says may be done, fits what is wrong.

namespace {

namespace fs = std::filesystem;
using logdb::errc;
using logdb::lsn;
using logdb::open_mode;
using logdb::test::error_of;
using logdb::test::faulty_system;
using wal = logdb::durable_wal;
using one_file = wal::with<logdb::Storage<logdb::SingleFile>>;

struct message : logdb::test::fresh_faults {
  logdb::test::temp_dir place;
  fs::path path = place / "a.wal";

  /// Expects an error whose words have all of `said` and none of `unsaid`.
  template <class Call>
  static void check(errc condition, const std::string& said, const std::string& unsaid, Call call) {
    const auto failure = error_of(call);
    BOOST_REQUIRE(failure);
    const std::string text = failure->what();
    BOOST_TEST((failure->condition() == condition), text);
    BOOST_TEST(text.find(said) != std::string::npos, text);
    if (!unsaid.empty()) BOOST_TEST(text.find(unsaid) == std::string::npos, text);
  }

  template <class Log>
  static void check_open(const fs::path& at, errc condition, const std::string& said,
                         const std::string& unsaid = "read_write to create") {
    check(condition, said, unsaid, [&] { const Log log{at}; });
  }
  template <class Log>
  static void check_reader(const fs::path& at, errc condition, const std::string& said,
                           const std::string& unsaid = "") {
    check(condition, said, unsaid, [&] { const Log log{at, {.mode = open_mode::read_only}}; });
  }
};

BOOST_FIXTURE_TEST_SUITE(a_path, message)

BOOST_AUTO_TEST_CASE(without_a_parent_asks_for_the_parent) {
  check_open<wal>(place / "none" / "a.wal", errc::not_found, "create its parent directory");
  check_open<one_file>(place / "none" / "a.wal", errc::not_found, "create its parent directory");
}

BOOST_AUTO_TEST_CASE(that_is_empty_is_called_so) {
  check_open<wal>("", errc::not_found, "this one is empty");
}

BOOST_AUTO_TEST_CASE(that_is_a_link_to_nowhere_is_called_so) {
  fs::create_directory_symlink(place / "nowhere", path);
  check_open<wal>(path, errc::not_found, "a symbolic link that leads nowhere");
}

BOOST_AUTO_TEST_CASE(that_goes_in_a_circle_is_called_so) {
  fs::create_directory_symlink(path, path);
  check_open<wal>(path / "log", errc::not_a_log, "lead in a circle", "check the device");
}

BOOST_AUTO_TEST_CASE(that_is_too_long_is_an_argument) {
  check_open<wal>(place / std::string(300, 'n'), errc::invalid_argument, "shorter path",
                  "check the device");
  fs::path deep = place.path();
  for (int i = 0; i < 45; ++i) deep /= std::string(100, 'p');
  check_open<wal>(deep, errc::invalid_argument, "shorter path", "check the device");
  check_reader<wal>(deep, errc::invalid_argument, "shorter path", "check the device");
}

BOOST_AUTO_TEST_CASE(through_a_file_is_called_so) {
  std::ofstream{path} << "x";
  check_open<wal>(path / "log", errc::not_a_log, "a part of it is a file");
}

BOOST_AUTO_TEST_CASE(of_a_log_on_the_other_storage_names_that_storage) {
  { const wal log{path}; }
  { const one_file log{place / "one.wal"}; }
  check_open<one_file>(path, errc::not_a_log, "without Storage<SingleFile>");
  check_open<wal>(place / "one.wal", errc::not_a_log, "opened with Storage<SingleFile>");
}

BOOST_AUTO_TEST_CASE(of_a_log_with_another_index_names_both) {
  { const logdb::kv_store log{path}; }
  check_open<wal>(path, errc::format_mismatch,
                  "written with Index<KeyDir>, opened with Index<Sparse>");
}

BOOST_AUTO_TEST_CASE(of_a_log_whose_manifest_was_overwritten_tells_of_salvage) {
  { const wal log{path}; }
  std::ofstream{path / "manifest"} << "something else, and longer than any header of a manifest is";
  check_open<wal>(path, errc::not_a_log, "recovery_mode::salvage", "an empty or a new directory");
}

BOOST_AUTO_TEST_CASE(that_this_process_has_open_says_so) {
  const wal log{path};
  check_open<wal>(path, errc::locked, "which is this one");
}

BOOST_AUTO_TEST_CASE(where_no_log_is_can_be_created_by_one_who_only_read) {
  const std::string said = "open_mode::read_write to create";
  check_reader<wal>(path, errc::not_found, said);
  check_reader<one_file>(path, errc::not_found, said);
  fs::create_directory(path);
  check_reader<wal>(path, errc::not_found, said);
  std::ofstream{place / "empty"}.flush();
  check_reader<one_file>(place / "empty", errc::not_found, said);
}

BOOST_AUTO_TEST_CASE(with_a_directory_in_place_of_a_file_asks_to_move_it_away) {
  const wal::options small{.segment_bytes = 16u << 10};
  for (const char* name : {"control.tmp", "manifest", "lock"}) {
    fs::create_directories(path / name);
    check(errc::not_a_log, "move away", "check the device", [&] { const wal log{path, small}; });
    BOOST_TEST(fs::is_directory(path / name));
    fs::remove_all(path);
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(a_file_system, message)

using faulty_wal = wal::with<logdb::Storage<logdb::BasicDirectory<faulty_system>>>;

BOOST_AUTO_TEST_CASE(that_cannot_sync_a_directory_is_unsupported) {
  faulty_system::faults.sync_directory.failure = -EINVAL;
  check_open<faulty_wal>(path, errc::unsupported, "the names in a directory durable",
                         "check the device");
}

BOOST_AUTO_TEST_CASE(that_cannot_map_is_unsupported) {
  for (const int os_error : {EINVAL, ENODEV}) {
    faulty_system::faults.map.failure = -os_error;
    check_open<faulty_wal>(path, errc::unsupported, "use a local file system", "check the device");
  }
}

BOOST_AUTO_TEST_CASE(that_other_machines_may_write_is_shared_only_where_somebody_vouches_for_it) {
  using shared = logdb::shared_wal::with<logdb::Storage<logdb::BasicDirectory<faulty_system>>>;
  faulty_system::faults.on_network = true;
  check_open<shared>(path, errc::unsupported, "options::locking.any_file_system");
  { const faulty_wal alone{path}; }
  shared::options vouched;
  vouched.locking.any_file_system = true;
  shared log{path, vouched};
  log.append("one");
  BOOST_TEST(log.last_lsn() == lsn{1});
}

BOOST_AUTO_TEST_CASE(is_of_one_machine_only_if_it_is_known_to_be) {
  using logdb::platform::detail::is_network_file_system;
  const std::int64_t ext4 = 0xEF53;
  const std::int64_t xfs = 0x58465342;
  const std::int64_t btrfs = 0x9123683E;
  const std::int64_t tmpfs = 0x01021994;
  const std::int64_t overlay = 0x794C7630;
  for (const std::int64_t local : {ext4, xfs, btrfs, tmpfs, overlay}) {
    BOOST_TEST(!is_network_file_system(local));
  }
  const std::int64_t nfs = 0x6969;
  const std::int64_t fuse = 0x65735546;
  const std::int64_t vboxsf = 0x786F4256;
  const std::int64_t p9 = 0x01021997;
  const std::int64_t orangefs = 0x20030528;
  const std::int64_t beegfs = 0x19830326;
  for (const std::int64_t other : {nfs, fuse, vboxsf, p9, orangefs, beegfs, std::int64_t{0}}) {
    BOOST_TEST(is_network_file_system(other));
  }
}

BOOST_AUTO_TEST_CASE(that_is_full_and_one_whose_quota_is_are_told_apart) {
  faulty_system::faults.allocate.failure = -ENOSPC;
  check_open<faulty_wal>(path, errc::no_space, "free space on this file system");
  faulty_system::faults.allocate.failure = -EDQUOT;
  check_open<faulty_wal>(path, errc::no_space, "raise the quota");
}

BOOST_AUTO_TEST_CASE(that_is_mounted_read_only_is_called_so) {
  faulty_system::faults.open.failure = -EROFS;
  check_open<faulty_wal>(path, errc::permission_denied, "mounted read-only");
}

BOOST_AUTO_TEST_CASE(whose_device_fails_is_one_to_look_at) {
  faulty_system::faults.sync_directory.failure = -EIO;
  check_open<faulty_wal>(path, errc::io, "check the device");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(an_argument, message)

BOOST_AUTO_TEST_CASE(of_a_record_that_is_not_there_is_answered_with_what_is) {
  wal log{path};
  log.append("one");
  check(errc::not_found, "read from first_lsn() to last_lsn()", "create",
        [&] { (void)log.read(lsn{2}); });
  check(errc::not_found, "the last is lsn 1", "", [&] { (void)log.read(lsn{0}); });
}

BOOST_AUTO_TEST_CASE(that_is_out_of_its_range_is_in_the_message) {
  check(errc::invalid_argument, "not 5000", "", [&] {
    const wal log{path, {.segment_bytes = 5000}};
  });
  check(errc::invalid_argument, "not 99", "", [&] {
    const wal log{path, {.durability = {.staging_bytes = 99}}};
  });
  check(errc::invalid_argument, "not 18446744073709551615", "", [&] {
    const wal log{path, {.record_bytes_max = UINT64_MAX}};
  });
  wal log{path};
  check(errc::invalid_argument, "not 256", "", [&] { (void)log.cursor(std::string(256, 'c')); });
  check(errc::invalid_argument, "lsn 7", "", [&] { log.wait_durable(lsn{7}); });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
