// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE limits
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "support/process.hpp"
#include "support/temp_dir.hpp"
#include "support/throws.hpp"

// A limit of the process is told as one, with what may be done about it; never as a device's fault.

namespace {

namespace fs = std::filesystem;
using logdb::errc;
using logdb::test::child_process;
using logdb::test::error_of;
using wal = logdb::durable_wal;

bool set_limit(int which, ::rlim_t most) {
  const ::rlimit limit{most, most};
  return ::setrlimit(static_cast<__rlimit_resource>(which), &limit) == 0;
}

struct limited {
  logdb::test::temp_dir place;
  fs::path path = place / "a.wal";

  /// Opens and appends behind a limit, in a process of its own: 0 when it was told as a limit.
  template <class Limit>
  int attempt(Limit set, const std::string& said) const {
    child_process child{[&] {
      if (!set()) return 2;
      const auto failure = error_of([&] {
        wal log{path};
        log.append("x");
      });
      if (!failure) return 3;
      std::fprintf(stderr, "%s\n", failure->what());
      const std::string text = failure->what();
      const bool named = text.find(said) != std::string::npos;
      const bool blames = text.find("check the device") != std::string::npos;
      return failure->condition() == errc::limit && named && !blames ? 0 : 1;
    }};
    return child.wait();
  }

  /// Expects that the place can be used once the limit is away.
  void check_usable() const {
    wal log{path};
    log.append("afterwards");
    BOOST_TEST(log.last_lsn() == logdb::lsn{1});
  }
};

BOOST_FIXTURE_TEST_SUITE(limits, limited)

BOOST_AUTO_TEST_CASE(too_many_open_files_are_a_limit) {
  BOOST_TEST(attempt([] { return set_limit(RLIMIT_NOFILE, 5); }, "ulimit -n") == 0);
  check_usable();
}

BOOST_AUTO_TEST_CASE(a_file_that_may_not_be_so_large_is_a_limit) {
  // The signal that goes with it would end this program.
  BOOST_TEST(std::signal(SIGXFSZ, SIG_DFL) != SIG_ERR);
  BOOST_TEST(attempt([] { return set_limit(RLIMIT_FSIZE, 1 << 20); }, "ulimit -f") == 0);
  check_usable();
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
BOOST_AUTO_TEST_CASE(addresses_that_run_out_are_a_limit) {
  BOOST_TEST(attempt([] { return set_limit(RLIMIT_AS, 24u << 20); }, "ulimit -v") == 0);
  check_usable();
}

BOOST_AUTO_TEST_CASE(mappings_that_run_out_are_a_limit) {
  const auto limit = [] {
    for (int i = 0; i < 1 << 20; ++i) {
      const int access = i % 2 == 0 ? PROT_READ : PROT_NONE;  // neighbours do not become one
      const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
      if (::mmap(nullptr, 4096, access, flags, -1, 0) == MAP_FAILED) return true;
    }
    return false;
  };
  const int result = attempt(limit, "vm.max_map_count");
  if (result == 2) BOOST_TEST_MESSAGE("skipped: this machine sets no limit on mappings");
  BOOST_TEST((result == 0 || result == 2));
  check_usable();
}
#endif

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
