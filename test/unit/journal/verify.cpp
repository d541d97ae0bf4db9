// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE journal_verify
#include <atomic>
#include <cstdint>
#include <semaphore>
#include <string>
#include <thread>

#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "support/temp_dir.hpp"

// verify() beside a writer: an intact log is intact at every moment.

namespace logdb::test {
namespace {

/// Is the real system, on which the writes of one thread wait.
struct gated_system : platform::posix {
  static std::int64_t write(handle file, const platform::write_piece* pieces, int count,
                            std::uint64_t offset) {
    if (is_gated) {
      begun.release();
      go_on.acquire();
    }
    return posix::write(file, pieces, count, offset);
  }

  inline static thread_local bool is_gated = false;
  inline static std::counting_semaphore<> begun{0};
  inline static std::counting_semaphore<> go_on{0};
};

template <class Locking>
using gated_log =
    basic_log<Storage<BasicDirectory<gated_system>>, Durability<Fsync>, logdb::Locking<Locking>>;
using logs = boost::mp11::mp_list<gated_log<Flock>, gated_log<Fcntl>>;

template <class Log>
typename Log::options smallest_options() {
  typename Log::options options;
  options.segment_bytes = 16u << 10;
  options.durability.staging_bytes = 32u << 10;
  return options;
}

/// Appends a record and calls `look` while it is on its way to the disk, at each write.
template <class Log, class Look>
void append_slowly(Log& log, const std::string& text, Look look) {
  std::atomic<bool> done = false;
  std::thread writer{[&] {
    gated_system::is_gated = true;
    log.append(text);
    done.store(true);
    gated_system::begun.release();
  }};
  for (;;) {
    gated_system::begun.acquire();
    if (done.load()) break;
    look();
    gated_system::go_on.release();
  }
  writer.join();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(verify)

BOOST_AUTO_TEST_CASE_TEMPLATE(an_intact_log_is_intact_while_it_moves_on_to_the_next_segment, Log,
                              logs) {
  const temp_dir place;
  auto options = smallest_options<Log>();
  Log log{place / "log", options};
  options.mode = open_mode::read_only;
  Log beside{place / "log", options};
  int looks = 0;
  for (int i = 0; i < 60; ++i) {
    append_slowly(log, std::string(1000, 'x'), [&] {
      ++looks;
      BOOST_TEST(log.verify().intact());
      BOOST_TEST(beside.verify().intact());
    });
  }
  BOOST_TEST(looks >= 60);
  BOOST_TEST(log.stats().segments > 3U);
  log.close();
  BOOST_TEST(beside.verify().intact());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
