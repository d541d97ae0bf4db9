// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE directory
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/storage/directory.hpp>

#include "support/faulty_system.hpp"
#include "support/temp_dir.hpp"
#include "support/throws.hpp"

namespace {

using logdb::errc;
using logdb::open_mode;
using logdb::test::error_of;
using logdb::test::faulty_system;
using logdb::test::temp_dir;
using logdb::test::throws;

using faulty_directory = logdb::BasicDirectory<faulty_system>;

unsigned mode_of(const std::filesystem::path& path) {
  return static_cast<unsigned>(std::filesystem::status(path).permissions());
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

struct on_faulty_disk : logdb::test::fresh_faults {
  temp_dir place;
  faulty_directory storage{place / "store", open_mode::read_write};
};

template <class Call>
void check_error(errc condition, int os_error, const std::filesystem::path& path, Call call) {
  const auto failure = error_of(call);
  BOOST_REQUIRE(failure);
  BOOST_TEST((failure->condition() == condition));
  BOOST_TEST(failure->os_error() == os_error);
  BOOST_TEST(failure->path() == path);
}

BOOST_AUTO_TEST_SUITE(opening)

BOOST_AUTO_TEST_CASE(directories_and_files_are_only_their_owners) {
  const temp_dir place;
  logdb::Directory storage{place / "store", open_mode::read_write};
  const auto file = storage.create("file");
  BOOST_TEST(mode_of(place / "store") == 0700U);
  BOOST_TEST(mode_of(place / "store" / "file") == 0600U);
}

BOOST_AUTO_TEST_CASE(an_existing_directory_keeps_its_permissions_and_files) {
  const temp_dir place;
  std::filesystem::create_directory(place / "store");
  std::filesystem::permissions(place / "store", std::filesystem::perms{0750});
  std::ofstream{place / "store" / "other"} << "kept";
  const logdb::Directory storage{place / "store", open_mode::read_write};
  BOOST_TEST(mode_of(place / "store") == 0750U);
  BOOST_TEST(content_of(place / "store" / "other") == "kept");
}

BOOST_AUTO_TEST_CASE(what_is_written_is_there_when_opened_again) {
  const temp_dir place;
  logdb::Directory{place / "store", open_mode::read_write}.create("a").write(
      0, logdb::as_bytes("abc"));
  const logdb::Directory again{place / "store", open_mode::read_only};
  std::array<std::byte, 3> out{};
  again.open("a", open_mode::read_only).read(0, out);
  BOOST_TEST(logdb::as_text(out) == "abc");
}

BOOST_AUTO_TEST_CASE(a_missing_directory_is_not_made_to_read) {
  const temp_dir place;
  check_error(errc::not_found, ENOENT, place / "none", [&] {
    logdb::Directory{place / "none", open_mode::read_only};
  });
  BOOST_TEST(!std::filesystem::exists(place / "none"));
}

BOOST_AUTO_TEST_CASE(a_missing_parent_is_not_found) {
  const temp_dir place;
  check_error(errc::not_found, ENOENT, place / "none" / "store", [&] {
    logdb::Directory{place / "none" / "store", open_mode::read_write};
  });
}

BOOST_AUTO_TEST_CASE(a_regular_file_is_not_a_log_and_stays_as_it_is) {
  const temp_dir place;
  std::ofstream{place / "file"} << "mine";
  for (const open_mode mode : {open_mode::read_only, open_mode::read_write}) {
    check_error(errc::not_a_log, ENOTDIR, place / "file", [&] {
      logdb::Directory{place / "file", mode};
    });
  }
  BOOST_TEST(content_of(place / "file") == "mine");
}

BOOST_AUTO_TEST_CASE(a_path_may_be_relative_and_end_in_a_slash) {
  const temp_dir place;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(place.path());
  for (const char* path : {"a", "b/", "./c", "d//", "."}) {
    logdb::Directory storage{path, open_mode::read_write};
    (void)storage.create(std::string{"file_of_"} + path[0]);
  }
  std::filesystem::current_path(before);
  BOOST_TEST(std::filesystem::exists(place / "a" / "file_of_a"));
  BOOST_TEST(std::filesystem::exists(place / "b" / "file_of_b"));
  BOOST_TEST(std::filesystem::exists(place / "d" / "file_of_d"));
}

BOOST_FIXTURE_TEST_CASE(the_parent_of_a_new_directory_is_synced, logdb::test::fresh_faults) {
  const temp_dir place;
  auto& syncs = faulty_system::faults.sync_directory;
  { const faulty_directory made{place / "store", open_mode::read_write}; }
  BOOST_TEST(syncs.calls == 1);
  { const faulty_directory still_empty{place / "store", open_mode::read_write}; }
  BOOST_TEST(syncs.calls == 2);
  { const faulty_directory reader{place / "store", open_mode::read_only}; }
  BOOST_TEST(syncs.calls == 2);
  std::ofstream{place / "store" / "file"} << "in use";
  { const faulty_directory used{place / "store", open_mode::read_write}; }
  BOOST_TEST(syncs.calls == 2);
}

BOOST_FIXTURE_TEST_CASE(a_parent_that_cannot_be_synced_is_an_error, logdb::test::fresh_faults) {
  const temp_dir place;
  faulty_system::faults.sync_directory.failure = -EIO;
  check_error(errc::io, EIO, place.path(), [&] {
    faulty_directory{place / "store", open_mode::read_write};
  });
}

BOOST_FIXTURE_TEST_CASE(a_forbidden_directory_is_permission_denied, logdb::test::fresh_faults) {
  const temp_dir place;
  faulty_system::faults.open.failure = -EACCES;
  check_error(errc::permission_denied, EACCES, place.path(), [&] {
    faulty_directory{place.path(), open_mode::read_only};
  });
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(what_is_no_file)

struct among_others {
  temp_dir place;
  logdb::Directory storage{place.path(), open_mode::read_write};

  void check_refused(const char* name) {
    for (const open_mode mode : {open_mode::read_only, open_mode::read_write}) {
      const auto failure = error_of([&] { (void)storage.open(name, mode); });
      BOOST_REQUIRE(failure);
      BOOST_TEST((failure->condition() == errc::not_a_log));
      BOOST_TEST(failure->path() == place / name);
    }
    BOOST_TEST(storage.exists(name));
  }
};

BOOST_FIXTURE_TEST_CASE(a_symbolic_link_is_refused, among_others) {
  (void)storage.create("file");
  std::filesystem::create_symlink(place / "file", place / "link");
  check_refused("link");
}

BOOST_FIXTURE_TEST_CASE(a_dangling_link_is_refused_and_not_created_through, among_others) {
  std::filesystem::create_symlink(place / "target", place / "link");
  check_refused("link");
  BOOST_TEST(error_of([&] { (void)storage.create("link"); }).has_value());
  BOOST_TEST(!std::filesystem::exists(place / "target"));
}

BOOST_FIXTURE_TEST_CASE(a_directory_is_refused, among_others) {
  std::filesystem::create_directory(place / "directory");
  check_refused("directory");
}

BOOST_FIXTURE_TEST_CASE(a_fifo_is_refused_without_waiting_for_its_other_end, among_others) {
  BOOST_TEST(::mkfifo((place / "fifo").c_str(), 0600) == 0);
  check_refused("fifo");
}

BOOST_FIXTURE_TEST_CASE(a_socket_is_refused, among_others) {
  ::sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (place / "socket").string().copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  BOOST_TEST(::bind(socket, reinterpret_cast<::sockaddr*>(&address), sizeof(address)) == 0);
  check_refused("socket");
  logdb::platform::posix::close(socket);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(faults, on_faulty_disk)

BOOST_AUTO_TEST_CASE(short_writes_go_on_where_they_ended) {
  auto file = storage.create("a");
  faulty_system::faults.transfer_bytes_max = 3;
  file.write(1, logdb::as_bytes("0123456"), logdb::as_bytes("789abcdef"));
  BOOST_TEST(content_of(file.path()) == std::string("\0", 1) + "0123456789abcdef");
  BOOST_TEST(faulty_system::faults.write.calls == 6);
}

BOOST_AUTO_TEST_CASE(a_large_write_is_on_its_way_to_the_disk_before_its_sync) {
  constexpr std::size_t mib = std::size_t{1} << 20;
  std::string first(mib + mib / 2, 'a');
  std::string second(mib, 'b');
  first.front() = second.back() = 'c';
  auto file = storage.create("file");
  file.write(7, std::as_bytes(std::span{first}), std::as_bytes(std::span{second}));
  BOOST_TEST((faulty_system::faults.begun_syncs == std::vector<std::uint64_t>{7, 7 + mib}));
  BOOST_TEST((content_of(place / "store" / "file") == std::string(7, '\0') + first + second));
}

BOOST_AUTO_TEST_CASE(short_reads_go_on_where_they_ended) {
  auto file = storage.create("a");
  file.write(0, logdb::as_bytes("0123456789"));
  faulty_system::faults.transfer_bytes_max = 3;
  std::array<std::byte, 8> out{};
  file.read(1, out);
  BOOST_TEST(logdb::as_text(out) == "12345678");
  BOOST_TEST(throws(errc::corrupt, [&] { file.read(5, out); }));
}

BOOST_AUTO_TEST_CASE(interrupted_transfers_are_repeated) {
  auto file = storage.create("a");
  faulty_system::faults.write.interruptions = 3;
  file.write(0, logdb::as_bytes("abc"));
  faulty_system::faults.read.interruptions = 3;
  std::array<std::byte, 3> out{};
  file.read(0, out);
  BOOST_TEST(logdb::as_text(out) == "abc");
  BOOST_TEST(faulty_system::faults.write.calls == 4);
  BOOST_TEST(faulty_system::faults.read.calls == 4);
}

BOOST_AUTO_TEST_CASE(every_other_interrupted_call_is_repeated) {
  auto& plan = faulty_system::faults;
  for (auto* kind : {&plan.names, &plan.open, &plan.size, &plan.sync, &plan.sync_directory,
                     &plan.allocate, &plan.lock}) {
    kind->interruptions = 2;
  }
  faulty_directory again{place / "store", open_mode::read_write};
  auto file = again.create("a");
  file.allocate(100);
  file.sync();
  BOOST_TEST(file.try_lock_exclusive());
  for (auto* kind : {&plan.names, &plan.sync_directory}) kind->interruptions = 2;
  again.sync();
  plan.names.interruptions = 2;
  again.rename("a", "b");
  plan.names.interruptions = 2;
  BOOST_TEST((again.names() == std::vector<std::string>{"b"}));
  plan.names.interruptions = 2;
  again.remove("b");
  plan.names.interruptions = 2;
  BOOST_TEST(!again.exists("b"));
  BOOST_TEST(plan.allocate.interruptions + plan.sync.interruptions + plan.lock.interruptions == 0);
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_no_space_with_the_path) {
  auto file = storage.create("a");
  faulty_system::faults.write.failure = -ENOSPC;
  faulty_system::faults.allocate.failure = -ENOSPC;
  check_error(errc::no_space, ENOSPC, file.path(), [&] { file.write(7, logdb::as_bytes("x")); });
  check_error(errc::no_space, ENOSPC, file.path(), [&] { file.allocate(100); });
  check_error(errc::no_space, ENOSPC, file.path(), [&] { file.zero_fill(0, 100); });
  BOOST_TEST(file.size() == 0U);
  faulty_system::faults.write.failure = -EDQUOT;
  check_error(errc::no_space, EDQUOT, file.path(), [&] { file.write(7, logdb::as_bytes("x")); });
}

BOOST_AUTO_TEST_CASE(the_offset_of_a_failed_write_is_told) {
  auto file = storage.create("a");
  faulty_system::faults.write.failure = -EIO;
  const auto failure = error_of([&] { file.write(4'096, logdb::as_bytes("x")); });
  BOOST_REQUIRE(failure);
  BOOST_TEST((failure->condition() == errc::io));
  BOOST_TEST((failure->offset() == 4'096U));
}

BOOST_AUTO_TEST_CASE(a_write_that_makes_no_progress_is_an_error) {
  auto file = storage.create("a");
  faulty_system::faults.transfer_bytes_max = 0;
  check_error(errc::io, EIO, file.path(), [&] { file.write(0, logdb::as_bytes("x")); });
}

BOOST_AUTO_TEST_CASE(a_failed_sync_is_told_and_not_tried_again) {
  auto file = storage.create("a");
  faulty_system::faults.sync.failure = -EIO;
  check_error(errc::io, EIO, file.path(), [&] { file.sync(); });
  BOOST_TEST(faulty_system::faults.sync.calls == 1);
}

BOOST_AUTO_TEST_CASE(a_failed_sync_of_the_names_is_told) {
  faulty_system::faults.sync_directory.failure = -EIO;
  check_error(errc::io, EIO, storage.path(), [&] { storage.sync(); });
}

BOOST_AUTO_TEST_CASE(where_space_cannot_be_allocated_zeros_are_written) {
  auto file = storage.create("a");
  file.write(0, logdb::as_bytes("kept"));
  faulty_system::faults.allocate.failure = -EOPNOTSUPP;
  faulty_system::faults.write.calls = 0;
  file.allocate((std::uint64_t{1} << 20) + 100);
  BOOST_TEST(faulty_system::faults.write.calls == 2);
  BOOST_TEST(file.size() == (std::uint64_t{1} << 20) + 100);
  BOOST_TEST(content_of(file.path()).substr(0, 6) == std::string("kept\0\0", 6));
  file.allocate(10);
  BOOST_TEST(file.size() == (std::uint64_t{1} << 20) + 100);
}

BOOST_AUTO_TEST_CASE(a_new_file_is_to_be_written_in_place_from_its_first_byte_on) {
  (void)storage.create("a");
  BOOST_TEST(faulty_system::faults.made_in_place == 1);
  (void)storage.open("a", open_mode::read_write);
  BOOST_TEST(faulty_system::faults.made_in_place == 1);
}

BOOST_AUTO_TEST_CASE(a_failed_mapping_is_told) {
  auto file = storage.create("a");
  file.allocate(100);
  faulty_system::faults.map.failure = -ENOMEM;
  check_error(errc::limit, ENOMEM, file.path(),
              [&] { (void)file.map(0, 100, open_mode::read_only); });
}

BOOST_AUTO_TEST_CASE(a_lock_that_fails_for_another_reason_is_an_error) {
  auto file = storage.create("a");
  faulty_system::faults.lock.failure = -ENOLCK;
  check_error(errc::limit, ENOLCK, file.path(), [&] { (void)file.try_lock_exclusive(); });
}

BOOST_AUTO_TEST_CASE(a_failed_removal_is_told_but_a_missing_file_is_fine) {
  storage.remove("none");
  faulty_system::faults.names.failure = -EACCES;
  check_error(errc::permission_denied, EACCES, place / "store" / "none",
              [&] { storage.remove("none"); });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
