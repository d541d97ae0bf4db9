// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE interprocess_inherited
#include <atomic>
#include <chrono>
#include <cstdio>
#include <optional>
#include <ranges>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/event_log.hpp>
#include <logdb/logdb.hpp>

#include "support/process.hpp"
#include "support/temp_dir.hpp"
#include "support/throws.hpp"

// What a child of a fork has of its parent's logs says that it is closed, and nothing else: read,
// written, closed or destroyed.

namespace logdb::test {

template <class Log>
using in_one_file = typename Log::template with<Storage<SingleFile>>;
using quiet_wal = durable_wal::with<Durability<None>>;
using in_memory = basic_log<Storage<Memory>, Durability<None>, Index<Sparse>, Locking<None>>;

using record_logs =
    boost::mp11::mp_list<durable_wal, async_wal, quiet_wal, shared_wal, in_one_file<durable_wal>,
                         in_one_file<shared_wal>, in_memory, event_log>;
using key_logs = boost::mp11::mp_list<kv_store, shared_kv, in_one_file<kv_store>>;
using row_logs =
    boost::mp11::mp_list<basic_timelog<double>, basic_timelog<double>::with<Locking<Fcntl>>>;
using readable_logs = boost::mp11::mp_list<durable_wal, shared_wal, in_one_file<durable_wal>>;

/// Collects the names of what does not answer errc::closed, each followed by a blank.
class answers {
 public:
  template <class Call>
  void expect_closed(const char* verb, Call call) {
    if (!throws(errc::closed, call)) others_ += std::string{verb} + " ";
  }
  /// Returns the exit status of the child.
  [[nodiscard]] int status() const {
    if (!others_.empty()) std::fprintf(stderr, "not closed: %s\n", others_.c_str());
    return others_.empty() ? 0 : 1;
  }

 private:
  std::string others_;
};

/// Says what every log has.
template <class Log>
void ask_all(answers& asked, Log& log) {
  asked.expect_closed("sync", [&] { log.sync(); });
  asked.expect_closed("wait_durable", [&] { log.wait_durable(lsn{1}); });
  asked.expect_closed("first_lsn", [&] { (void)log.first_lsn(); });
  asked.expect_closed("last_lsn", [&] { (void)log.last_lsn(); });
  asked.expect_closed("durable_lsn", [&] { (void)log.durable_lsn(); });
  asked.expect_closed("loss_window", [&] { (void)log.loss_window(); });
  asked.expect_closed("recovery", [&] { (void)log.recovery(); });
  asked.expect_closed("stats", [&] { (void)log.stats(); });
  asked.expect_closed("verify", [&] { (void)log.verify(); });
  asked.expect_closed("records", [&] { (void)log.records(); });
  asked.expect_closed("tail", [&] { (void)log.tail(); });
  asked.expect_closed("cursor", [&] { (void)log.cursor("c"); });
  asked.expect_closed("snapshot", [&] { (void)log.snapshot(); });
  if constexpr (requires { log.query(""); }) {
    asked.expect_closed("query", [&] { (void)log.query("a:1"); });
    asked.expect_closed("count", [&] { (void)log.count("a:1"); });
    asked.expect_closed("aggregate", [&] { (void)log.aggregate("a:1"); });
    asked.expect_closed("explain", [&] { (void)log.explain("a:1"); });
    asked.expect_closed("tail of a query", [&] { (void)log.tail("a:1"); });
    asked.expect_closed("append_lines", [&] { log.append_lines("no JSON"); });
    asked.expect_closed("object", [&] { log.append({{"a", 1}}); });
  }
}

template <class Log>
typename Log::options smallest() {
  typename Log::options small;
  small.segment_bytes = 16u << 10;
  small.durability.staging_bytes = 32u << 10;
  return small;
}

BOOST_AUTO_TEST_SUITE(inherited)

BOOST_AUTO_TEST_CASE_TEMPLATE(a_childs_copy_of_a_log_of_records_does_nothing, Log, record_logs) {
  const temp_dir place;
  Log log{place / "log", smallest<Log>()};
  const std::string kilobyte = "{\"k\":\"" + std::string(1000, 'k') + "\"}";
  for (int i = 0; i < 100; ++i) log.append(kilobyte);
  std::optional order{log.begin()};
  for (int i = 0; i < 100; ++i) order->append(kilobyte);
  std::optional before{log.snapshot()};
  std::optional first{before->read(lsn{1})};
  std::optional range{before->records()};
  std::optional own{order->records()};
  auto at = log.cursor("c");
  auto tail = log.tail();
  auto next = tail.begin();
  log.truncate_front(lsn{50});  // the snapshot keeps what this drops
  child_process child{[&] {
    answers asked;
    ask_all(asked, log);
    asked.expect_closed("append", [&] { log.append("{}"); });
    asked.expect_closed("batch", [&] { log.append(std::vector<std::string>{"{}", "{}"}); });
    asked.expect_closed("large", [&] { log.append("{" + std::string(100000, ' ') + "}"); });
    asked.expect_closed("read", [&] { (void)log.read(lsn{100}); });
    asked.expect_closed("truncate_front", [&] { log.truncate_front(lsn{60}); });
    asked.expect_closed("begin", [&] { (void)log.begin(); });
    asked.expect_closed("next", [&] { (void)at.next(); });
    asked.expect_closed("acknowledge", [&] { at.acknowledge(lsn{1}); });
    asked.expect_closed("tail++", [&] { ++next; });
    asked.expect_closed("range", [&] { (void)range->begin(); });
    asked.expect_closed("snapshot.read", [&] { (void)before->read(lsn{1}); });
    asked.expect_closed("transaction.append", [&] { order->append(kilobyte); });
    asked.expect_closed("transaction.records", [&] { (void)order->records(); });
    asked.expect_closed("transaction.commit", [&] { order->commit(); });
    order.reset(), own.reset(), range.reset(), first.reset(), before.reset();
    log.close();
    const Log gone = std::move(log);
    return asked.status();
  }};
  BOOST_TEST(child.wait() == 0);
  BOOST_TEST(before->read(lsn{1}).text() == kilobyte);
  BOOST_TEST(order->commit() == lsn{200});
  order.reset();
  at.acknowledge(lsn{150});
  log.append(R"({"a":"last"})");
  BOOST_TEST(log.verify().intact());
  if constexpr (Log::policies::storage::persistent) {
    log.close();
    const Log again{place / "log", smallest<Log>()};
    BOOST_TEST(again.last_lsn() == lsn{201});
    BOOST_TEST(again.read(lsn{200}).text() == kilobyte);
    BOOST_TEST(again.verify().intact());
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_childs_copy_of_a_log_of_keys_does_nothing, Log, key_logs) {
  const temp_dir place;
  Log log{place / "log", smallest<Log>()};
  for (int i = 0; i < 200; ++i) log.put("key " + std::to_string(i % 20), std::string(500, 'v'));
  std::optional order{log.begin()};
  order->put("key 1", "of the order");
  std::optional before{log.snapshot()};
  std::optional keys{log.keys()};
  const auto is_gone = [&] {
    answers asked;
    ask_all(asked, log);
    asked.expect_closed("put", [&] { log.put("a", "b"); });
    asked.expect_closed("get", [&] { (void)log.get("key 1"); });
    asked.expect_closed("contains", [&] { (void)log.contains("key 1"); });
    asked.expect_closed("erase", [&] { log.erase("no key"); });
    asked.expect_closed("compare_and_put", [&] { log.compare_and_put("a", lsn{7}, "b"); });
    asked.expect_closed("history", [&] { (void)log.history("key 1"); });
    asked.expect_closed("values", [&] { (void)log.values("key 1"); });
    asked.expect_closed("size", [&] { (void)log.size(); });
    asked.expect_closed("keys", [&] { (void)log.keys(); });
    asked.expect_closed("entries", [&] { (void)log.entries(); });
    asked.expect_closed("compact", [&] { log.compact(); });
    asked.expect_closed("compacted", [&] { (void)log.compacted(); });
    asked.expect_closed("memory_bytes", [&] { (void)log.memory_bytes(); });
    asked.expect_closed("begin", [&] { (void)log.begin(); });
    asked.expect_closed("snapshot.get", [&] { (void)before->get("key 1"); });
    asked.expect_closed("transaction.put", [&] { order->put("c", "d"); });
    asked.expect_closed("transaction.get", [&] { (void)order->get("key 1"); });
    asked.expect_closed("transaction.erase", [&] { order->erase("key 1"); });
    asked.expect_closed("transaction.commit", [&] { order->commit(); });
    return asked.status();
  };
  child_process child{[&] {
    const int status = is_gone();
    order.reset(), before.reset(), keys.reset();
    log.close();
    const Log gone = std::move(log);
    return status;
  }};
  BOOST_TEST(child.wait() == 0);
  BOOST_TEST(before->get("key 1")->text() == std::string(500, 'v'));
  order->commit();
  order = log.begin();
  BOOST_TEST(log.get("key 1")->text() == "of the order");
  log.close();
  BOOST_TEST(is_gone() == 0);  // so does what was closed
  Log again{place / "log", smallest<Log>()};
  BOOST_TEST(again.size() == 20U);
  BOOST_TEST(again.get("key 1")->text() == "of the order");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_childs_copy_of_a_log_of_rows_does_nothing, Log, row_logs) {
  const temp_dir place;
  Log log{place / "log", smallest<Log>()};
  for (int i = 0; i < 1000; ++i) log.append(i, 0.5);
  log.checkpoint();
  std::optional before{log.snapshot()};
  child_process child{[&] {
    answers asked;
    ask_all(asked, log);
    if (std::ranges::distance(before->range(500, 1500)) != 500) return 2;  // read from a block
    asked.expect_closed("append", [&] { log.append(7, 0.5); });
    asked.expect_closed("erase", [&] { log.erase(7); });
    asked.expect_closed("size", [&] { (void)log.size(); });
    asked.expect_closed("all", [&] { (void)log.all(); });
    asked.expect_closed("compact", [&] { log.compact(); });
    asked.expect_closed("checkpoint", [&] { log.checkpoint(); });
    asked.expect_closed("maintain", [&] { (void)log.maintain(); });
    asked.expect_closed("flush", [&] { log.flush(); });
    asked.expect_closed("index_stats", [&] { (void)log.index_stats(); });
    before.reset();
    log.close();
    const Log gone = std::move(log);
    return asked.status();
  }};
  BOOST_TEST(child.wait() == 0);
  BOOST_TEST(before->size() == 1000U);
  log.append(1000, 0.5);
  log.close();
  const Log again{place / "log", smallest<Log>()};
  BOOST_TEST(again.size() == 1001U);
}

BOOST_AUTO_TEST_CASE(a_childs_copy_of_rows_in_memory_says_that_it_is_closed) {
  basic_memory_timelog<double> log{"rows"};
  for (int i = 0; i < 1000; ++i) log.append(i, 0.5);
  std::optional before{log.snapshot()};
  child_process child{[&] {
    answers asked;
    asked.expect_closed("append", [&] { log.append(7, 0.5); });
    asked.expect_closed("erase", [&] { log.erase(7); });
    asked.expect_closed("size", [&] { (void)log.size(); });
    asked.expect_closed("all", [&] { (void)log.all(); });
    asked.expect_closed("snapshot", [&] { (void)log.snapshot(); });
    asked.expect_closed("compact", [&] { log.compact(); });
    asked.expect_closed("maintain", [&] { (void)log.maintain(); });
    asked.expect_closed("flush", [&] { log.flush(); });
    asked.expect_closed("index_stats", [&] { (void)log.index_stats(); });
    if (std::ranges::distance(before->range(500, 1500)) != 500) return 2;
    before.reset();
    log.close();
    const auto gone = std::move(log);
    return asked.status();
  }};
  BOOST_TEST(child.wait() == 0);
  log.append(1000, 0.5);
  BOOST_TEST(log.size() == 1001U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_childs_copy_of_a_reader_does_nothing, Log, readable_logs) {
  const temp_dir place;
  Log log{place / "log", smallest<Log>()};
  log.append("first");
  auto chosen = smallest<Log>();
  chosen.mode = open_mode::read_only;
  Log reader{place / "log", chosen};
  child_process child{[&] {
    answers asked;
    asked.expect_closed("last_lsn", [&] { (void)reader.last_lsn(); });
    asked.expect_closed("records", [&] { (void)reader.records(); });
    asked.expect_closed("stats", [&] { (void)reader.stats(); });
    asked.expect_closed("verify", [&] { (void)reader.verify(); });
    reader.close();
    return asked.status();
  }};
  BOOST_TEST(child.wait() == 0);
  log.append("second");
  BOOST_TEST(reader.last_lsn() == lsn{2});
}

BOOST_AUTO_TEST_CASE_TEMPLATE(no_child_waits_for_a_thread_of_its_parent, Log, record_logs) {
  const temp_dir place;
  Log log{place / "log", smallest<Log>()};
  for (int i = 0; i < 20; ++i) log.append("{}");
  std::atomic<bool> over = false;
  std::thread busy{[&] {
    while (!over) {
      for (const auto& each : log.records()) (void)each;
      log.append("{}");
      (void)log.stats();
      (void)log.first_lsn();
    }
  }};
  int refused = 0;
  for (int i = 0; i < 20; ++i) {
    child_process child{[&] {
      ::alarm(300);  // instead of hanging
      answers asked;
      ask_all(asked, log);
      log.close();
      const Log gone = std::move(log);
      return asked.status();
    }};
    refused += child.wait() == 0 ? 1 : 0;
  }
  over = true;
  busy.join();
  BOOST_TEST(refused == 20);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(no_child_waits_for_a_thread_that_keeps_rows, Log, row_logs) {
  const temp_dir place;
  auto options = smallest<Log>();
  options.index.memory_bytes_max = 4u << 20;
  options.index.checkpoint_bytes = 256u << 10;
  Log log{place / "log", options};
  std::atomic<bool> over = false;
  std::thread writes{[&] {
    std::vector<std::pair<std::int64_t, double>> rows(4000, {0, 0.5});
    for (std::int64_t begin = 0; !over; begin += 4000) {
      for (std::size_t i = 0; i < rows.size(); ++i) {
        rows[i].first = begin + static_cast<std::int64_t>(i);
      }
      log.append(rows);
    }
  }};
  std::thread reads{[&] {
    while (!over) (void)std::ranges::distance(log.range(0, 40'000));
  }};
  int ended = 0;
  for (int i = 0; i < 40; ++i) {
    std::optional before{log.snapshot()};
    child_process child{[&] {
      ::alarm(300);  // instead of hanging
      const auto found = static_cast<std::size_t>(std::ranges::distance(before->all()));
      const bool whole = found == before->size();
      before.reset();
      const Log gone = std::move(log);
      return whole ? 0 : 1;
    }};
    ended += child.wait() == 0 ? 1 : 0;
    if (ended != i + 1) break;
  }
  over = true;
  writes.join(), reads.join();
  BOOST_TEST(ended == 40);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
