// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE interprocess_shared_file
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "crash/support/failing_disk.hpp"
#include "interprocess/support/many.hpp"
#include "support/single_file.hpp"

// What is peculiar to many processes that write one file: what stands beside it, and when that
// goes; the file itself, which may be replaced; its syncs, which are everybody's.

namespace logdb::test {

using shared_file = quick_shared_file<Fsync>;
using names = std::set<std::string>;

const names one_file_only{"log"};
const names with_what_is_open{"log", "log-control", "log-lock"};

BOOST_FIXTURE_TEST_SUITE(shared_files, one_file)

BOOST_AUTO_TEST_CASE(the_last_close_leaves_one_file_and_no_other_close_does) {
  shared_file first{path, smallest<shared_file>()};
  shared_file second{path, smallest<shared_file>()};
  append_singly(first, 0, 0, 100);
  append_singly(second, 0, 1, 100);
  BOOST_TEST((files() == with_what_is_open));
  first.close();
  BOOST_TEST((files() == with_what_is_open));
  append_singly(second, 0, 2, 100);
  second.close();
  BOOST_TEST((files() == one_file_only));
  BOOST_TEST(check_alone<shared_file>(path).size() == 300U);
  BOOST_TEST((files() == one_file_only));
}

BOOST_AUTO_TEST_CASE(processes_that_come_and_go_while_the_file_is_replaced_lose_nothing) {
  constexpr std::uint32_t processes = 6;
  constexpr std::uint32_t visits = 40;
  auto options = smallest<shared_file>();
  options.storage.compact_ratio = 0;  // each last close makes another file
  crew all{processes, [&](std::uint32_t process) {
             for (std::uint32_t i = 0; i < visits; ++i) {
               shared_file log{path, options};
               log.append(make_payload({0, process, i}));
               log.close();
             }
           }};
  BOOST_TEST(all.finish() == processes);
  BOOST_TEST((files() == one_file_only));
  BOOST_TEST(check_alone<shared_file>(path).size() == processes * visits);
}

BOOST_AUTO_TEST_CASE(what_processes_that_died_left_beside_goes_with_the_next_close) {
  crew all{3, [&](std::uint32_t process) {
             shared_file log{path, smallest<shared_file>()};
             append_singly(log, process, 0, 50);
             ::_exit(7);
           }};
  BOOST_TEST(all.finish() == 0U);
  BOOST_TEST((files() == with_what_is_open));
  BOOST_TEST(check_alone<shared_file>(path).size() == 150U);
  BOOST_TEST((files() == one_file_only));
}

BOOST_AUTO_TEST_CASE(one_writer_alone_and_many_exclude_each_other_on_one_file) {
  using alone = durable_wal::with<Storage<SingleFile>>;
  using many = shared_wal::with<Storage<SingleFile>>;
  {
    many log{path};
    log.append("of many");
    BOOST_TEST(throws(errc::locked, [&] { const alone other{path}; }));
    const many second{path};
  }
  {
    alone log{path};
    log.append("of one");
    BOOST_TEST(throws(errc::locked, [&] { const many other{path}; }));
  }
  const many again{path};
  BOOST_TEST((texts_of(again) == std::vector<std::string>{"of many", "of one"}));
}

BOOST_AUTO_TEST_CASE(dead_space_is_given_back_when_the_last_one_closes) {
  auto options = smallest<shared_file>();
  options.storage.compact_ratio = 0.1;
  shared_file first{path, options};
  shared_file second{path, options};
  for (std::uint32_t i = 0; i < 20; ++i) append_singly(i % 2 == 0 ? first : second, i, 0, 200);
  // What is sealed goes once it is settled, which happens in the background.
  while (first.first_lsn() + 500 < first.last_lsn()) first.truncate_front(first.last_lsn());
  const auto before = std::filesystem::file_size(path);
  first.close();
  BOOST_TEST(std::filesystem::file_size(path) >= before);
  append_singly(second, 20, 0, 10);
  const lsn kept = second.first_lsn();
  const lsn last = second.last_lsn();
  second.close();
  BOOST_TEST(std::filesystem::file_size(path) < before / 2);
  const shared_file again{path, options};
  BOOST_TEST((again.first_lsn() == kept && again.last_lsn() == last));
  BOOST_TEST(again.verify().intact());
}

BOOST_AUTO_TEST_CASE(a_reader_goes_on_while_processes_come_and_go) {
  auto options = smallest<shared_file>();
  options.storage.compact_ratio = 0;
  { const shared_file log{path, options}; }
  auto reading = options;
  reading.mode = open_mode::read_only;
  const shared_file reader{path, reading};
  for (std::uint32_t i = 0; i < 10; ++i) {
    crew all{2, [&](std::uint32_t process) {
               shared_file log{path, options};
               append_singly(log, i, process, 40);
               log.close();
             }};
    BOOST_TEST(all.finish() == 2U);
    BOOST_TEST(read_history(reader).size() == (i + 1) * 80U);
  }
}

BOOST_AUTO_TEST_CASE(many_attached_segments_outgrow_a_page_of_names) {
  constexpr std::uint32_t transactions = 60;
  constexpr std::uint32_t records = 150;
  crew all{3, [&](std::uint32_t process) {
             shared_file log{path, smallest<shared_file>()};
             for (std::uint32_t i = 0; i < transactions; ++i) {
               auto unit = log.begin();
               for (std::uint32_t k = 0; k < records; ++k) {
                 unit.append(make_payload({process, 0, i * records + k, k, records}));
               }
               unit.commit();
             }
             log.close();
           }};
  BOOST_TEST(all.finish() == 3U);
  BOOST_TEST(check_alone<shared_file>(path).size() == 3 * transactions * records);
}

BOOST_FIXTURE_TEST_CASE(a_sync_that_failed_for_one_process_is_in_doubt_for_all, fresh_disk) {
  using log_type = quick_shared_file<Async, failing_disk>;
  const temp_dir where;
  auto options = smallest<log_type>();
  options.durability.delay_max = std::chrono::seconds{60};  // nobody syncs but who is asked to
  log_type first{where / "log", options};
  append_singly(first, 0, 0, 20);                 // too little for a worker to begin by itself
  BOOST_TEST(read_history(first).size() == 20U);  // the kernel has them, and not the disk
  {
    log_type second{where / "log", options};
    failing_disk::set(fail_times(disk_call::sync, "log", -EIO, 1'000'000));
    BOOST_TEST(throws(errc::io, [&] { second.append(std::string(12'000, 'x')); }));
    BOOST_TEST(failing_disk::has_failed("log"));
    failing_disk::set({});
  }
  // Who opens it now has not seen the sync fail, nor written what it lost.
  log_type third{where / "log", options};
  third.sync();
  BOOST_TEST(third.stats().heals == 1U);
  first.close();
  third.close();
  BOOST_TEST(check_alone<log_type>(where / "log").size() == 20U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
