// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE flock
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "support/faulty_system.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"
#include "support/throws.hpp"

namespace {

using logdb::Directory;
using logdb::errc;
using logdb::Flock;
using logdb::open_mode;
using logdb::test::child_process;
using logdb::test::error_of;
using logdb::test::pipe_signal;
using logdb::test::throws;
using lease = Flock::lease<Directory>;

struct in_store {
  logdb::test::temp_dir place;
  Directory storage{place / "store", open_mode::read_write};

  [[nodiscard]] std::string lock_text() const {
    std::ifstream in{place / "store" / "lock"};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
  [[nodiscard]] bool is_locked() {
    return throws(errc::locked, [&] { const lease taken{storage}; });
  }
  [[nodiscard]] std::string message_of_second() {
    const auto failure = error_of([&] { const lease taken{storage}; });
    return failure && failure->condition() == errc::locked ? failure->what() : "no errc::locked";
  }
};

bool mentions(const std::string& text, ::pid_t holder) {
  return text.find("held by process " + std::to_string(holder) + ":") != std::string::npos;
}

BOOST_FIXTURE_TEST_SUITE(locking, in_store)

BOOST_AUTO_TEST_CASE(the_holder_writes_its_process_id) {
  std::ofstream{place / "store" / "lock"} << "123456789012\nand more";
  const lease taken{storage};
  BOOST_TEST(lock_text() == std::to_string(::getpid()) + "\n");
}

BOOST_AUTO_TEST_CASE(a_second_writer_of_this_process_is_told_that_it_is_this_process) {
  const lease taken{storage};
  Directory other_path{place / "." / "store", open_mode::read_write};
  const auto failure = error_of([&] { const lease second{other_path}; });
  BOOST_REQUIRE(failure);
  BOOST_TEST((failure->condition() == errc::locked));
  const std::string holder = "held by process " + std::to_string(::getpid());
  BOOST_TEST(std::string{failure->what()}.find(holder + ", which is this one:") !=
             std::string::npos);
  BOOST_TEST(failure->path().filename() == "lock");
  BOOST_TEST(is_locked());
}

BOOST_AUTO_TEST_CASE(the_end_of_a_lease_frees_the_lock_and_keeps_the_file) {
  { const lease taken{storage}; }
  BOOST_TEST(storage.exists("lock"));
  BOOST_TEST(!is_locked());
}

BOOST_AUTO_TEST_CASE(a_moved_lease_still_holds) {
  std::optional<lease> first{std::in_place, storage};
  std::optional<lease> second{std::move(first)};
  first.reset();
  BOOST_TEST(is_locked());
  Directory elsewhere{place / "other", open_mode::read_write};
  lease third{elsewhere};
  third = std::move(*second);
  second.reset();
  BOOST_TEST(is_locked());
  BOOST_TEST(!throws(errc::locked, [&] { const lease taken{elsewhere}; }));
}

BOOST_AUTO_TEST_CASE(a_writer_of_another_process_is_named_and_its_death_frees_the_lock) {
  const pipe_signal taken;
  const pipe_signal never;
  child_process holder{[&] {
    Directory opened{place / "store", open_mode::read_write};
    const lease own{opened};
    return taken.announce() && never.wait() ? 0 : 1;
  }};
  BOOST_TEST(taken.wait());
  BOOST_TEST(mentions(message_of_second(), holder.id()));
  holder.kill();
  BOOST_TEST(!is_locked());
}

BOOST_AUTO_TEST_CASE(another_process_is_refused_while_this_one_holds) {
  std::optional<lease> taken{std::in_place, storage};
  const ::pid_t parent = ::getpid();
  const auto run = [&] {
    Directory own{place / "store", open_mode::read_write};
    const auto failure = error_of([&] { const lease second{own}; });
    if (!failure) return 0;
    return mentions(failure->what(), parent) ? 1 : 2;
  };
  BOOST_TEST(child_process{run}.wait() == 1);
  taken.reset();
  BOOST_TEST(child_process{run}.wait() == 0);
}

BOOST_AUTO_TEST_CASE(a_child_of_a_fork_does_not_free_what_its_parent_holds) {
  std::optional<lease> taken{std::in_place, storage};
  child_process child{[&] {
    taken.reset();
    return 0;
  }};
  BOOST_TEST(child.wait() == 0);
  BOOST_TEST(is_locked());
}

BOOST_AUTO_TEST_CASE(a_release_frees_though_a_child_of_a_fork_has_the_handle) {
  std::optional<lease> taken{std::in_place, storage};
  const pipe_signal never;
  const child_process bystander{[&] { return never.wait() ? 0 : 1; }};
  taken.reset();
  BOOST_TEST(!is_locked());
}

BOOST_AUTO_TEST_CASE(a_child_of_a_fork_writes_nothing_of_what_its_parent_has_staged) {
  logdb::async_wal wal{place / "wal", {.durability = {.delay_max = std::chrono::hours{1}}}};
  wal.append("staged");
  const auto groups = wal.stats().groups;
  child_process child{[&] {
    const bool refused = throws(errc::closed, [&] { (void)wal.records(); }) &&
                         throws(errc::closed, [&] { wal.wait_durable(logdb::lsn{1}); });
    wal.close();
    return refused ? 0 : 1;
  }};
  BOOST_TEST(child.wait() == 0);
  BOOST_TEST(wal.stats().groups == groups);
  BOOST_TEST(wal.records().begin()->text() == "staged");
}

BOOST_AUTO_TEST_CASE(a_lock_file_without_a_pid_still_refuses) {
  auto holder = storage.create("lock");
  BOOST_TEST(holder.try_lock_exclusive());
  for (const std::string text : {"", "12", "abc\n", "99999999999\n", "\n"}) {
    holder.resize(0);
    holder.write(0, logdb::as_bytes(text));
    BOOST_TEST(message_of_second().find("held by another process") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(a_lock_that_is_no_file_is_refused) {
  std::filesystem::create_symlink(place / "target", place / "store" / "lock");
  BOOST_TEST(throws(errc::not_a_log, [&] { const lease taken{storage}; }));
  BOOST_TEST(!std::filesystem::exists(place / "target"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_CASE(a_full_disk_does_not_keep_a_writer_out, logdb::test::fresh_faults) {
  using system = logdb::test::faulty_system;
  const logdb::test::temp_dir place;
  logdb::BasicDirectory<system> storage{place.path(), open_mode::read_write};
  system::faults.write.failure = -ENOSPC;
  const Flock::lease<logdb::BasicDirectory<system>> taken{storage};
  BOOST_TEST(system::faults.write.calls == 1);
  BOOST_TEST(throws(errc::locked,
                    [&] { const Flock::lease<logdb::BasicDirectory<system>> second{storage}; }));
}

template <class Storage>
struct policies_with {
  using storage = Storage;
};

BOOST_AUTO_TEST_CASE(it_goes_with_a_directory_and_not_with_memory) {
  BOOST_TEST(Flock::compatible_with<policies_with<Directory>>);
  BOOST_TEST(!Flock::compatible_with<policies_with<logdb::Memory>>);
  BOOST_TEST((logdb::locking_policy_for<Flock, Directory>));
  BOOST_TEST(!Flock::shared_writers);
}

BOOST_AUTO_TEST_CASE(one_file_has_one_writer_and_keeps_no_lock_file) {
  const logdb::test::temp_dir place;
  logdb::SingleFile first{place / "log", logdb::open_mode::read_write};
  logdb::SingleFile second{place / "log", logdb::open_mode::read_write};
  using file_lease = logdb::Flock::lease<logdb::SingleFile>;
  {
    const file_lease held{first};
    const auto failure = logdb::test::error_of([&] { const file_lease taken{second}; });
    BOOST_REQUIRE(failure);
    BOOST_TEST((failure->condition() == errc::locked));
    const std::string who = std::to_string(logdb::platform::posix::process_id());
    BOOST_TEST(std::string{failure->what()}.find(who) != std::string::npos);
    BOOST_TEST(std::filesystem::exists(place / "log-lock"));
  }
  BOOST_TEST(!std::filesystem::exists(place / "log-lock"));
  const file_lease next{second};
  BOOST_TEST(throws(errc::locked, [&] { const file_lease taken{first}; }));
}

}  // namespace
