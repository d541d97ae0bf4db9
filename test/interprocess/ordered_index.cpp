// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE interprocess_ordered_index
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#define main ordered_index_main
#include "../../examples/ordered_index.cpp"
#undef main

#include "conformance/texts.hpp"
#include "crash/support/kills.hpp"
#include "interprocess/support/many.hpp"

// The index of examples/ordered_index.cpp, which is written with public names only, word for word:
// opened again, read by others, written by many processes, killed. Two handles in one process are
// as good as two processes.

namespace logdb::test {

/// The real system without the wait for the disk, which a test can make endless for a while.
struct gated_system : platform::posix {
  /// Holds up the syncs of all threads but the one that made it, until it ends.
  class gate {
   public:
    gate() {
      passes_ = true;
      is_open_.store(false);
    }
    gate(const gate&) = delete;
    gate& operator=(const gate&) = delete;
    ~gate() {
      is_open_.store(true);
      is_open_.notify_all();
    }
  };

  static int sync(handle) {
    if (!passes_) is_open_.wait(false);
    return 0;
  }
  static int sync_directory(handle) { return 0; }

 private:
  inline static std::atomic<bool> is_open_ = true;
  inline static thread_local bool passes_ = false;
};

template <class Durability>
using shared_texts = basic_log<Storage<BasicDirectory<gated_system>>, logdb::Durability<Durability>,
                               Index<ByText>, Locking<Fcntl>>;
using text_logs = boost::mp11::mp_list<shared_texts<Fsync>, shared_texts<Async>>;

/// A log that two have open.
template <class Log>
struct pair_of_logs {
  temp_dir place{};
  typename Log::options options = smallest<Log>();
  Log first{place / "texts", options};
  Log second{place / "texts", options};
};

/// Tells whether a log's index is what its records make.
template <class Log>
bool agrees_with_records(const Log& log) {
  std::map<std::string, lsn> wanted;
  const auto now = log.snapshot();
  for (const record& each : now.records()) wanted[std::string{each.text()}] = each.lsn();
  const auto found = now.texts("", "~");
  if (found.size() != wanted.size()) return false;
  return std::ranges::equal(wanted, found, {}, [](const auto& each) { return each.first; }) &&
         std::ranges::all_of(
             wanted, [&now](const auto& each) { return now.find(each.first) == each.second; });
}

BOOST_AUTO_TEST_SUITE(ordered_index)

BOOST_AUTO_TEST_CASE_TEMPLATE(what_one_appends_the_other_finds_at_once, Log, text_logs) {
  pair_of_logs<Log> both;
  for (std::uint64_t n = 0; n < 200; ++n) {
    Log& writer = n % 2 == 0 ? both.first : both.second;
    Log& reader = n % 2 == 0 ? both.second : both.first;
    const lsn at = writer.append(numbered(n % 70));
    BOOST_TEST_REQUIRE((reader.find(numbered(n % 70)) == at));
    BOOST_TEST_REQUIRE(!reader.append_once(numbered(n % 70)));
    BOOST_TEST_REQUIRE(reader.snapshot().last_lsn() == at);
  }
  BOOST_TEST(both.first.texts("", "~").size() == 70U);
  BOOST_TEST(agrees_with_records(both.first));
  BOOST_TEST(agrees_with_records(both.second));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_writer_takes_from_staging_what_others_appended, Log, text_logs) {
  pair_of_logs<Log> both;
  std::mt19937 random{1};
  for (std::uint64_t n = 0; n < 300; ++n) {
    Log& writer = random() % 2 == 0 ? both.first : both.second;
    if (random() % 8 == 0) {
      writer.append(numbered(n, n + random() % 50));
    } else {
      writer.append(numbered(random() % 500) + std::string(random() % 600, 'x'));
    }
  }
  BOOST_TEST(agrees_with_records(both.first));
  BOOST_TEST(agrees_with_records(both.second));
  BOOST_TEST((both.first.texts("", "~") == both.second.texts("", "~")));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(transactions_of_any_size_come_over_whole, Log, text_logs) {
  pair_of_logs<Log> both;
  for (const std::uint64_t count : {2U, 100U, 3000U}) {
    auto unit = both.first.begin();
    unit.append(numbered(1, count));
    auto inner = unit.begin();
    inner.append("rolled back");
    inner.rollback();
    BOOST_TEST(unit.has(numbered(count)));
    BOOST_TEST(!unit.has("rolled back"));
    const auto before = both.second.snapshot();
    const lsn last = unit.commit();
    // In the turn of the other one, and then for its readers.
    BOOST_TEST(both.second.append("between") == last + 1);
    BOOST_TEST((both.second.find(numbered(count)) == last));
    BOOST_TEST(before.last_lsn() == last - count);
    BOOST_TEST(!both.second.append_once(numbered(1)));
  }
  BOOST_TEST(!both.second.find("rolled back"));
  BOOST_TEST(both.second.texts("", "~").size() == 3001U);
  BOOST_TEST(agrees_with_records(both.first));
  BOOST_TEST(agrees_with_records(both.second));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(of_many_that_append_a_text_once_one_does, Log, text_logs) {
  pair_of_logs<Log> both;
  constexpr std::uint64_t texts = 150;
  std::array<std::atomic<int>, texts> appended{};
  on_threads(4, [&](std::uint32_t thread) {
    Log& log = thread % 2 == 0 ? both.first : both.second;
    for (std::uint64_t n = 0; n < texts; ++n) {
      if (log.append_once(numbered(n))) appended[n].fetch_add(1);
    }
  });
  BOOST_TEST(std::ranges::all_of(appended, [](const auto& each) { return each.load() == 1; }));
  BOOST_TEST(both.first.snapshot().size() == texts);
  BOOST_TEST(agrees_with_records(both.first));
  BOOST_TEST(agrees_with_records(both.second));
}

BOOST_AUTO_TEST_CASE(a_text_is_found_once_its_record_is_durable) {
  pair_of_logs<shared_texts<Fsync>> both;
  both.first.append("before");
  std::jthread writer;
  {
    const gated_system::gate closed;
    writer = std::jthread{[&both] { both.first.append(std::vector{"before", "after"}); }};
    while (both.second.last_lsn() < lsn{3}) std::this_thread::yield();
    for (const auto* each : {&both.first, &both.second}) {
      BOOST_TEST(!each->find("after"));
      BOOST_TEST((each->find("before") == lsn{1}));
      BOOST_TEST((each->texts("", "~") == std::vector<std::string>{"before"}));
    }
  }
  writer.join();
  for (const auto* each : {&both.first, &both.second}) {
    BOOST_TEST((each->find("after") == lsn{3}));
    BOOST_TEST((each->find("before") == lsn{2}));
  }
}

BOOST_AUTO_TEST_CASE(what_is_in_staging_alone_is_taken_from_there) {
  pair_of_logs<shared_texts<Async>> both;
  {
    const gated_system::gate closed;
    both.first.append("a record");
    both.first.append(numbered(1, 20));
    auto unit = both.first.begin();
    unit.append(numbered(1, 3000));
    const lsn last = unit.commit();
    BOOST_TEST(both.second.durable_lsn() == lsn{0});
    BOOST_TEST(both.second.append("a record") == last + 1);
  }
  BOOST_TEST((both.second.find(numbered(3000)) == lsn{3021}));
  BOOST_TEST(agrees_with_records(both.first));
  BOOST_TEST(agrees_with_records(both.second));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_reader_follows_and_refuses_to_write, Log, text_logs) {
  const temp_dir place;
  auto options = smallest<Log>();
  Log log{place / "texts", options};
  log.append(numbered(1, 500));
  options.mode = open_mode::read_only;
  Log reader{place / "texts", options};
  BOOST_TEST((reader.find(numbered(7)) == lsn{7}));
  log.append("late");
  log.sync();
  BOOST_TEST((reader.find("late") == lsn{501}));
  BOOST_TEST(agrees_with_records(reader));
  BOOST_TEST(throws(errc::read_only, [&reader] { reader.append("no"); }));
  BOOST_TEST(throws(errc::read_only, [&reader] { (void)reader.append_once("no"); }));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_open_finds_what_was_there_and_not_what_was_given_up, Log,
                              text_logs) {
  const temp_dir place;
  {
    Log log{place / "texts", smallest<Log>()};
    log.append(numbered(1, 500));
    log.truncate_front(lsn{501});
    BOOST_TEST(!log.find(numbered(1)));
    BOOST_TEST((log.append_once(numbered(2)) == lsn{501}));
    auto unit = log.begin();
    unit.append("not committed");
    log.close();
    BOOST_TEST(throws(errc::closed, [&log] { (void)log.find(numbered(2)); }));
    BOOST_TEST(throws(errc::closed, [&unit] { unit.append("more"); }));
    BOOST_TEST(throws(errc::closed, [&unit] { unit.commit(); }));
  }
  Log log{place / "texts", smallest<Log>()};
  BOOST_TEST((log.texts("", "~") == std::vector{numbered(2)}));
  BOOST_TEST((log.append_once(numbered(1)) == lsn{502}));
  BOOST_TEST(!log.append_once(numbered(2)));
  BOOST_TEST(agrees_with_records(log));
}

/// Has three processes append the same texts once each, and kills one after the other.
template <class Log>
class text_killer {
 public:
  void run(int kills) {
    for (auto& each : members_) begin(each);
    for (int n = 0; n < kills; ++n) {
      member& victim = members_[random_() % members_.size()];
      acknowledgement told;
      for (auto wanted = random_() % 60; wanted != 0 && victim.pipe->hear(told); --wanted) {
        known_.insert(told.at);
      }
      end(victim);
      begin(victim);
    }
    for (auto& each : members_) end(each);
    check();
  }

 private:
  static constexpr std::uint64_t texts = 5000;

  struct member {
    std::optional<acknowledgement_pipe> pipe{};
    std::optional<child_process> process{};
  };

  static int append_until_killed(const std::filesystem::path& path, const acknowledgement_pipe& to,
                                 std::uint64_t seed) {
    Log log{path, smallest<Log>()};
    std::mt19937_64 random{seed};
    for (;;) {
      const std::uint64_t n = random() % texts;
      (void)log.append_once(numbered(n));
      if (random() % 16 == 0) log.append(std::vector<std::string>(40, "a batch of forty"));
      if (!to.tell({n, {}})) return 0;
    }
  }

  void begin(member& one) {
    one.pipe.emplace();
    const std::uint64_t seed = random_();
    one.process.emplace([&one, seed, path = place_ / "texts"] {
      return append_until_killed(path, *one.pipe, seed);
    });
    one.pipe->only_read();
  }
  void end(member& one) {
    one.process->kill();
    acknowledgement told;
    while (one.pipe->hear(told)) known_.insert(told.at);
  }

  /// Each text is there once, and what was told of is there.
  void check() {
    const Log log{place_ / "texts", smallest<Log>()};
    BOOST_TEST(log.recovery().damages.empty());
    std::map<std::string, std::uint64_t> times;
    for (const record& each : log.records()) ++times[std::string{each.text()}];
    for (const std::uint64_t n : known_) BOOST_TEST_REQUIRE(times[numbered(n)] == 1U);
    BOOST_TEST(times["a batch of forty"] % 40 == 0U);
    times.erase("a batch of forty");
    BOOST_TEST(std::ranges::all_of(times, [](const auto& each) { return each.second == 1; }));
    BOOST_TEST(known_.size() > 1U);
    BOOST_TEST(agrees_with_records(log));
  }

  temp_dir place_;
  std::mt19937_64 random_{7};
  std::array<member, 3> members_;
  std::set<std::uint64_t> known_;  // whose append_once() has returned
};

BOOST_AUTO_TEST_CASE_TEMPLATE(killed_processes_leave_each_text_once, Log, text_logs) {
  text_killer<Log>{}.run(kills(12));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
