// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE time_writers
#include <algorithm>
#include <array>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "crash/sim/sample.hpp"
#include "crash/sim/shards.hpp"
#include "crash/sim/time_rows.hpp"

// Several threads write rows, one reads, one stores, in drawn schedules. What a reader saw and what
// a writer was promised is there after a death and a power cut, and in the order that it had.

namespace {

namespace sim = logdb::sim;
using sim::require;
using sim::rows;
using sim::rows_of;

constexpr std::uint64_t trials_default = 400;
constexpr std::size_t writers = 3;
constexpr std::int64_t times = 5;  // few, so that many rows have the same

using by_writer = std::array<std::uint64_t, writers>;

/// Is what stands in a value: whose write it is, and which of his.
struct tag {
  std::size_t writer = 0;
  std::uint64_t write = 0;

  [[nodiscard]] std::uint64_t value() const { return write * writers + writer; }
  static tag of(std::uint64_t value) { return {value % writers, value / writers}; }
};

/// Returns how many rows a write has: one, a batch, or more than fit into staging as one frame.
constexpr std::size_t rows_of_write(const tag& of) {
  if (of.writer == 0 && of.write == 7) return 6000;
  return of.write % 3 == 2 ? 4 : 1;
}

/// Counts writes of each writer: begun, sure to be there after a death, and after a power cut.
struct promised {
  by_writer begun{};
  by_writer process{};
  by_writer power{};
};

struct moment {
  sim::disk_state state{};
  promised said{};
};

/// Is one run of a process, and what becomes of what it left.
template <class Durability>
class trial {
 public:
  using log_type = sim::sim_times<Durability>;
  static constexpr bool is_durable = std::is_same_v<Durability, logdb::Fsync>;

  explicit trial(std::uint64_t seed) : random_{seed} {}

  /// @return  how many images were opened
  std::size_t run() {
    sim::random_switching order{random_.split()};
    sim::world machine{sim::disk_state{{{sim::disk::root, {}}}, {}}, 1, random_.split(), order};
    machine.on_step = [&] { see(machine); };
    machine.run([this] { process(); });
    const moment last{machine.storage.freeze_state(), said_};
    reopen(last.state, 1, said_.begun, said_.begun);
    for (const moment& stopped : moments_.kept()) {
      reopen(stopped.state, 1, stopped.said.process, stopped.said.begun);
      for (int i = 0; i < 4; ++i) cut(stopped);
    }
    return images_;
  }

 private:
  void see(const sim::world& machine) {
    moments_.see([&] { return moment{machine.storage.freeze_state(), said_}; });
  }

  static std::unique_ptr<log_type> open() { return sim::open_times<log_type>(1000); }

  void process() {
    const auto log = open();
    std::vector<sim::sim_thread> threads;
    for (std::size_t writer = 0; writer < writers; ++writer) {
      threads.emplace_back([this, &log = *log, writer] { write(log, writer); });
    }
    threads.emplace_back([this, &log = *log] { read(log); });
    threads.emplace_back([&log = *log] { log.checkpoint(); });
    for (auto& thread : threads) thread.join();
    shown_ = rows_of(*log);
    log->close();
    said_.process = said_.power = said_.begun;
  }

  void write(log_type& log, std::size_t writer) {
    for (std::uint64_t n = 0; n < 10; ++n) {
      const std::uint64_t value = tag{writer, n}.value();
      rows batch;
      const std::size_t count = rows_of_write({writer, n});
      for (std::size_t i = 0; i < count; ++i) batch.emplace_back(draw_time(), value);
      ++said_.begun[writer];
      batch.size() == 1 ? log.append(batch[0].first, value) : log.append(batch);
      said_.process[writer] = n + 1;
      if (is_durable) said_.power[writer] = n + 1;
    }
  }
  std::int64_t draw_time() { return static_cast<std::int64_t>(random_.below(times)); }

  /// Looks at the rows again and again: they are those of whole writes, as many as were promised at
  /// least; where a reader sees what is durable alone, they must stay.
  void read(const log_type& log) {
    for (int n = 0; n < 12; ++n) {
      const by_writer least = said_.process;
      const by_writer seen = writes_in(rows_of(log));
      for (std::size_t i = 0; i < writers; ++i) {
        require(seen[i] >= least[i], "a reader misses a write that has returned");
        if (is_durable) said_.power[i] = std::max(said_.power[i], seen[i]);
      }
    }
  }

  void cut(const moment& stopped) {
    reopen(sim::cut_power(stopped.state, random_), 2, stopped.said.power, stopped.said.begun);
  }

  void reopen(const sim::disk_state& image, std::uint64_t boot, const by_writer& least,
              const by_writer& most) {
    ++images_;
    sim::random_switching order{random_.split()};
    sim::world machine{image, boot, random_.split(), order};
    machine.run([&] {
      const auto log = open();
      const rows found = rows_of(*log);
      const by_writer kept = writes_in(found);
      for (std::size_t i = 0; i < writers; ++i) {
        require(kept[i] >= least[i], "a write that was promised is missing");
        require(kept[i] <= most[i], "there is a write that was not begun");
      }
      require(is_part(found), "rows of one time have changed their order");
      require(log->validate().empty(), "the index is not in order");
    });
  }

  /// Tells whether the rows are some of those that the process had at its end, in their order.
  [[nodiscard]] bool is_part(const rows& found) const {
    auto at = shown_.begin();
    for (const auto& row : found) {
      at = std::find(at, shown_.end(), row);
      if (at == shown_.end()) return false;
      ++at;
    }
    return true;
  }

  /// Returns how many writes of each writer there are: the first ones, each whole.
  static by_writer writes_in(const rows& all) {
    std::array<std::vector<std::size_t>, writers> counts;
    for (const auto& row : all) {
      const tag from = tag::of(row.second);
      auto& own = counts[from.writer];
      own.resize(std::max<std::size_t>(own.size(), from.write + 1));
      ++own[from.write];
    }
    by_writer writes{};
    for (std::size_t i = 0; i < writers; ++i) {
      writes[i] = counts[i].size();
      for (std::size_t n = 0; n < counts[i].size(); ++n) {
        require(counts[i][n] == rows_of_write({i, n}),
                "a write is not whole, or an earlier is missing");
      }
    }
    return writes;
  }

  sim::random_source random_;
  promised said_;
  rows shown_;  // at the end
  sim::sample<moment> moments_{12, random_.split()};
  std::size_t images_ = 0;
};

void try_case(std::uint64_t number, sim::scoreboard& board) {
  const std::size_t images =
      number % 2 == 0 ? trial<logdb::Fsync>{number}.run() : trial<logdb::Async>{number}.run();
  board.add(0, images);
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_was_promised_or_seen_of_rows_of_many_writers_stays_in_its_order) {
  const sim::shared_scoreboard board;
  const std::uint64_t wanted = sim::number_from_environment("LOGDB_CRASH_RUNS", trials_default);
  const std::string failure = sim::run_sharded(*board, {.cases = wanted}, try_case);
  BOOST_TEST(failure == "");
  std::cout << "crash images of time logs of many writers: " << board->count(0) << std::endl;
  BOOST_TEST(board->count(0) > wanted);
}
