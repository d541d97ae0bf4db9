// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The durable time log beside the installed peers that keep keys in order: bench/time_durable.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/endian/conversion.hpp>

#include <logdb/logdb.hpp>

#include "peers/installed.hpp"
#include "support.hpp"
#include "time_data.hpp"

namespace bench {

/// Is what a read saw: how many rows, and the sum of their times and values.
struct tally {
  std::uint64_t rows = 0;
  std::uint64_t sum = 0;

  void add(std::int64_t time, std::uint64_t value) {
    ++rows;
    sum += static_cast<std::uint64_t>(time) + value;
  }
  void add(const tally& other) {
    rows += other.rows;
    sum += other.sum;
  }
  friend bool operator==(const tally&, const tally&) = default;
};

/// Keeps rows by time, equal times too.
class time_store {
 public:
  time_store() = default;
  time_store(const time_store&) = delete;
  time_store& operator=(const time_store&) = delete;
  virtual ~time_store() = default;

  /// Appends rows as one transaction, which nobody syncs.
  virtual void append(std::span<const time_pair> batch) = 0;
  /// Reads the rows of [from, to), one by one.
  [[nodiscard]] virtual tally range(std::int64_t from, std::int64_t to) = 0;
};

class logdb_time_store final : public time_store {
 public:
  explicit logdb_time_store(const std::filesystem::path& path) : log_{path} {}
  void append(std::span<const time_pair> batch) override { log_.append(batch); }
  tally range(std::int64_t from, std::int64_t to) override {
    tally seen;
    for (const auto [time, value] : log_.range(from, to)) seen.add(time, value);
    return seen;
  }

 private:
  logdb::basic_timelog<std::uint64_t> log_;
};

/// Is a time and a number that tells equal times apart, in bytes that sort as they do.
class time_key {
 public:
  static constexpr std::size_t bytes = 16;

  time_key(std::int64_t time, std::uint64_t number) {
    boost::endian::store_big_u64(room_.data(), static_cast<std::uint64_t>(time) ^ sign);
    boost::endian::store_big_u64(room_.data() + 8, number);
  }
  [[nodiscard]] std::string_view text() const {
    return {reinterpret_cast<const char*>(room_.data()), room_.size()};
  }
  [[nodiscard]] static std::int64_t time_in(std::string_view key) {
    const auto* const begin = reinterpret_cast<const unsigned char*>(key.data());
    return static_cast<std::int64_t>(boost::endian::load_big_u64(begin) ^ sign);
  }

 private:
  static constexpr std::uint64_t sign = std::uint64_t{1} << 63;

  std::array<unsigned char, bytes> room_{};
};

/// Keeps rows in a store of keys and values, which is asked for keys from one on.
template <ordered_store Store>
class keyed_time_store final : public time_store {
 public:
  template <class... Arguments>
  explicit keyed_time_store(const std::filesystem::path& path, const Arguments&... arguments)
      : store_{path, arguments...} {}

  void append(std::span<const time_pair> batch) override {
    keys_.clear();
    pairs_.clear();
    for (const auto& row : batch) keys_.emplace_back(row.first, next_++);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      pairs_.emplace_back(keys_[i].text(), as_text(batch[i].second));
    }
    store_.put_all(pairs_);
  }
  tally range(std::int64_t from, std::int64_t to) override {
    tally seen;
    store_.visit(time_key{from, 0}.text(), [&](std::string_view key, std::string_view value) {
      const std::int64_t time = time_key::time_in(key);
      if (time >= to) return false;
      seen.add(time, as_value(value));
      return true;
    });
    return seen;
  }

 private:
  static std::string_view as_text(const std::uint64_t& value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
  }
  static std::uint64_t as_value(std::string_view text) {
    std::uint64_t value = 0;
    std::memcpy(&value, text.data(), sizeof value);
    return value;
  }

  Store store_;
  std::uint64_t next_ = 0;
  std::vector<time_key> keys_;
  std::vector<key_value_pair> pairs_;
};

#if defined(LOGDB_BENCH_SQLITE)
/// Keeps rows in a table that is its own index.
class sqlite_time_store final : public time_store {
 public:
  explicit sqlite_time_store(const std::filesystem::path& path)
      : own_{path,
             "CREATE TABLE rows(time INTEGER, number INTEGER, value INTEGER, "
             "PRIMARY KEY(time, number)) WITHOUT ROWID;"} {}

  void append(std::span<const time_pair> batch) override {
    sqlite_connection::step(begin_);
    for (const auto& [time, value] : batch) {
      sqlite3_bind_int64(insert_, 1, time);
      sqlite3_bind_int64(insert_, 2, next_++);
      sqlite3_bind_int64(insert_, 3, static_cast<std::int64_t>(value));
      sqlite_connection::step(insert_);
    }
    sqlite_connection::step(commit_);
  }
  tally range(std::int64_t from, std::int64_t to) override {
    sqlite3_bind_int64(range_, 1, from);
    sqlite3_bind_int64(range_, 2, to);
    tally seen;
    while (sqlite3_step(range_) == SQLITE_ROW) {
      seen.add(sqlite3_column_int64(range_, 0),
               static_cast<std::uint64_t>(sqlite3_column_int64(range_, 1)));
    }
    sqlite3_reset(range_);
    return seen;
  }

 private:
  sqlite_connection own_;
  sqlite3_stmt* begin_ = own_.prepare("BEGIN");
  sqlite3_stmt* insert_ = own_.prepare("INSERT INTO rows VALUES(?,?,?)");
  sqlite3_stmt* commit_ = own_.prepare("COMMIT");
  sqlite3_stmt* range_ =
      own_.prepare("SELECT time, value FROM rows WHERE time>=? AND time<? ORDER BY time, number");
  std::int64_t next_ = 0;
};
#endif

/// Is a store to be compared.
struct time_candidate {
  std::string name;
  std::function<std::unique_ptr<time_store>(const std::filesystem::path&)> make;
};

template <class Store, class... Arguments>
time_candidate make_time_candidate(const std::string& name, const Arguments&... arguments) {
  return {name, [=](const std::filesystem::path& path) -> std::unique_ptr<time_store> {
            return std::make_unique<Store>(path, arguments...);
          }};
}

/// Returns all that take part; logdb first.
inline std::vector<time_candidate> time_candidates([[maybe_unused]] std::size_t rows) {
  std::vector<time_candidate> all;
  all.push_back(make_time_candidate<logdb_time_store>("logdb"));
#if defined(LOGDB_BENCH_LMDB)
  const std::uint64_t bytes = rows * (time_key::bytes + sizeof(std::uint64_t));
  all.push_back(make_time_candidate<keyed_time_store<lmdb_store>>("LMDB", bytes));
#endif
#if defined(LOGDB_BENCH_LEVELDB)
  all.push_back(make_time_candidate<keyed_time_store<lsm_store<leveldb_kind>>>("LevelDB"));
#endif
#if defined(LOGDB_BENCH_ROCKSDB)
  all.push_back(make_time_candidate<keyed_time_store<lsm_store<rocksdb_kind>>>("RocksDB"));
#endif
#if defined(LOGDB_BENCH_BERKELEY)
  all.push_back(make_time_candidate<keyed_time_store<berkeley_store>>("Berkeley DB"));
#endif
#if defined(LOGDB_BENCH_SQLITE)
  all.push_back(make_time_candidate<sqlite_time_store>("SQLite"));
#endif
  return all;
}

/// Gives all of them the same rows and asks the same questions; what they saw must be equal.
class time_peers {
 public:
  explicit time_peers(const options& chosen)
      : rows_{make_rows(chosen.quick ? 30'000 : 1'000'000,
                        {.late_share = 0.07, .late_max = 500'000})},
        width_{width_of(rows_, 1000)},
        ranges_{draw_times(rows_, chosen.quick ? 100 : 2000)},
        points_{draw_times(rows_, chosen.quick ? 1000 : 20'000)},
        rounds_{std::min(chosen.rounds, rounds_max)},
        work_{chosen} {
    for (const auto& [time, value] : rows_) wanted_[0].add(time, value);
  }

  void run() {
    const auto all = time_candidates(rows_.size());
    std::vector<results> seen(steps.size(), results{all.size()});
    in_turn(all.size(), rounds_, [&](std::size_t i) {
      const auto figures = measure(all[i]);
      for (std::size_t step = 0; step < steps.size(); ++step) seen[step].add(i, figures[step]);
    });
    print(all, seen);
  }

 private:
  static constexpr int rounds_max = 3;
  static constexpr std::array steps{"rows appended durably", "rows scanned", "1,000-row ranges",
                                    "points"};
  static constexpr std::int64_t time_least = std::numeric_limits<std::int64_t>::min();
  static constexpr std::int64_t time_most = std::numeric_limits<std::int64_t>::max();

  using figures_type = std::array<double, steps.size()>;

  figures_type measure(const time_candidate& one) {
    const auto store = one.make(work_.fresh());
    return {time_appends(*store),
            ask(one, 0, rows_.size(), [&] { return store->range(time_least, time_most); }),
            ask(one, 1, ranges_.size(), [&] { return each(*store, ranges_, width_); }),
            ask(one, 2, points_.size(), [&] { return each(*store, points_, 1); })};
  }

  double time_appends(time_store& to) const {
    const auto start = steady::now();
    bench::append_all(to, rows_);
    return static_cast<double>(rows_.size()) / seconds_since(start);
  }

  /// Asks questions; the first that is asked, logdb, says what the others are to see.
  template <class Work>
  double ask(const time_candidate& one, std::size_t which, std::size_t questions, Work work) {
    const auto start = steady::now();
    const tally seen = work();
    const double rate = static_cast<double>(questions) / seconds_since(start);
    if (wanted_[which] == tally{}) wanted_[which] = seen;
    require(seen == wanted_[which], one.name + " has other rows");
    return rate;
  }

  static tally each(time_store& of, const std::vector<std::int64_t>& times, std::int64_t width) {
    tally all;
    for (const auto time : times) all.add(of.range(time, time + width));
    return all;
  }

  static void print(const std::vector<time_candidate>& all, const std::vector<results>& seen) {
    std::vector<std::string> head{"a second"};
    for (const auto* const step : steps) {
      head.emplace_back(step);
      head.emplace_back("logdb's / it");
    }
    table out{std::move(head)};
    for (std::size_t i = 0; i < all.size(); ++i) {
      std::vector<std::string> cells{all[i].name};
      for (const auto& step : seen) {
        cells.push_back(rate_text(step.median_of(i)));
        cells.push_back(fixed(step.ratio(0, i), 1));
      }
      out.row(std::move(cells));
    }
    out.print();
  }

  const time_pairs rows_;
  std::int64_t width_;
  std::vector<std::int64_t> ranges_;
  std::vector<std::int64_t> points_;
  int rounds_;
  work_directory work_;
  std::array<tally, steps.size() - 1> wanted_{};  // of all rows, the ranges, the points
};

}  // namespace bench
