// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE key_snapshots
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "crash/sim/key_trial.hpp"
#include "crash/sim/shards.hpp"

// Snapshots of keys beside a writer, at every point of it: each is one moment, whole.

namespace {

namespace sim = logdb::sim;
using logdb::lsn;

constexpr std::uint64_t drawn_default = 6'000;
constexpr std::uint64_t searched_default = 20'000;  // of each search at most
constexpr std::size_t large_bytes = 12'000;         // more than fits into staging as one frame

/// Is one run: two keys are always written as one, by a batch that may need a segment of its own.
template <class Durability>
class snapshot_trial {
 public:
  using log_type = sim::sim_keys<Durability>;

  snapshot_trial(std::uint64_t seed, bool large, sim::switching& order)
      : fill_(large ? large_bytes : 8, 'v'), random_{seed}, order_{order} {}

  template <class Begin, class End>
  void run(Begin begin, End end) {
    sim::world machine{sim::disk_state{{{sim::disk::root, {}}}, {}}, 1, random_.split(), order_};
    machine.run([&] {
      log_type log{sim::log_path, options()};
      write(log, 0);
      begin();
      std::vector<sim::sim_thread> threads;
      threads.emplace_back([&] { write(log, 1); });
      threads.emplace_back([&] { look(log); });
      for (auto& thread : threads) thread.join();
      end();
      log.close();
    });
  }

 private:
  static typename log_type::options options() {
    typename log_type::options chosen;
    chosen.segment_bytes = 64u << 10;
    chosen.durability.staging_bytes = 32u << 10;
    chosen.index.compaction.dead_ratio_max = 2;
    return chosen;
  }

  /// Puts two keys and a new one as one, then one alone: four records.
  void write(log_type& log, int round) const {
    const std::string number = std::to_string(round);
    auto batch = log.begin();
    batch.put("a", number + fill_);
    batch.put("b", number + fill_);
    batch.put("new" + number, number);
    batch.commit();
    log.put("c", number);
  }

  void look(log_type& log) const {
    for (int n = 0; n < 2; ++n) {
      const auto now = log.snapshot();
      const std::uint64_t last = now.last_lsn().value();
      const char both = last >= 7 ? '1' : '0';
      const char alone = last >= 8 ? '1' : '0';
      for (int again = 0; again < 2; ++again) {
        require(now.get("a")->text()[0] == both, "the first key of a batch");
        require(now.get("b")->text()[0] == both, "the second key of a batch");
        require(now.get("c")->text()[0] == alone, "a key that was put alone");
        std::size_t keys = 0;
        now.for_each([&keys](const auto&, const auto&) { ++keys; });
        require(keys == (last >= 7 ? 5 : 4), "a key that is new");
      }
    }
  }

  static void require(bool holds, const std::string& what) {
    if (!holds) throw sim::mismatch{"a snapshot does not show " + what + " as of its last record"};
  }

  std::string fill_;
  sim::random_source random_;
  sim::switching& order_;
};

template <class Durability>
void draw(std::uint64_t number) {
  sim::random_source random{number};
  sim::random_switching order{random.split()};
  snapshot_trial<Durability>{number, number / 3 % 2 == 1, order}.run([] {}, [] {});
}

void draw_case(std::uint64_t number, sim::scoreboard& board) {
  switch (number % 3) {
    case 0: draw<logdb::Fsync>(number); break;
    case 1: draw<logdb::Async>(number); break;
    default: draw<logdb::None>(number); break;
  }
  board.add(0, 1);
}

/// Tries every schedule in which the processor is taken away from somebody once.
void search_case(std::uint64_t number, sim::scoreboard& board) {
  sim::explorer all;
  bool more = true;
  const std::uint64_t limit =
      sim::number_from_environment("LOGDB_CRASH_SCHEDULES", searched_default);
  for (std::uint64_t tried = 0; more && tried < limit; ++tried) {
    sim::bounded_switching order{all, 1};
    snapshot_trial<logdb::None> trial{1, number % 2 == 1, order};
    trial.run([&order] { order.begin(); }, [&order] { order.end(); });
    board.add(0, 1);
    more = all.next();
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_snapshot_is_one_moment_in_every_schedule_with_one_switch) {
  const sim::shared_scoreboard board;
  const std::string failure =
      sim::run_sharded(*board, {.cases = 2, .seconds_max = 600}, search_case);
  BOOST_TEST(failure == "");
  std::cout << "schedules searched: " << board->count(0) << std::endl;
  BOOST_TEST(board->count(0) > 0u);
}

BOOST_AUTO_TEST_CASE(a_snapshot_is_one_moment_in_random_schedules) {
  const sim::shared_scoreboard board;
  const std::uint64_t wanted = sim::number_from_environment("LOGDB_CRASH_SCHEDULES", drawn_default);
  const std::string failure = sim::run_sharded(*board, {.cases = wanted}, draw_case);
  BOOST_TEST(failure == "");
  std::cout << "schedules drawn: " << board->count(0) << std::endl;
  BOOST_TEST(board->count(0) > 0u);
}
