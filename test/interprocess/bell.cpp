// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE interprocess_bell
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <thread>

#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "interprocess/support/many.hpp"

// How readers of another process wait: woken by writers that share a log, looking now and then
// where nobody wakes them.

namespace logdb::test {

/// Counts how threads wait: for threads of their own process, or of any.
struct counting_system : quick_system {
  static int futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                        std::optional<std::chrono::nanoseconds> timeout = {}) {
    if (timeout && *timeout <= std::chrono::milliseconds{1}) ++looks;
    return quick_system::futex_wait(word, expected, timeout);
  }
  static int futex_wait_shared(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                               std::optional<std::chrono::nanoseconds> timeout = {}) {
    ++sleeps;
    return quick_system::futex_wait_shared(word, expected, timeout);
  }

  /// Opens a file to write it only for who may.
  static handle open_file(handle directory, const char* name, platform::file_access access) {
    if (!may_write && access != platform::file_access::read_only) return -EACCES;
    return quick_system::open_file(directory, name, access);
  }
  static void reset() {
    looks = sleeps = 0;
    may_write = true;
  }
  static std::uint64_t waits() { return looks + sleeps; }

  inline static std::atomic<bool> may_write{true};
  inline static std::atomic<std::uint64_t> looks{0};   // each millisecond
  inline static std::atomic<std::uint64_t> sleeps{0};  // until somebody wakes it
};

using logs =
    boost::mp11::mp_list<quick_shared<Fsync, counting_system>, quick_shared<Async, counting_system>,
                         quick_shared_file<Fsync, counting_system>>;

template <class Log>
typename Log::options reading() {
  auto options = smallest<Log>();
  options.mode = open_mode::read_only;
  return options;
}

/// Is a writer in another process that appends a record whenever it is told to, and closes the log
/// behind the last of so many.
template <class Log>
class slow_writer {
 public:
  slow_writer(const std::filesystem::path& path, int records)
      : process_{[this, path, records] { return run(path, records); }} {
    if (!ready_.wait()) throw std::runtime_error{"it does not open"};
  }
  void append() {
    if (!go_.announce()) throw std::runtime_error{"it is gone"};
  }
  [[nodiscard]] bool finish() { return process_.wait() == 0; }
  void kill() { process_.kill(); }

 private:
  int run(const std::filesystem::path& path, int records) {
    Log log{path, smallest<Log>()};
    if (!ready_.announce()) return 1;
    for (int i = 0; i < records && go_.wait(); ++i) log.append("slow");
    log.close();
    return 0;
  }

  pipe_signal ready_;
  pipe_signal go_;
  child_process process_;
};

/// Reads so many records, each of which is asked for when the reader has waited once more.
template <class Log>
void read_on(Log& reader, slow_writer<Log>& writer, lsn from, std::uint64_t records) {
  const std::uint64_t before = counting_system::waits();
  const std::jthread prompter{[&] {
    for (std::uint64_t i = 0; i < records; ++i) {
      while (counting_system::waits() - before <= i) std::this_thread::yield();
      writer.append();
    }
  }};
  for (const auto& record : reader.tail(from)) {
    if (record.lsn() == from + records - 1) return;
  }
}

BOOST_AUTO_TEST_SUITE(bells)

BOOST_AUTO_TEST_CASE_TEMPLATE(a_reader_sleeps_until_a_writer_of_another_process_wakes_it, Log,
                              logs) {
  const temp_dir place;
  slow_writer<Log> writer{place / "log", 200};
  Log reader{place / "log", reading<Log>()};
  counting_system::reset();
  read_on(reader, writer, lsn{1}, 200);
  BOOST_TEST(counting_system::looks == 0U);
  BOOST_TEST(counting_system::sleeps >= 200U);
  BOOST_TEST(writer.finish());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_stop_wakes_a_reader, Log, logs) {
  const temp_dir place;
  slow_writer<Log> writer{place / "log", 1};
  Log reader{place / "log", reading<Log>()};
  counting_system::reset();
  std::stop_source stop;
  const std::jthread other{[&] {
    while (counting_system::sleeps == 0) std::this_thread::yield();
    stop.request_stop();
  }};
  for (const auto& record : reader.tail(lsn{1}, stop.get_token())) {
    BOOST_TEST(record.lsn() == lsn{});  // there is none
  }
  BOOST_TEST(stop.stop_requested());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_reader_goes_on_with_the_next_writers, Log, logs) {
  const temp_dir place;
  std::optional<Log> reader;
  lsn next{1};
  counting_system::reset();
  for (int round = 0; round < 6; ++round) {
    slow_writer<Log> writer{place / "log", 20};
    if (!reader) reader.emplace(place / "log", reading<Log>());
    read_on(*reader, writer, next, 20);
    next += 20;
    if (round % 2 == 1) writer.kill();
    if (round % 2 == 0) BOOST_TEST(writer.finish());
  }
  BOOST_TEST(counting_system::sleeps > 0U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_reader_that_may_write_nothing_looks_now_and_then, Log, logs) {
  const temp_dir place;
  slow_writer<Log> writer{place / "log", 50};
  counting_system::reset();
  counting_system::may_write = false;
  Log reader{place / "log", reading<Log>()};
  read_on(reader, writer, lsn{1}, 50);
  BOOST_TEST(counting_system::looks >= 50U);
  BOOST_TEST(counting_system::sleeps == 0U);
  BOOST_TEST(writer.finish());
  counting_system::reset();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
