// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE ended
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "support/faulty_system.hpp"
#include "support/temp_dir.hpp"
#include "support/throws.hpp"

// The right to write ends with the log, and so does waiting for more of it.

namespace logdb::test {

template <class Durability, class Locking>
using faulty = basic_log<Storage<BasicDirectory<faulty_system>>, logdb::Durability<Durability>,
                         logdb::Locking<Locking>>;
using failing_logs = boost::mp11::mp_list<faulty<Async, Flock>, faulty<Fsync, Flock>,
                                          faulty<None, Flock>, faulty<Async, Fcntl>>;
using storages = boost::mp11::mp_list<Directory, SingleFile>;

template <class Log>
typename Log::options slow_options() {
  typename Log::options chosen;
  chosen.durability.staging_bytes = 32u << 10;
  chosen.segment_bytes = 16u << 10;
  if constexpr (requires { chosen.durability.delay_max; }) {
    chosen.durability.delay_max = std::chrono::hours{1};
  }
  return chosen;
}

/// Counts the calls that change the disk.
int changes() {
  const auto& now = faulty_system::faults;
  return now.write.calls + now.sync.calls + now.allocate.calls + now.sync_directory.calls;
}

/// Is a log whose device fails for good behind its first record.
template <class Log>
struct failed_log : fresh_faults {
  temp_dir place;
  Log log{place / "log", slow_options<Log>()};

  failed_log() {
    log.append("durable");
    log.sync();
  }
  void fail() {
    faulty_system::faults.write.failure = -EIO;
    faulty_system::faults.sync.failure = -EIO;
    faulty_system::faults.open.failure = -EIO;
    BOOST_TEST(throws(errc::failed, [&] {
      log.append("staged");
      log.sync();
    }));
  }
};

BOOST_AUTO_TEST_SUITE(ended)

BOOST_AUTO_TEST_CASE_TEMPLATE(nothing_of_a_failed_and_closed_log_writes, Log, failing_logs) {
  failed_log<Log> f;
  auto tail = f.log.tail();
  auto next = tail.begin();
  auto order = f.log.begin();
  order.append("of the order");
  f.fail();
  BOOST_TEST(throws(errc::failed, [&] { f.log.close(); }));
  faulty_system::faults = {};  // the device works again, and somebody else has had the log
  using other = faulty<Fsync, Flock>;
  const auto open_other = [&] { return other{f.place / "log", slow_options<other>()}; };
  const auto last = open_other().last_lsn();
  faulty_system::faults = {};
  (void)error_of([&] {
    while (next != tail.end()) ++next;
  });
  BOOST_TEST(throws(errc::closed, [&] { (void)order.records(); }));
  BOOST_TEST(throws(errc::closed, [&] { order.commit(); }));
  BOOST_TEST(throws(errc::closed, [&] { f.log.sync(); }));
  BOOST_TEST(changes() == 0);
  BOOST_TEST(open_other().last_lsn() == last);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_tail_of_a_failed_log_ends, Log, failing_logs) {
  failed_log<Log> f;
  f.fail();
  faulty_system::faults = {};  // what is durable can be read
  std::vector<std::string> given;
  for (const auto& record : f.log.tail()) given.emplace_back(record.text());
  BOOST_TEST((given == std::vector<std::string>{"durable"}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_stop_ends_a_tail_however_much_comes, Storage, storages) {
  using log_type = async_wal::with<logdb::Storage<Storage>>;
  const temp_dir place;
  log_type log{place / "log"};
  for (int i = 0; i < 10; ++i) log.append("x");
  std::stop_source stop;
  std::uint64_t given = 0;
  lsn at_stop{};
  for (const auto& record : log.tail(lsn{1}, stop.get_token())) {
    ++given;
    log.append("more");  // so there is always more
    log.append("and more");
    if (record.lsn() != lsn{5}) continue;
    at_stop = log.last_lsn();
    stop.request_stop();
  }
  BOOST_TEST(given == at_stop.value());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_tail_of_a_closed_log_gives_what_it_had, Storage, storages) {
  using log_type = async_wal::with<logdb::Storage<Storage>>;
  const temp_dir place;
  log_type log{place / "log", slow_options<log_type>()};
  log.append("first");
  auto tail = log.tail();
  auto next = tail.begin();
  log.append("second");
  log.close();
  ++next;
  BOOST_REQUIRE((next != tail.end()));
  BOOST_TEST(next->text() == "second");
  ++next;
  BOOST_TEST((next == tail.end()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_tail_of_a_log_that_was_moved_from_says_so, Storage, storages) {
  using log_type = async_wal::with<logdb::Storage<Storage>>;
  const temp_dir place;
  log_type from{place / "log", slow_options<log_type>()};
  from.append("first");
  auto tail = from.tail();
  auto next = tail.begin();
  auto cursor = from.cursor("reader");
  const log_type log{std::move(from)};
  BOOST_TEST(throws(errc::closed, [&] { ++next; }));
  BOOST_TEST(throws(errc::closed, [&] { (void)cursor.next(); }));
  BOOST_TEST(throws(errc::closed, [&] { cursor.acknowledge(lsn{1}); }));
  BOOST_TEST(log.last_lsn() == lsn{1});
}

BOOST_AUTO_TEST_CASE(what_a_snapshot_keeps_is_nobodys_to_unlink_once_the_log_is_closed) {
  const temp_dir place;
  const auto first = place / "log" / format::segment_name(segment_number{1});
  {
    durable_wal log{place / "log", slow_options<durable_wal>()};
    for (int i = 0; i < 100; ++i) log.append(std::string(1000, 'x'));
    std::optional before{log.snapshot()};
    BOOST_TEST((log.truncate_front(lsn{60}) > lsn{1}));
    BOOST_TEST(std::filesystem::exists(first));
    log.close();
    before.reset();
    BOOST_TEST(std::filesystem::exists(first));
  }
  const durable_wal next{place / "log", slow_options<durable_wal>()};
  BOOST_TEST(!std::filesystem::exists(first));
  BOOST_TEST(next.verify().intact());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
