// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE children
#include <optional>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "support/process.hpp"
#include "support/temp_dir.hpp"
#include "support/throws.hpp"

// A lock ends with the process that took it, and not before: whatever its children do.

namespace logdb::test {

using file_alone = durable_wal::with<Storage<SingleFile>>;
using file_of_many = shared_wal::with<Storage<SingleFile>>;
using logs = boost::mp11::mp_list<durable_wal, shared_wal, file_alone, file_of_many>;

/// Runs a function in a child that clone() itself makes: the library does not hear of it.
template <class Function>
int run_unheard(Function run) {
  const long id = ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (id == 0) ::_exit(run());
  int status = 0;
  ::waitpid(static_cast<::pid_t>(id), &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Tells whether the other kind of writer is kept out, too.
template <class Log>
bool is_locked(const std::filesystem::path& path) {
  using alone = typename Log::template with<Locking<Flock>>;
  return throws(errc::locked, [&] { const alone second{path}; });
}

BOOST_AUTO_TEST_SUITE(children)

BOOST_AUTO_TEST_CASE_TEMPLATE(a_closed_log_is_free_though_a_child_lives, Log, logs) {
  const temp_dir place;
  const pipe_signal never;
  Log log{place / "log"};
  log.append("of the parent");
  const child_process bystander{[&] { return never.wait() ? 0 : 1; }};
  log.close();
  Log next{place / "log"};
  next.append("next");
  BOOST_TEST(next.last_lsn() == lsn{2});
  next.close();
  BOOST_TEST(!is_locked<Log>(place / "log"));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_dead_holder_holds_nothing_though_its_child_lives, Log, logs) {
  const temp_dir place;
  const pipe_signal begun;
  const pipe_signal never;
  child_process parent{[&] {
    Log log{place / "log"};
    log.append("of the parent");
    const child_process child{[&] { return begun.announce() && never.wait() ? 0 : 1; }};
    return never.wait() ? 0 : 1;
  }};
  BOOST_TEST(begun.wait());
  BOOST_TEST(is_locked<Log>(place / "log"));
  parent.kill();
  Log next{place / "log"};
  BOOST_TEST(next.last_lsn() == lsn{1});
  next.close();
  BOOST_TEST(!is_locked<Log>(place / "log"));
  BOOST_TEST(never.announce());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_child_that_nobody_announced_frees_nothing, Log, logs) {
  const temp_dir place;
  Log log{place / "log"};
  log.append("of the parent");
  const int refused = run_unheard([&] {
    const bool closed = throws(errc::closed, [&] { log.append("of the child"); });
    const Log dropped = std::move(log);
    return closed ? 0 : 1;
  });
  BOOST_TEST(refused == 0);
  BOOST_TEST(is_locked<Log>(place / "log"));
  log.append("more");
  BOOST_TEST(log.last_lsn() == lsn{2});
}

BOOST_AUTO_TEST_CASE(no_dead_process_is_named_as_the_holder) {
  const temp_dir place;
  const auto message = [&] {
    const auto failure = error_of([&] { const durable_wal second{place / "log"}; });
    return failure && failure->condition() == errc::locked ? std::string{failure->what()} : "";
  };
  child_process earlier{[&] {
    durable_wal{place / "log"}.append("x");
    return 0;
  }};
  const std::string dead = std::to_string(earlier.id());
  BOOST_TEST(earlier.wait() == 0);
  {
    const shared_wal now{place / "log"};
    BOOST_TEST(message().find("held by another process") != std::string::npos);
  }
  child_process killed{[&] {
    static const durable_wal holder{place / "log"};
    return ::raise(SIGKILL);
  }};
  const std::string gone = std::to_string(killed.id());
  BOOST_TEST(killed.wait() == -1);
  {
    const shared_wal now{place / "log"};
    BOOST_TEST(message().find(gone) == std::string::npos);
    BOOST_TEST(message().find(dead) == std::string::npos);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
