// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE forks
#include <array>
#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace logdb::test {

using platform::file_access;
using platform::posix;

/// Tells what a descriptor is of.
std::string target_of(int file) {
  std::error_code none;
  return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(file), none).string();
}

BOOST_AUTO_TEST_SUITE(forks)

BOOST_AUTO_TEST_CASE(each_child_has_a_number_of_its_own) {
  posix::count_forks();
  const auto own = posix::forks();
  const auto run = [own] {
    const auto mine = posix::forks();
    child_process grandchild{
        [&] { return posix::forks() != mine && posix::forks() != own ? 0 : 1; }};
    return mine != own && posix::forks() == mine && grandchild.wait() == 0 ? 0 : 1;
  };
  BOOST_TEST(child_process{run}.wait() == 0);
  BOOST_TEST(posix::forks() == own);
}

BOOST_AUTO_TEST_CASE(a_child_of_clone_itself_is_a_child_too) {
  posix::count_forks();
  const auto own = posix::forks();
  const long id = ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (id == 0) ::_exit(posix::forks() != own && posix::forks() == posix::forks() ? 0 : 1);
  int status = 0;
  ::waitpid(static_cast<::pid_t>(id), &status, 0);
  BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(a_child_has_something_else_in_the_place_of_what_is_unshared) {
  const temp_dir place;
  const int directory = posix::open_directory(place.path().c_str());
  const int kept = posix::open_file(directory, "kept", file_access::create_new);
  const int unshared = posix::open_file(directory, "unshared", file_access::create_new);
  posix::unshare(unshared);
  const auto run = [&] {
    const bool gone = target_of(unshared).find("eventfd") != std::string::npos;
    return gone && target_of(kept) == (place / "kept").string() && ::close(unshared) == 0 ? 0 : 1;
  };
  BOOST_TEST(child_process{run}.wait() == 0);
  BOOST_TEST(target_of(unshared) == (place / "unshared").string());
  posix::end_unsharing(unshared);
  posix::close(unshared);
  const int other = posix::open_file(directory, "other", file_access::create_new);
  BOOST_REQUIRE(other == unshared);  // the number is another file's by now
  const auto look = [&] { return target_of(other) == (place / "other").string() ? 0 : 1; };
  BOOST_TEST(child_process{look}.wait() == 0);
  for (const int file : {other, kept, directory}) posix::close(file);
}

BOOST_AUTO_TEST_CASE(a_closed_log_leaves_nothing_that_a_child_would_replace) {
  const temp_dir place;
  for (int i = 0; i < 3; ++i) {
    durable_wal{place / "log"}.append("x");
    shared_wal{place / "log"}.append("y");
    durable_wal::with<Storage<SingleFile>>{place / "file"}.append("z");
  }
  std::array<int, 32> mine{};
  for (int& each : mine) each = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const auto run = [&] {
    for (const int each : mine) {
      if (target_of(each) != "/dev/null") return 1;
    }
    return 0;
  };
  BOOST_TEST(child_process{run}.wait() == 0);
  for (const int each : mine) ::close(each);
}

BOOST_AUTO_TEST_CASE(no_file_gets_a_standard_number) {
  const temp_dir place;
  const auto run = [&] {
    for (const int standard : {0, 1, 2}) ::close(standard);
    durable_wal log{place / "log"};
    log.append("first");
    for (const int standard : {0, 1, 2}) {
      if (::fcntl(standard, F_GETFD) != -1) return 1;
    }
    const std::string message(64, '!');
    (void)!::write(STDERR_FILENO, message.data(), message.size());
    log.append("second");
    log.close();
    return 0;
  };
  BOOST_TEST(child_process{run}.wait() == 0);
  const durable_wal log{place / "log", {.mode = open_mode::read_only}};
  BOOST_TEST(log.verify().intact());
  BOOST_TEST(log.last_lsn() == lsn{2});
}

BOOST_AUTO_TEST_CASE(a_thread_of_the_log_takes_no_signal_of_the_program) {
  std::atomic<int> blocked = 0;
  const auto count = [&blocked] {
    ::sigset_t own;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &own);
    for (const int each : {SIGTERM, SIGINT, SIGCHLD, SIGUSR1, SIGPROF}) {
      blocked += ::sigismember(&own, each);
    }
    blocked += 100 * (::sigismember(&own, SIGBUS) + ::sigismember(&own, SIGSEGV));
  };
  posix::thread{count}.join();
  BOOST_TEST(blocked == 5);
  blocked = 0;
  count();
  BOOST_TEST(blocked == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
