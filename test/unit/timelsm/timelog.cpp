// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE timelog
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "../../support/process.hpp"
#include "../../support/temp_dir.hpp"
#include "../../support/throws.hpp"

namespace {

using logdb::errc;
using logdb::lsn;
using logdb::test::child_process;
using logdb::test::temp_dir;
using logdb::test::throws;
using load_log = logdb::basic_timelog<double>;
using durable_log = load_log::with<logdb::Durability<logdb::Fsync>>;
using pairs = std::vector<std::pair<std::int64_t, double>>;

template <class Log>
pairs listed(const Log& log) {
  pairs all;
  for (const auto& [time, value] : log.all()) all.emplace_back(time, value);
  return all;
}

BOOST_AUTO_TEST_SUITE(timelog)

BOOST_AUTO_TEST_CASE(rows_and_deletions_are_there_after_a_reopen) {
  const temp_dir dir;
  {
    load_log log{dir / "load"};
    BOOST_TEST(log.append(5, 0.5).value() == 1U);
    BOOST_TEST(log.append(pairs{{1, 0.1}, {9, 0.9}, {3, 0.3}}).value() == 2U);
    BOOST_TEST(log.erase(1, 4).value() == 3U);
    BOOST_TEST(log.append(2, 0.2).value() == 4U);
    BOOST_TEST(log.append(pairs{}).value() == 4U);
    BOOST_TEST(log.erase(7, 7).value() == 4U);
  }
  const load_log log{dir / "load"};
  BOOST_TEST((listed(log) == pairs{{2, 0.2}, {5, 0.5}, {9, 0.9}}));
  BOOST_TEST(log.last_lsn().value() == 4U);
}

BOOST_AUTO_TEST_CASE(byte_values_are_there_after_a_reopen) {
  const temp_dir dir;
  {
    logdb::timelog log{dir / "notes"};
    log.append(1, "one");
    log.append(std::vector<std::pair<std::int64_t, std::string>>{{3, "three"}, {2, ""}});
  }
  logdb::timelog log{dir / "notes"};
  std::string all;
  for (const auto& [time, value] : log.all()) all += std::string{value.text()} + ' ';
  BOOST_TEST(all == "one  three ");
}

BOOST_AUTO_TEST_CASE(a_checkpoint_stands_for_the_records_before_it_which_are_given_up) {
  const temp_dir dir;
  load_log::options options;
  options.segment_bytes = 16 << 10;
  pairs wanted;
  {
    load_log log{dir / "load", options};
    for (int round = 0; round < 200; ++round) {
      pairs batch;
      for (int i = 0; i < 100; ++i) batch.emplace_back(i, round);
      log.append(batch);
      if (round != 199) log.erase(0, 100);
    }
    BOOST_TEST(log.first_lsn().value() == 1U);
    log.compact();
    BOOST_TEST(log.first_lsn().value() > 1U);
    log.append(7, 7);
    wanted = listed(log);
  }
  {
    load_log log{dir / "load", options};
    BOOST_TEST((listed(log) == wanted));
    log.compact();
    log.compact();
    log.append(8, 8);
    wanted = listed(log);
  }
  const load_log log{dir / "load", options};
  BOOST_TEST((listed(log) == wanted));
  BOOST_TEST(log.validate().empty());
}

BOOST_AUTO_TEST_CASE(a_log_of_few_rows_stays_small_however_long_it_is_written) {
  const temp_dir dir;
  load_log::options options;
  options.segment_bytes = 16 << 10;
  options.index.checkpoint_bytes = 8 << 10;
  load_log log{dir / "load", options};
  std::int64_t written = 0;
  for (; log.first_lsn() < lsn{2000} && written < 2'000'000; ++written) {
    log.append(written, 0.5);
    if (written % 100 == 99) log.erase_before(written - 100);
  }
  BOOST_TEST(log.first_lsn().value() >= 2000U);
  const auto wanted = listed(log);
  log.close();
  load_log again{dir / "load", options};
  BOOST_TEST((listed(again) == wanted));
}

BOOST_AUTO_TEST_CASE(a_write_that_was_accepted_while_the_log_closed_is_no_error) {
  for (int round = 0; round < 20; ++round) {
    const temp_dir dir;
    std::atomic<std::uint64_t> accepted = 0;
    {
      load_log log{dir / "load"};
      std::vector<std::jthread> writers;
      for (int writer = 0; writer < 3; ++writer) {
        writers.emplace_back([&] {
          try {
            for (;; ++accepted) log.append(1, 1);
          } catch (const logdb::error& refused) {
            if (refused.condition() != errc::closed) accepted = 1U << 31;
          }
        });
      }
      while (accepted < 100) std::this_thread::yield();
      log.close();
    }
    const load_log log{dir / "load"};
    BOOST_TEST(log.size() == accepted.load());
  }
}

BOOST_AUTO_TEST_CASE(a_checkpoint_whose_cursor_was_lost_repeats_nothing) {
  const temp_dir dir;
  pairs wanted;
  {
    load_log log{dir / "load"};
    log.append(pairs{{1, 1}, {2, 2}, {2, 3}});
    log.compact();
    log.append(2, 4);
    wanted = listed(log);
  }
  {
    // As if the process had died before it said where the checkpoint stands.
    load_log log{dir / "load"};
    logdb::detail::log_access::view(log).set_cursor(logdb::timelsm::checkpoint_cursor, lsn{0});
  }
  const load_log log{dir / "load"};
  BOOST_TEST((listed(log) == wanted));
}

BOOST_AUTO_TEST_CASE(a_reader_beside_the_writer_sees_what_it_adds) {
  const temp_dir dir;
  load_log log{dir / "load"};
  log.append(1, 1);
  log.sync();
  load_log::options options;
  options.mode = logdb::open_mode::read_only;
  load_log reader{dir / "load", options};
  BOOST_TEST(reader.size() == 1U);
  log.append(pairs{{2, 2}, {3, 3}});
  log.erase(1);
  log.sync();
  BOOST_TEST((listed(reader) == pairs{{2, 2}, {3, 3}}));
  log.compact();
  log.append(4, 4);
  log.sync();
  BOOST_TEST((listed(reader) == pairs{{2, 2}, {3, 3}, {4, 4}}));
  BOOST_TEST(throws(errc::read_only, [&] { reader.append(1, 1); }));
  BOOST_TEST(throws(errc::read_only, [&] { reader.checkpoint(); }));
  BOOST_TEST(reader.size() == 3U);
}

BOOST_AUTO_TEST_CASE(a_reader_that_the_writer_has_left_behind_begins_at_the_checkpoint) {
  const temp_dir dir;
  load_log::options options;
  options.segment_bytes = 16 << 10;
  load_log log{dir / "load", options};
  log.append(1, 1);
  log.sync();
  auto to_read = options;
  to_read.mode = logdb::open_mode::read_only;
  load_log reader{dir / "load", to_read};
  BOOST_TEST(reader.size() == 1U);
  for (int i = 0; i < 5000; ++i) log.append(i % 50, i);
  log.erase(10, 50);
  // What a checkpoint stands for goes with segments whose end another thread has listed by then.
  for (int i = 0; i < 1000 && log.first_lsn().value() <= 2U; ++i) {
    log.append(51, i);
    log.compact();
  }
  BOOST_TEST(log.first_lsn().value() > 2U);
  log.append(60, 6);
  log.sync();
  BOOST_TEST((listed(reader) == listed(log)));
}

BOOST_AUTO_TEST_CASE(many_writers_and_checkpoints_leave_what_the_next_open_finds) {
  const temp_dir dir;
  pairs wanted;
  {
    load_log log{dir / "load"};
    std::atomic<bool> written = false;
    std::jthread compacting{[&] {
      do log.compact();
      while (!written);
    }};
    {
      std::vector<std::jthread> writers;
      for (int writer = 0; writer < 3; ++writer) {
        writers.emplace_back([&log, writer] {
          for (int i = 0; i < 300; ++i) {
            log.append(pairs{{i, writer}, {i / 2, writer + 10}});
            if (i % 10 == 9) log.erase(i - 5, i - 2);
          }
        });
      }
    }
    written = true;
    compacting.join();
    wanted = listed(log);
  }
  const load_log log{dir / "load"};
  BOOST_TEST((listed(log) == wanted));
}

BOOST_AUTO_TEST_CASE(a_durable_append_returns_when_its_row_is_on_stable_storage) {
  const temp_dir dir;
  durable_log log{dir / "load"};
  std::vector<std::jthread> writers;
  std::atomic<int> early = 0;
  for (int writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&log, &early, writer] {
      for (int i = 0; i < 20; ++i) {
        const lsn at = log.append(writer * 100 + i, i);
        early += log.durable_lsn() >= at ? 0 : 1;
        early += log.at(writer * 100 + i).count() == 1 ? 0 : 1;
      }
    });
  }
  writers.clear();
  BOOST_TEST(early == 0);
  BOOST_TEST(log.size() == 80U);
}

BOOST_AUTO_TEST_CASE(a_log_of_other_values_is_refused) {
  const temp_dir dir;
  { load_log{dir / "load"}.append(1, 0.5); }
  BOOST_TEST(throws(errc::format_mismatch, [&] { logdb::timelog log{dir / "load"}; }));
  BOOST_TEST(throws(errc::format_mismatch, [&] { logdb::async_wal log{dir / "load"}; }));
  const load_log log{dir / "load"};
  BOOST_TEST(log.size() == 1U);
}

BOOST_AUTO_TEST_CASE(what_a_time_log_cannot_keep_is_refused) {
  const temp_dir dir;
  load_log log{dir / "load"};
  BOOST_TEST(
      throws(errc::invalid_argument, [&] { static_cast<void>(log.cursor("logdb.checkpoint")); }));
  BOOST_TEST(throws(errc::invalid_argument, [&] { log.erase(2, 1); }));
  BOOST_TEST(log.last_lsn().value() == 0U);
}

BOOST_AUTO_TEST_CASE(a_closed_time_log_says_so_and_its_snapshots_stay) {
  const temp_dir dir;
  load_log log{dir / "load"};
  log.append(1, 1);
  const auto kept = log.snapshot();
  log.close();
  log.close();
  BOOST_TEST(throws(errc::closed, [&] { log.append(2, 2); }));
  BOOST_TEST(throws(errc::closed, [&] { static_cast<void>(log.size()); }));
  BOOST_TEST(throws(errc::closed, [&] { static_cast<void>(log.records()); }));
  BOOST_TEST(kept.size() == 1U);
}

template <class Log>
void require_refused_in_a_child() {
  const temp_dir dir;
  Log log{dir / "load"};
  log.append(1, 1);
  child_process child{[&] {
    int number = 0;
    const auto refused = [&number](auto use) { return ++number, throws(errc::closed, use); };
    const bool all = refused([&] { log.append(2, 2); }) && refused([&] {
                       log.append(pairs{{2, 2}, {3, 3}});
                     }) &&
                     refused([&] { log.erase_all(); }) && refused([&] { log.compact(); }) &&
                     refused([&] { log.checkpoint(); }) && refused([&] { log.maintain(); }) &&
                     refused([&] { log.flush(); }) && refused([&] { log.sync(); }) &&
                     refused([&] { static_cast<void>(log.size()); }) &&
                     refused([&] { static_cast<void>(log.snapshot()); }) &&
                     refused([&] { static_cast<void>(log.validate()); });
    log.close();  // which is nothing to the parent, whose threads are not here
    return all ? 0 : number;
  }};
  BOOST_TEST(child.wait() == 0);
  log.append(2, 2);
  log.compact();
  BOOST_TEST(log.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_child_of_a_fork_may_not_use_the_log_of_its_parent) {
  require_refused_in_a_child<load_log>();
  require_refused_in_a_child<durable_log>();
}

BOOST_AUTO_TEST_CASE(a_child_of_a_fork_can_do_nothing_with_a_log_in_memory_but_end_it) {
  logdb::basic_memory_timelog<double> log;
  log.append(1, 1);
  const auto before = log.snapshot();
  child_process child{[&] {
    const auto is_closed = [&log] {
      return throws(errc::closed, [&] { log.append(2, 2); }) &&
             throws(errc::closed, [&] { static_cast<void>(log.size()); }) &&
             throws(errc::closed, [&] { static_cast<void>(log.stats()); });
    };
    if (!is_closed() || before.size() != 1) return 1;
    log.close();
    return is_closed() ? 0 : 2;
  }};
  BOOST_TEST(child.wait() == 0);
  BOOST_TEST(log.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_report_of_pressure_takes_nothing) {
  const temp_dir dir;
  load_log::options options;
  options.index.maintenance = logdb::maintenance_mode::by_hand;
  options.index.pressure = logdb::pressure_mode::report;
  options.index.memtable_rows = 256;
  options.index.frozen_max = 1;
  load_log log{dir / "load", options};
  std::uint64_t taken = 0;
  while (!throws(errc::busy, [&] { log.append(static_cast<std::int64_t>(taken), 1); })) ++taken;
  BOOST_TEST(log.size() == taken);
  BOOST_TEST(log.last_lsn().value() == taken);
  while (log.maintain()) {
  }
  log.append(0, 1);
  BOOST_TEST(log.size() == taken + 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
