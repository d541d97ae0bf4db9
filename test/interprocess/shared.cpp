// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE interprocess_shared
#include <cstdint>
#include <filesystem>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "interprocess/support/many.hpp"

// Many processes write one log, and all of them live.

namespace logdb::test {

using logs = boost::mp11::mp_list<quick_shared<Fsync>, quick_shared<Async>, quick_shared<None>,
                                  quick_shared_file<Fsync>, quick_shared_file<Async>>;

BOOST_AUTO_TEST_SUITE(shared)

/// Has every thread of every process append its records; returns how many there are then.
template <class Log>
std::size_t write_together(std::uint32_t processes, std::uint32_t threads, std::uint32_t records) {
  const temp_dir place;
  crew all{processes, [&](std::uint32_t process) {
             Log log{place / "log", smallest<Log>()};
             on_threads(threads, [&](std::uint32_t thread) {
               append_singly(log, process, thread, records);
             });
             log.close();
           }};
  BOOST_TEST(all.finish() == processes);
  return check_alone<Log>(place / "log").size();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(each_record_of_many_processes_is_there_once_in_its_order, Log, logs) {
  BOOST_TEST(write_together<Log>(1, 1, 400) == 400U);
  BOOST_TEST(write_together<Log>(1, 5, 100) == 500U);
  BOOST_TEST(write_together<Log>(5, 1, 100) == 500U);
  BOOST_TEST(write_together<Log>(5, 5, 60) == 1500U);
}

BOOST_AUTO_TEST_CASE(durable_records_of_many_processes_are_there_once_in_their_order) {
  BOOST_TEST(write_together<shared_wal>(5, 5, 20) == 500U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(processes_come_and_go_at_any_time, Log, logs) {
  const temp_dir place;
  constexpr std::uint32_t processes = 6;
  constexpr std::uint32_t visits = 25;
  crew all{processes, [&](std::uint32_t process) {
             for (std::uint32_t i = 0; i < visits; ++i) {
               Log log{place / "log", smallest<Log>()};
               log.append(make_payload({0, process, i}));
               if (i % 3 != 0) log.close();
             }
           }};
  BOOST_TEST(all.finish() == processes);
  BOOST_TEST(check_alone<Log>(place / "log").size() == processes * visits);
}

/// Does not see a manifest at the first look: another process makes it just then.
struct late_system : quick_system {
  static int exists(handle directory, const char* name) {
    const bool late = name == format::manifest_name && !std::exchange(seen, true);
    return late ? 0 : quick_system::exists(directory, name);
  }
  inline static bool seen = true;
};

BOOST_AUTO_TEST_CASE(a_log_that_another_process_makes_meanwhile_is_no_strangers) {
  const temp_dir place;
  using log_type = quick_shared<Fsync, late_system>;
  {
    log_type log{place / "log"};
    log.append("made meanwhile");
    log.close();
  }
  late_system::seen = false;
  const log_type log{place / "log"};
  BOOST_TEST(late_system::seen);
  BOOST_TEST((texts_of(log) == std::vector<std::string>{"made meanwhile"}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(processes_that_leave_without_a_close_lose_nothing, Log, logs) {
  const temp_dir place;
  constexpr std::uint32_t processes = 6;
  constexpr std::uint32_t visits = 15;
  crew all{processes, [&](std::uint32_t process) {
             for (std::uint32_t i = 0; i < visits; ++i) {
               child_process one{[&] {
                 Log log{place / "log", smallest<Log>()};
                 log.append(make_payload({0, process, i}));
                 ::_exit(7);
                 return 0;
               }};
               if (one.wait() != 7) throw std::runtime_error{"it failed"};
             }
           }};
  BOOST_TEST(all.finish() == processes);
  BOOST_TEST(check_alone<Log>(place / "log").size() == processes * visits);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(transactions_of_many_processes_stay_whole, Log, logs) {
  const temp_dir place;
  const acknowledgement_pipe pipe;
  crew all{4, [&](std::uint32_t process) {
             Log log{place / "log", smallest<Log>()};
             on_threads(2, [&](std::uint32_t thread) {
               busy_writer<Log>{log, pipe, process, thread}.run(60);
             });
             log.close();
           }};
  // Up to 480 acknowledgements fit into the pipe.
  BOOST_TEST(all.finish() == 4U);
  const auto found = check_alone<Log>(place / "log");
  for (int i = 0; i < 480; ++i) {
    acknowledgement told;
    BOOST_REQUIRE(pipe.hear(told));
    found.require(told);
  }
}

/// Commits transactions too large for staging.
template <class Log>
void commit_large(Log& log, std::uint32_t process, std::uint32_t transactions) {
  constexpr std::uint32_t records = 200;
  for (std::uint32_t i = 0; i < transactions; ++i) {
    auto unit = log.begin();
    for (std::uint32_t k = 0; k < records; ++k) {
      unit.append(make_payload({process, 0, i * records + k, k, records}));
    }
    unit.commit();
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(large_transactions_of_many_processes_stay_whole, Log, logs) {
  const temp_dir place;
  crew all{3, [&](std::uint32_t process) {
             Log log{place / "log", smallest<Log>()};
             commit_large(log, process, 15);
             if (read_history(log).size() < 3000) throw std::runtime_error{"not all are there"};
             log.close();
           }};
  BOOST_TEST(all.finish() == 3U);
  BOOST_TEST(check_alone<Log>(place / "log").size() == 9000U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(empty_records_and_every_length_fill_segments_to_the_brim, Log, logs) {
  const temp_dir place;
  constexpr std::size_t lengths = 600;
  crew all{2, [&](std::uint32_t process) {
             Log log{place / "log", smallest<Log>()};
             for (std::size_t i = 0; i < lengths; ++i) {
               log.append(std::string(process == 0 ? i : 0, 'x'));
               log.append(std::string(process == 0 ? lengths - i : i % 9, 'x'));
             }
             log.close();
           }};
  BOOST_TEST(all.finish() == 2U);
  const Log log{place / "log", smallest<Log>()};
  const auto seen = texts_of(log);
  BOOST_TEST(seen.size() == 4 * lengths);
  const auto bytes =
      std::accumulate(seen.begin(), seen.end(), std::size_t{0},
                      [](std::size_t sum, const auto& text) { return sum + text.size(); });
  BOOST_TEST(bytes ==
             lengths * lengths + (lengths - lengths % 9) * 4 + lengths % 9 * (lengths % 9 - 1) / 2);
  BOOST_TEST(log.verify().intact());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_tail_gets_what_other_processes_append, Log, logs) {
  const temp_dir place;
  constexpr std::uint32_t records = 300;
  const pipe_signal ready;
  child_process consumer{[&] {
    Log log{place / "log", smallest<Log>()};
    if (!ready.announce()) return 1;
    history seen;
    for (const auto& record : log.tail()) {
      seen.see(record.lsn().value(), record.text());
      if (seen.size() == 2 * records) break;
    }
    log.close();
    return 0;
  }};
  BOOST_REQUIRE(ready.wait());
  crew all{2, [&](std::uint32_t process) {
             Log log{place / "log", smallest<Log>()};
             append_singly(log, process, 0, records);
             log.close();
           }};
  BOOST_TEST(all.finish() == 2U);
  BOOST_TEST(consumer.wait() == 0);
}

/// Deals with up to so many records from where the cursor stands, and tells each.
template <class Log>
int consume(const std::filesystem::path& path, const acknowledgement_pipe& pipe,
            std::uint64_t records) {
  Log log{path, smallest<Log>()};
  auto cursor = log.cursor("consumer");
  for (const auto& record : cursor.tail()) {
    if (!pipe.tell({record.lsn().value(), {}})) return 1;
    cursor.acknowledge(record.lsn());
    if (--records == 0) break;
  }
  log.close();
  return 0;
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_named_cursor_goes_on_in_the_next_process, Log, logs) {
  const temp_dir place;
  constexpr std::uint32_t records = 200;
  constexpr std::uint64_t step = 50;
  const acknowledgement_pipe pipe;
  child_process producer{[&] {
    Log log{place / "log", smallest<Log>()};
    append_singly(log, 0, 0, records);
    log.close();
    return 0;
  }};
  for (std::uint64_t first = 1; first < records; first += step) {
    child_process consumer{[&] { return consume<Log>(place / "log", pipe, step); }};
    BOOST_TEST(consumer.wait() == 0);
    for (std::uint64_t at = first; at < first + step; ++at) {
      acknowledgement told;
      BOOST_REQUIRE(pipe.hear(told));
      BOOST_REQUIRE(told.at == at);
    }
  }
  BOOST_TEST(producer.wait() == 0);
  Log log{place / "log", smallest<Log>()};
  BOOST_TEST(log.cursor("consumer").next() == lsn{records + 1});
}

BOOST_AUTO_TEST_CASE_TEMPLATE(two_handles_of_one_process_are_two_writers, Log, logs) {
  const temp_dir place;
  Log one{place / "log", smallest<Log>()};
  Log other{place / "log", smallest<Log>()};
  for (std::uint32_t i = 0; i < 100; ++i) {
    BOOST_TEST(one.append(make_payload({0, 0, i})) == lsn{2 * i + 1});
    BOOST_TEST(other.append(make_payload({0, 1, i})) == lsn{2 * i + 2});
  }
  one.sync();
  BOOST_TEST(read_history(one).size() == 200U);
  BOOST_TEST(read_history(other).size() == 200U);
  one.close();
  other.append(make_payload({0, 1, 100}));
  other.sync();
  BOOST_TEST(read_history(other).size() == 201U);
}

BOOST_AUTO_TEST_CASE(one_writer_alone_and_many_exclude_each_other) {
  using alone = durable_wal;
  const temp_dir place;
  {
    shared_wal wal{place / "log"};
    wal.append("of many");
    BOOST_TEST(throws(errc::locked, [&] { const alone other{place / "log"}; }));
    const shared_wal second{place / "log"};
  }
  {
    alone wal{place / "log"};
    wal.append("of one");
    BOOST_TEST(throws(errc::locked, [&] { const shared_wal other{place / "log"}; }));
    BOOST_TEST((texts_of(wal) == std::vector<std::string>{"of many", "of one"}));
  }
  const shared_wal again{place / "log"};
  BOOST_TEST((texts_of(again) == std::vector<std::string>{"of many", "of one"}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_child_of_a_fork_may_not_use_its_parents_log, Log, logs) {
  const temp_dir place;
  Log log{place / "log", smallest<Log>()};
  log.append(make_payload({0, 0, 0}));
  child_process child{[&] {
    const bool refused = throws(errc::closed, [&] { log.append("of the child"); }) &&
                         throws(errc::closed, [&] { log.sync(); });
    log.close();  // which is nothing to the parent
    // A log begins threads, and ThreadSanitizer would end the child for it.
    if constexpr (children_may_begin_threads) {
      Log own{place / "log", smallest<Log>()};
      own.append(make_payload({0, 1, 0}));
      own.close();
    }
    return refused ? 0 : 1;
  }};
  BOOST_TEST(child.wait() == 0);
  log.append(make_payload({0, 0, 1}));
  log.sync();
  constexpr std::size_t records = children_may_begin_threads ? 3 : 2;
  BOOST_TEST(read_history(log).size() == records);
  log.close();
  BOOST_TEST(check_alone<Log>(place / "log").size() == records);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(old_segments_go_while_others_read_and_write, Log, logs) {
  const temp_dir place;
  crew all{3, [&](std::uint32_t process) {
             Log log{place / "log", smallest<Log>()};
             for (std::uint32_t i = 0; i < 300; ++i) {
               log.append(make_payload({0, process, i}));
               if (i % 50 == 49) log.truncate_front(log.last_lsn());
               if (i % 20 != 19) continue;
               lsn next{};
               for (const auto& record : log.records()) {
                 if (next && record.lsn() != next) throw std::runtime_error{"a hole"};
                 next = record.lsn() + 1;
               }
             }
             log.close();
           }};
  BOOST_TEST(all.finish() == 3U);
  const Log log{place / "log", smallest<Log>()};
  BOOST_TEST(log.last_lsn() == lsn{900});
  BOOST_TEST(log.first_lsn() > lsn{1});
  BOOST_TEST(log.verify().intact());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_snapshot_keeps_what_another_process_gives_up, Log, logs) {
  const temp_dir place;
  {
    Log earlier{place / "log", smallest<Log>()};
    append_singly(earlier, 0, 0, 500);
    earlier.close();
  }
  const pipe_signal go;
  child_process other{[&] {
    if (!go.wait()) return 1;
    Log own{place / "log", smallest<Log>()};
    append_singly(own, 1, 0, 500);
    own.sync();
    while (own.truncate_front(own.last_lsn()) < lsn{501}) std::this_thread::yield();
    return 0;
  }};
  Log log{place / "log", smallest<Log>()};
  const auto unread = log.snapshot();
  BOOST_REQUIRE(go.announce());
  BOOST_TEST(other.wait() == 0);
  BOOST_TEST(log.first_lsn() >= lsn{501});
  lsn next{1};
  for (const auto& record : unread.records()) {
    BOOST_REQUIRE(record.lsn() == next);
    next = next + 1;
  }
  BOOST_TEST(next == lsn{501});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
