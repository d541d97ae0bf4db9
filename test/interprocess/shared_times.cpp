// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE interprocess_shared_times
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory_resource>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "interprocess/support/many_times.hpp"

// Several that write one time log. Two handles in one process are as good as two processes.

namespace logdb::test {

using time_logs =
    boost::mp11::mp_list<quick_times<Async>, quick_times<Fsync>,
                         quick_times<None>::with<Storage<BasicSingleFile<quick_system>>>>;
using some_log = quick_times<Async>;

BOOST_AUTO_TEST_SUITE(shared_times)

BOOST_AUTO_TEST_CASE_TEMPLATE(what_one_writes_the_other_sees_at_once_in_the_order_of_the_log, Log,
                              time_logs) {
  pair_of_time_logs<Log> both;
  auto& first = both.first;
  auto& second = both.second;
  BOOST_TEST(first.append(5, 1U).value() == 1U);
  BOOST_TEST(second.append(5, 2U).value() == 2U);
  BOOST_TEST((rows_of(first) == rows{{5, 1}, {5, 2}}));
  BOOST_TEST(second.append(rows{{7, 3}, {5, 4}, {1, 5}}).value() == 3U);
  first.append(5, 6U);
  BOOST_TEST((rows_of(first) == rows{{1, 5}, {5, 1}, {5, 2}, {5, 4}, {5, 6}, {7, 3}}));
  BOOST_TEST((rows_of(second) == rows_of(first)));
  first.erase(5, 8);  // hides what both have written before
  second.append(5, 7U);
  BOOST_TEST((rows_of(first) == rows{{1, 5}, {5, 7}}));
  auto all = second.begin();
  all.append(5, 8U);
  all.erase(1);
  all.append(1, 9U);
  first.append(1, 10U);
  BOOST_TEST((rows_of(second) == rows{{1, 5}, {1, 10}, {5, 7}}));
  BOOST_TEST((rows_of(all) == rows{{1, 9}, {5, 7}, {5, 8}}));
  all.commit();
  BOOST_TEST((rows_of(first) == rows{{1, 9}, {5, 7}, {5, 8}}));
  BOOST_TEST((rows_of(second) == rows_of(first)));
  BOOST_TEST(second.size() == 3U);
  BOOST_TEST(first.validate().empty());
  second.close();
  BOOST_TEST(throws(errc::closed, [&] { second.append(1, 1U); }));
  first.append(2, 11U);
  first.close();
  const Log alone{both.place / "rows", both.options};
  BOOST_TEST((rows_of(alone) == rows{{1, 9}, {2, 11}, {5, 7}, {5, 8}}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_checkpoint_of_one_stands_for_the_rows_of_all, Log, time_logs) {
  auto options = small_times<Log>();
  options.index.checkpoint_bytes = 0;  // by hand alone
  pair_of_time_logs<Log> both{options};
  auto& first = both.first;
  auto& second = both.second;
  row_model wanted;
  const auto kept = second.snapshot();
  for (std::uint64_t round = 0; round < 40; ++round) {
    Log& writer = round % 2 == 0 ? first : second;
    Log& storer = round % 3 == 0 ? first : second;
    rows batch;
    for (std::uint64_t n = 0; n < 300; ++n) {
      batch.emplace_back(static_cast<std::int64_t>(n * 7 % 100), round * 1000 + n);
    }
    writer.append(batch);
    wanted.append(batch);
    if (round % 4 == 3) {
      const auto from = static_cast<std::int64_t>(round);
      storer.erase(from, from + 30);
      wanted.erase(from, from + 30);
    }
    round % 5 == 4 ? storer.compact() : storer.checkpoint();
    if (round % 8 == 7) BOOST_TEST_REQUIRE((rows_of(storer) == wanted.all()));
    if (round % 8 == 3) BOOST_TEST_REQUIRE((rows_of(writer) == wanted.all()));
  }
  BOOST_TEST(first.first_lsn().value() > 1U);  // the records before it were given up
  BOOST_TEST(kept.empty());
  BOOST_TEST((rows_of(first) == wanted.all()));
  BOOST_TEST((rows_of(second) == wanted.all()));
  BOOST_TEST(first.validate().empty());
  BOOST_TEST(second.validate().empty());
  BOOST_TEST(first.verify().intact());
  const auto before = second.snapshot();
  first.erase_all();
  first.compact();
  BOOST_TEST(second.empty());
  second.close();
  first.close();
  BOOST_TEST(before.size() == wanted.all().size());  // and can be read though all of it is gone
  BOOST_TEST((rows_of(before) == wanted.all()));
}

BOOST_AUTO_TEST_CASE(a_checkpoint_needs_no_run_that_another_process_has_given_up) {
  some_log::options options = smallest<some_log>();
  options.index.maintenance = maintenance_mode::by_hand;
  pair_of_time_logs<some_log> both{options};
  rows wanted;
  const auto add = [&wanted](some_log& to) {
    rows batch;
    for (std::uint64_t n = 0; n < 256; ++n) {
      const std::uint64_t time = wanted.size() + n;
      batch.emplace_back(static_cast<std::int64_t>(time), mix(time));
    }
    to.append(batch);
    wanted.insert(wanted.end(), batch.begin(), batch.end());
  };
  add(both.first);
  BOOST_TEST(both.second.size() == wanted.size());
  both.first.checkpoint();  // a run that the second has not met: it has the rows
  for (int n = 0; n < 40; ++n) add(both.second);
  BOOST_TEST(both.first.size() == wanted.size());
  both.second.checkpoint();
  BOOST_TEST(both.second.first_lsn().value() > 20U);
  both.first.checkpoint();
  BOOST_TEST((rows_of(both.first) == wanted));
  both.first.close();
  both.second.close();
  const some_log alone{both.place / "rows", options};
  BOOST_TEST((rows_of(alone) == wanted));
  BOOST_TEST(alone.validate().empty());
}

BOOST_AUTO_TEST_CASE(
    what_is_stored_in_the_background_is_bounded_for_all_and_let_go_of_by_the_idle) {
  auto options = small_times<some_log>();
  options.index.memory_bytes_max = 64u << 10;
  pair_of_time_logs<some_log> both{options};
  auto& first = both.first;
  some_log reader = [&] {
    auto to_read = options;
    to_read.mode = open_mode::read_only;
    return some_log{both.place / "rows", to_read};
  }();
  row_model wanted;
  for (std::uint64_t n = 0; n < 20'000; ++n) {
    const rows one{{static_cast<std::int64_t>(n), n}};
    wanted.append(one);
  }
  for (std::size_t at = 0; at < wanted.all().size(); at += 50) {
    const auto begin = wanted.all().begin() + static_cast<std::ptrdiff_t>(at);
    (at % 100 == 0 ? first : both.second).append(rows(begin, begin + 50));
    if (at % 5000 != 0) continue;
    first.sync();
    BOOST_TEST_REQUIRE(reader.size() == at + 50);
  }
  first.sync();
  BOOST_TEST((rows_of(first) == wanted.all()));
  BOOST_TEST((rows_of(reader) == wanted.all()));
  BOOST_TEST(first.index_stats().faults + both.second.index_stats().faults == 0U);
  BOOST_TEST(first.index_stats().checkpoints + both.second.index_stats().checkpoints > 0U);
  BOOST_TEST(first.index_stats().memory_bytes < std::size_t{256} << 10);
  BOOST_TEST(throws(errc::read_only, [&] { reader.append(1, 1U); }));
  BOOST_TEST(throws(errc::read_only, [&] { reader.checkpoint(); }));
  // The log is no longer than what a checkpoint leaves, and an idle process lets go of the rest:
  while (both.second.index_stats().stored_rows < 15'000) std::this_thread::yield();
}

BOOST_AUTO_TEST_CASE(a_row_that_is_removed_is_told_of_by_whoever_removes_it) {
  auto options = small_times<some_log>();
  options.index.checkpoint_bytes = 0;
  std::atomic<std::uint64_t> told = 0;
  options.index.on_drop = [&told](std::int64_t, std::uint64_t) { ++told; };
  pair_of_time_logs<some_log> both{options};
  for (std::uint64_t n = 0; n < 100; ++n) both.first.append(1, n);
  both.second.erase_all();
  both.second.compact();
  BOOST_TEST(told.load() >= 100U);
  BOOST_TEST(both.first.empty());
}

BOOST_AUTO_TEST_CASE(a_log_of_other_values_or_another_unit_is_refused_when_its_rows_are_met) {
  using other_log = basic_log<Storage<BasicDirectory<quick_system>>, Durability<Async>,
                              Index<BasicTimeLSM<double>>, Locking<Fcntl>>;
  const temp_dir place;
  auto options = small_times<some_log>();
  options.index.unit = std::chrono::milliseconds{1};
  some_log log{place / "rows", options};
  other_log early{place / "rows", smallest<other_log>()};
  options.index.unit = std::chrono::seconds{1};
  some_log coarse{place / "rows", options};
  log.append(1, 1U);
  BOOST_TEST(throws(errc::format_mismatch, [&] { early.append(1, 1.0); }));
  BOOST_TEST(throws(errc::format_mismatch, [&] { (void)early.size(); }));
  BOOST_TEST(throws(errc::format_mismatch, [&] { coarse.append(1, 1U); }));
  BOOST_TEST(throws(errc::format_mismatch, [&] { other_log{place / "rows"}; }));
  BOOST_TEST((rows_of(log) == rows{{1, 1}}));
}

/// Refuses memory while it is told to.
class scarce_memory : public std::pmr::memory_resource {
 public:
  std::atomic<bool> refuses = false;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (refuses.load()) throw std::bad_alloc{};
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* at, std::size_t bytes, std::size_t alignment) override {
    std::pmr::new_delete_resource()->deallocate(at, bytes, alignment);
  }
  [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
    return this == &other;
  }
};

template <class Log>
void miss_no_row_without_memory(open_mode mode) {
  const temp_dir place;
  scarce_memory memory;
  auto options = small_times<Log>();
  Log writer{place / "rows", options};
  options.mode = mode;
  options.index.memory = &memory;
  Log other{place / "rows", options};
  rows all;
  for (std::uint64_t n = 0; n < 3000; ++n) all.emplace_back(static_cast<std::int64_t>(n), n);
  writer.append(1, 1U);
  memory.refuses.store(true);
  writer.append(all);
  writer.sync();
  BOOST_CHECK_THROW((void)other.size(), std::bad_alloc);
  memory.refuses.store(false);
  BOOST_TEST((rows_of(other) == rows_of(writer)));
  BOOST_TEST(other.size() == 3001U);
  BOOST_TEST(other.validate().empty());
}

BOOST_AUTO_TEST_CASE(whoever_could_not_apply_a_record_misses_none_afterwards) {
  miss_no_row_without_memory<some_log>(open_mode::read_write);
  miss_no_row_without_memory<some_log>(open_mode::read_only);
}

/// The system, with a call in the middle: at the next sync of this thread.
struct called_system : quick_system {
  inline static thread_local std::function<void()> at_sync;
  static int sync(handle) {
    if (at_sync) std::exchange(at_sync, nullptr)();
    return 0;
  }
};

/// Is a log that stores while another thread of its process cannot apply what a second one appends.
struct interrupted_times {
  using log_type = quick_times<Async, called_system>;

  static rows some_rows(std::int64_t from) {
    rows all;
    while (all.size() < 3000) all.emplace_back(from++, all.size());
    return all;
  }
  [[nodiscard]] log_type::options chosen() {
    auto options = smallest<log_type>();
    options.index.memtable_rows = options.index.partition_rows = 256;
    options.index.maintenance = maintenance_mode::by_hand;
    options.index.memory = &memory;
    options.index.on_drop = [this](std::int64_t, std::uint64_t) {
      if (at_drop) std::exchange(at_drop, nullptr)();
    };
    return options;
  }
  /// Returns what a thread of the process does that then can, or cannot, read on.
  [[nodiscard]] std::function<void()> interruption(bool goes_on) {
    return [this, goes_on] {
      std::jthread{[this, goes_on] {
        other.append(some_rows(10'000));
        memory.refuses.store(true);
        failed = throws_bad_alloc();
        memory.refuses.store(false);
        if (goes_on) failed = failed && log.size() > 6000;
      }};
    };
  }
  [[nodiscard]] bool throws_bad_alloc() const {
    try {
      return log.size() == 0;
    } catch (const std::bad_alloc&) {
      return true;
    }
  }

  temp_dir place;
  scarce_memory memory;
  std::function<void()> at_drop;  // called at the next row that is dropped
  bool failed = false;
  log_type other{place / "rows", smallest<log_type>()};
  log_type log{place / "rows", chosen()};
};

BOOST_AUTO_TEST_CASE(a_checkpoint_stands_for_no_record_that_another_thread_could_not_apply) {
  interrupted_times here;
  here.log.append(interrupted_times::some_rows(0));
  here.log.erase(500, 2000);
  here.at_drop = here.interruption(false);
  here.log.compact();
  BOOST_TEST(here.failed);
  BOOST_TEST(here.log.size() == 4500U);
  here.other.checkpoint();  // on the one that the log has written
  BOOST_TEST(here.other.size() == 4500U);
  BOOST_TEST(here.log.validate().empty());
}

BOOST_AUTO_TEST_CASE(who_began_anew_amid_its_checkpoint_stands_on_that_before_the_next) {
  interrupted_times here;
  here.log.append(interrupted_times::some_rows(0));
  here.log.checkpoint();
  here.log.append(interrupted_times::some_rows(0));
  called_system::at_sync = here.interruption(true);
  here.log.compact();  // the run of the one before is no longer needed
  BOOST_TEST(here.failed);
  here.log.append(7, 1U);
  here.log.checkpoint();
  here.other.checkpoint();
  BOOST_TEST(here.log.size() == 9001U);
  here.log.close();
  here.other.close();
  const interrupted_times::log_type again{here.place / "rows", here.chosen()};
  BOOST_TEST(again.size() == 9001U);
  BOOST_TEST(again.validate().empty());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(many_threads_of_two_write_and_store_and_read_the_same, Log,
                              time_logs) {
  pair_of_time_logs<Log> both;
  constexpr std::uint64_t steps = 60;
  std::array<Log*, 2> handles{&both.first, &both.second};
  std::mutex saved;
  std::string failure;  // guarded by saved
  on_threads(6, [&](std::uint32_t who) {
    try {
      Log& log = *handles[who % 2];
      const row_writer mine{who + 1};
      for (std::uint64_t n = 1; n <= steps; ++n) {
        mine.do_step(log, n);
        if (n % 16 == 0 && !mine.is_after(rows_of(log), n)) throw std::runtime_error{"rows"};
        if (who == 0 && n % 20 == 0) log.compact();
        if (who == 1 && n % 7 == 0) log.checkpoint();
      }
    } catch (const std::exception& thrown) {
      const std::lock_guard lock{saved};
      failure = thrown.what();
    }
  });
  BOOST_TEST(failure == "");
  const rows all = rows_of(both.first);
  BOOST_TEST((rows_of(both.second) == all));
  for (std::uint64_t who = 1; who <= 6; ++who) {
    BOOST_TEST((row_writer{who}.is_after(all, steps)));
  }
  BOOST_TEST(both.first.validate().empty());
  BOOST_TEST(both.second.validate().empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
