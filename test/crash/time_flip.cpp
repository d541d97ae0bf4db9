// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE time_flip
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "crash/support/damaged_store.hpp"
#include "crash/support/quick_system.hpp"
#include "support/temp_dir.hpp"

// A time log that is harmed at one bit: who reads it has the rows that were written, or is told.

namespace {

using logdb::errc;
using logdb::test::damaged_store;

template <class V>
using log_of = logdb::basic_log<logdb::Storage<logdb::BasicDirectory<logdb::test::quick_system>>,
                                logdb::Durability<logdb::Async>,
                                logdb::Index<logdb::BasicTimeLSM<V>>, logdb::Locking<logdb::Flock>>;
using logs = boost::mp11::mp_list<log_of<logdb::bytes_value>, log_of<std::int64_t>>;
using rows = std::vector<std::pair<std::int64_t, std::string>>;

std::string text_of(const logdb::bytes_value& value) { return std::string{value.text()}; }
std::string text_of(const std::string& value) { return value; }
std::string text_of(std::int64_t value) { return std::to_string(value); }

template <class Log>
rows rows_of(const Log& log) {
  rows all;
  for (const auto& [time, value] : log.all()) all.emplace_back(time, text_of(value));
  return all;
}

/// Is a closed log of two checkpoints, deletions before and behind them, and rows that are not
/// stored.
template <class Log>
struct closed_time_log {
  closed_time_log() {
    options.segment_bytes = 16 << 10;
    options.durability.staging_bytes = 32 << 10;
    options.index.maintenance = logdb::maintenance_mode::none;
    options.index.memtable_rows = options.index.partition_rows = 256;
    Log log{path, options};
    put(log, 0, 300);
    log.erase(20, 40);
    log.checkpoint();
    put(log, 300, 400);
    log.erase(100, 110);
    log.checkpoint();
    log.erase(305, 307);
    put(log, 400, 420);
    expected = rows_of(log);
    log.close();
  }

  void put(Log& log, std::int64_t from, std::int64_t to) {
    for (; from < to; from += from % 3 == 0 ? 1 : 4) {
      std::vector<std::pair<std::int64_t, std::int64_t>> numbers;
      std::vector<std::pair<std::int64_t, std::string>> texts;
      for (std::int64_t i = from; i < from + (from % 3 == 0 ? 1 : 4); ++i) {
        numbers.emplace_back(i - i % 7, i * 1001);
        texts.emplace_back(i - i % 7, "row " + std::to_string(i));
      }
      const auto give = [&](const auto& batch) {
        log.append(batch);
        for (const auto& [time, value] : batch) all.emplace_back(time, text_of(value));
      };
      if constexpr (requires { log.append(texts); }) {
        give(texts);
      } else {
        give(numbers);
      }
    }
  }

  logdb::test::temp_dir dir;
  std::filesystem::path path = dir / "log";
  typename Log::options options;
  rows all;       // that were appended, erased ones included
  rows expected;  // what there is
};

bool is_about_damage(errc condition) {
  return condition == errc::corrupt || condition == errc::not_a_log ||
         condition == errc::format_mismatch;
}

/// Calls; returns whether it was told of damage.
template <class Call>
bool is_refused(Call call) {
  try {
    call();
    return false;
  } catch (const logdb::error& failure) {
    if (!is_about_damage(failure.condition())) throw;
    return true;
  }
}

/// Says what is wrong with the answers; nothing: they are right, or an error tells of damage.
template <class Log>
std::optional<std::string> wrong_in(const Log& log, const rows& expected) {
  try {
    if (rows_of(log) != expected) return "the rows are others";
    if (log.size() != expected.size()) return "the count is another";
    if (log.front()->time != expected.front().first) return "the first row is another";
    if (log.back()->time != expected.back().first) return "the last row is another";
  } catch (const logdb::error& told) {
    if (!is_about_damage(told.condition())) return told.what();
  }
  return std::nullopt;
}

BOOST_AUTO_TEST_SUITE(time_flip)

BOOST_AUTO_TEST_CASE_TEMPLATE(whatever_bit_is_flipped_rows_are_right_or_damage_is_told_of, Log,
                              logs) {
  closed_time_log<Log> log;
  const damaged_store store{log.path};
  log.options.mode = logdb::open_mode::read_only;
  std::size_t opened = 0;
  store.for_each_bit(2, [&](const std::string& name, std::size_t at, int bit) {
    store.with_flip(name, at, bit, [&] {
      std::optional<std::string> wrong;
      try {
        const Log harmed{log.path, log.options};
        ++opened;
        wrong = wrong_in(harmed, log.expected);
      } catch (const logdb::error& told) {
        if (!is_about_damage(told.condition())) wrong = told.what();
      }
      if (wrong) BOOST_ERROR(name << " at " << at << ", bit " << bit << ": " << *wrong);
    });
  });
  BOOST_TEST(opened != 0U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(whatever_bit_is_flipped_salvage_opens_and_shows_no_other_rows, Log,
                              logs) {
  closed_time_log<Log> log;
  const damaged_store store{log.path};
  log.options.mode = logdb::open_mode::read_only;
  log.options.recovery = logdb::recovery_mode::salvage;
  const std::set<std::pair<std::int64_t, std::string>> written{log.all.begin(), log.all.end()};
  store.for_each_bit(2, [&](const std::string& name, std::size_t at, int bit) {
    if (name == "manifest") return;  // without it nobody knows what the segments are
    store.with_flip(name, at, bit, [&] {
      try {
        const Log harmed{log.path, log.options};
        if (is_refused([&] {
              for (const auto& row : rows_of(harmed)) BOOST_TEST_REQUIRE(written.contains(row));
            })) {
          BOOST_TEST(!harmed.verify().intact());
        }
      } catch (const logdb::error& told) {
        BOOST_ERROR(name << " at " << at << ", bit " << bit << ": " << told.what());
      }
    });
  });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
