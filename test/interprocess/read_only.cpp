// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE interprocess_read_only
#include <filesystem>
#include <stop_token>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <boost/mp11/algorithm.hpp>
#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "conformance/logs.hpp"
#include "support/process.hpp"
#include "support/throws.hpp"

// Logs opened to read only, beside a writer of another process and after its end.

namespace logdb::test {

using one_file_logs =
    boost::mp11::mp_list<durable_wal::with<Storage<SingleFile>>,
                         basic_log<Storage<SingleFile>, Durability<None>, Locking<None>>,
                         shared_wal::with<Storage<SingleFile>>>;
using logs = boost::mp11::mp_append<
    boost::mp11::mp_list<durable_wal, async_wal, basic_log<Durability<None>>, shared_wal>,
    one_file_logs>;

template <class Log>
typename Log::options reading() {
  auto options = small_options<Log>();
  options.mode = open_mode::read_only;
  return options;
}

/// Is a writer in another process that takes a step whenever it is told to: the next 300 records,
/// synced.
template <class Log>
class stepping_writer {
 public:
  static constexpr std::uint64_t step_records = 300;

  explicit stepping_writer(const std::filesystem::path& path)
      : process_{[this, path] { return run(path); }} {
    opened_ = done_.wait();
  }

  [[nodiscard]] bool opened() const { return opened_; }
  [[nodiscard]] bool step() { return go_.announce() && done_.wait(); }
  /// Has it take a step and does not wait for it.
  [[nodiscard]] bool begin_step() { return go_.announce(); }
  /// Lets it finish `steps` in all, close the log and end.
  [[nodiscard]] bool finish() { return process_.wait() == 0; }
  void kill() { process_.kill(); }

  static constexpr int steps = 6;

 private:
  int run(const std::filesystem::path& path) {
    Log log{path, small_options<Log>()};
    if (!done_.announce()) return 1;
    for (int n = 0; n < steps; ++n) {
      if (!go_.wait()) return 1;
      const std::uint64_t first = log.last_lsn().value() + 1;
      fill(log, first, first + step_records - 1);
      log.sync();
      if (!done_.announce()) return 1;
    }
    log.close();
    return 0;
  }

  pipe_signal go_;
  pipe_signal done_;
  bool opened_ = false;
  child_process process_;
};

BOOST_AUTO_TEST_SUITE(read_only)

BOOST_AUTO_TEST_CASE_TEMPLATE(a_reader_sees_each_step_of_a_live_writer, Log, logs) {
  using writer_type = stepping_writer<Log>;
  const temp_dir place;
  writer_type writer{place / "log"};
  BOOST_REQUIRE(writer.opened());
  Log reader{place / "log", reading<Log>()};
  BOOST_TEST(reader.records().empty());
  for (std::uint64_t n = 1; n <= writer_type::steps; ++n) {
    BOOST_REQUIRE(writer.step());
    const std::uint64_t last = n * writer_type::step_records;
    BOOST_TEST(reader.last_lsn() == lsn{last});
    BOOST_TEST((texts(reader.records()) == numbered(1, last)));
    BOOST_TEST(reader.snapshot().read(lsn{last - 7}).text() == numbered(last - 7));
    BOOST_TEST(reader.verify().intact());
    const Log newcomer{place / "log", reading<Log>()};
    BOOST_TEST((texts(newcomer.records()) == numbered(1, last)));
  }
  BOOST_TEST(writer.finish());
  BOOST_TEST(holds_lsns(reader.records(), lsn{1}, lsn{1801}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_tail_reaches_across_processes, Log, logs) {
  using writer_type = stepping_writer<Log>;
  const temp_dir place;
  writer_type writer{place / "log"};
  BOOST_REQUIRE(writer.opened());
  Log reader{place / "log", reading<Log>()};
  for (int n = 0; n < writer_type::steps; ++n) BOOST_REQUIRE(writer.begin_step());
  std::vector<std::string> seen;
  for (const record& each : reader.tail()) {
    seen.emplace_back(each.text());
    if (each.lsn() == lsn{1800}) break;
  }
  BOOST_TEST((seen == numbered(1, 1800)));
  BOOST_TEST(writer.finish());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_a_killed_writer_synced_stays_readable, Log, logs) {
  const temp_dir place;
  stepping_writer<Log> writer{place / "log"};
  BOOST_REQUIRE(writer.opened());
  BOOST_REQUIRE(writer.step());
  Log before{place / "log", reading<Log>()};
  BOOST_REQUIRE(writer.step());
  writer.kill();
  const Log behind{place / "log", reading<Log>()};
  BOOST_TEST((texts(before.records()) == numbered(1, 600)));
  BOOST_TEST((texts(behind.records()) == numbered(1, 600)));
  BOOST_TEST(!behind.recovery().clean);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_reader_goes_on_with_the_next_writer, Log, logs) {
  const temp_dir place;
  std::uint64_t last = 0;
  std::optional<Log> reader;
  for (int round = 0; round < 4; ++round) {
    stepping_writer<Log> writer{place / "log"};
    BOOST_REQUIRE(writer.opened());
    if (!reader) reader.emplace(place / "log", reading<Log>());
    for (int n = 0; n < 2; ++n) BOOST_REQUIRE(writer.step());
    last += 600;
    BOOST_TEST((texts(reader->records()) == numbered(1, last)));
    writer.kill();
    BOOST_TEST((texts(reader->records()) == numbered(1, last)));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(cursors_and_transactions_of_a_writer_are_seen, Log, logs) {
  const temp_dir place;
  const pipe_signal written;
  const pipe_signal never;
  child_process writer{[&] {
    Log log{place / "log", small_options<Log>()};
    fill(log, 1, 10);
    auto unit = log.begin();
    fill(unit, 11, 4000);
    unit.commit();
    log.cursor("place").acknowledge(lsn{77});
    log.sync();
    auto open = log.begin();
    open.append(patterned(100000));
    return written.announce() && never.wait() ? 0 : 1;
  }};
  BOOST_REQUIRE(written.wait());
  Log reader{place / "log", reading<Log>()};
  BOOST_TEST((texts(reader.records()) == numbered(1, 4000)));
  BOOST_TEST(reader.cursor("place").next() == lsn{78});
  writer.kill();
  BOOST_TEST((texts(reader.records()) == numbered(1, 4000)));
  BOOST_TEST(reader.cursor("place").next() == lsn{78});
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_reader_keeps_what_a_writer_gives_up, Log, logs) {
  const temp_dir place;
  const pipe_signal go;
  const pipe_signal done;
  child_process writer{[&] {
    Log log{place / "log", small_options<Log>()};
    fill(log, 1, 2000);
    log.close();
    log = Log{place / "log", small_options<Log>()};
    if (!done.announce() || !go.wait()) return 1;
    log.truncate_front(lsn{1500});
    return done.announce() && go.wait() ? 0 : 1;
  }};
  BOOST_REQUIRE(done.wait());
  Log reader{place / "log", reading<Log>()};
  const auto unread = reader.snapshot();
  Log other{place / "log", reading<Log>()};
  const auto seen = other.snapshot();
  BOOST_TEST(holds_lsns(seen.records(), lsn{1}, lsn{2001}));
  BOOST_REQUIRE(go.announce());
  BOOST_REQUIRE(done.wait());
  BOOST_TEST(reader.first_lsn() > lsn{1});
  BOOST_TEST(holds_lsns(reader.records(), reader.first_lsn(), lsn{2001}));
  BOOST_TEST(throws(errc::truncated, [&] { (void)reader.records(lsn{1}); }));
  BOOST_TEST((texts(seen.records()) == numbered(1, 2000)));
  BOOST_TEST((texts(unread.records()) == numbered(1, 2000)));
  BOOST_TEST(go.announce());
  BOOST_TEST(writer.wait() == 0);
}

/// Gives everybody the right to read and nobody, the owner included, that to write.
void make_read_only(const std::filesystem::path& path) {
  using std::filesystem::perms;
  const perms read = perms::owner_read | perms::others_read;
  const perms enter = perms::owner_exec | perms::others_exec;
  const bool is_directory = std::filesystem::is_directory(path);
  const auto files = is_directory ? path : path.parent_path();
  for (const auto& entry : std::filesystem::directory_iterator{files}) {
    std::filesystem::permissions(entry.path(), read);
  }
  if (is_directory) std::filesystem::permissions(path, read | enter);
  std::filesystem::permissions(path.parent_path(), read | enter);
}

/// Waits until what is published names the segment made ready: then no file is made any more.
/// The writer's own table names it earlier.
template <class Log>
void await_next_segment(const std::filesystem::path& path) {
  while (Log{path, reading<Log>()}.stats().segments < 2) std::this_thread::yield();
}

/// Reads in a process that may not write anything; returns how many records it found, or -1.
template <class Log>
int read_as_stranger(const std::filesystem::path& path) {
  child_process stranger{[&path] {
    if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) return 98;
    if (!throws(errc::permission_denied, [&] { const Log log{path, small_options<Log>()}; })) {
      return 97;
    }
    Log log{path, reading<Log>()};
    return static_cast<int>(texts(log.records()).size());
  }};
  return stranger.wait();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_reader_needs_no_permission_to_write, Log, logs) {
  const temp_dir place;
  Log log{place / "log", small_options<Log>()};
  fill(log, 1, 60);
  log.sync();
  await_next_segment<Log>(place / "log");
  make_read_only(place / "log");
  BOOST_TEST(read_as_stranger<Log>(place / "log") == 60);
  using std::filesystem::perms;
  std::filesystem::permissions(place.path(), perms::owner_all);
  std::filesystem::permissions(place / "log", perms::owner_all);
  log.close();
  make_read_only(place / "log");
  BOOST_TEST(read_as_stranger<Log>(place / "log") == 60);
  std::filesystem::permissions(place.path(), perms::owner_all);
  std::filesystem::permissions(place / "log", perms::owner_all);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_reader_goes_on_in_a_file_that_was_written_anew, Log,
                              one_file_logs) {
  const temp_dir place;
  auto options = small_options<Log>();
  options.storage.compact_ratio = 0;
  std::optional<Log> reader;
  for (std::uint64_t round = 0; round < 5; ++round) {
    Log writer{place / "log", options};
    if (!reader) reader.emplace(place / "log", reading<Log>());
    // The reader does not look between the close of one writer and this.
    fill(writer, round * 20 + 1, round * 20 + 20);
    writer.sync();
    BOOST_TEST((texts(reader->records()) == numbered(1, round * 20 + 20)));
    const auto kept = reader->snapshot();
    writer.close();
    BOOST_TEST((texts(kept.records()) == numbered(1, round * 20 + 20)));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
