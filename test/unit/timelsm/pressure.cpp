// SPDX-License-Identifier: BSL-1.0
// Pressure refuses writes, never what the log has already: a log opens with the options that wrote
// it, and stays within its memory meanwhile.
#define BOOST_TEST_MODULE timelsm_pressure
#include <cstdint>

#include "stored_support.hpp"

namespace {

using namespace timelsm_test;  // NOLINT: a test
using logdb::maintenance_mode;
using logdb::open_mode;
using logdb::pressure_mode;

constexpr auto modes = {maintenance_mode::by_hand, maintenance_mode::none,
                        maintenance_mode::background};

log_type::options reporting(maintenance_mode mode) {
  log_type::options options;
  options.segment_bytes = 256 << 10;
  options.durability.staging_bytes = 64 << 10;
  options.index.memtable_rows = options.index.partition_rows = 256;
  options.index.frozen_max = 1;
  options.index.l0_runs_max = 2;
  options.index.checkpoint_bytes = 0;
  options.index.maintenance = mode;
  options.index.pressure = pressure_mode::report;
  return options;
}

/// Calls until it is not refused.
template <class Call>
void insist(log_type& log, Call call) {
  for (;;) {
    try {
      return call();
    } catch (const logdb::error& refused) {
      if (refused.condition() != errc::busy) throw;
      while (log.maintain()) continue;
    }
  }
}

BOOST_AUTO_TEST_SUITE(timelsm_pressure)

BOOST_AUTO_TEST_CASE(a_log_opens_with_the_options_that_wrote_it_however_pressure_is_reported) {
  for (const auto mode : modes) {
    const temp_dir dir;
    model wanted;
    {
      log_type log{dir / "log", reporting(mode)};
      for (std::int64_t i = 0; i < 5000; ++i) {
        const auto time = time_of(i);
        insist(log, [&] { log.append(time, static_cast<value_type>(i)); });
        wanted.append(time, static_cast<value_type>(i));
        if (i % 100 != 99) continue;
        insist(log, [&] { log.erase(time - 3000, time - 2900); });
        wanted.erase({time - 3000, time - 2901});
      }
    }
    auto options = reporting(mode);
    {
      const log_type log{dir / "log", options};
      if (mode != maintenance_mode::background)
        BOOST_TEST(log.index_stats().rows_replayed == 5000U);
      BOOST_TEST(log.index_stats().frozen <= options.index.frozen_max);
      require_same(log.snapshot(), wanted);
    }
    options.mode = open_mode::read_only;
    const log_type log{dir / "log", options};
    require_same(log.snapshot(), wanted);
  }
}

BOOST_AUTO_TEST_CASE(who_reads_beside_a_writer_is_not_refused_what_the_writer_took) {
  const temp_dir dir;
  auto options = reporting(maintenance_mode::by_hand);
  log_type log{dir / "log", options};
  options.mode = open_mode::read_only;
  const log_type reader{dir / "log", options};
  for (std::int64_t at = 0; at < 10'000; at += 2000) {
    insist(log, [&] { fill(log, at, at + 1000); });
    for (std::int64_t i = at + 1000; i < at + 2000; ++i) {
      insist(log, [&] { log.append(time_of(i), static_cast<value_type>(i)); });
    }
    log.sync();
    BOOST_TEST(reader.size() == static_cast<std::size_t>(at) + 2000);
  }
}

BOOST_AUTO_TEST_CASE(memtables_that_wait_are_bounded_whoever_maintains) {
  for (const auto mode : modes) {
    for (const auto pressure : {pressure_mode::wait, pressure_mode::report}) {
      auto options = small_options();
      options.maintenance = mode;
      options.pressure = pressure;
      options.frozen_max = 2;
      index_type index{options};
      std::size_t refused = 0;
      for (std::int64_t i = 0; i < 10'000; ++i) {
        try {
          index.append(i, 0);
        } catch (const logdb::error& busy) {
          BOOST_REQUIRE(busy.condition() == errc::busy);
          ++refused;
          if (mode != maintenance_mode::background) index.flush();
        }
        BOOST_REQUIRE_LE(index.stats().frozen, 2U);
      }
      BOOST_TEST(index.snapshot().size() == 10'000 - refused);
      if (mode != maintenance_mode::background) {
        BOOST_TEST((refused != 0) == (pressure == pressure_mode::report));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(an_open_stores_what_is_too_much_for_its_memory) {
  const temp_dir dir;
  auto options = small_memory();
  options.index.memory_bytes_max = 64 << 20;
  options.index.checkpoint_bytes = 0;
  {
    log_type log{dir / "log", options};
    fill(log, 0, 2 * rows_many);
    log.erase(1000, 2000);
  }
  counted_memory memory;
  options = small_memory(&memory);
  const log_type log{dir / "log", options};
  BOOST_TEST(log.index_stats().checkpoints != 0U);
  BOOST_TEST(log.size() ==
             filled(2 * rows_many).size() - filled(2 * rows_many).within({1000, 1999}).size());
  BOOST_TEST(log.validate().empty());
  BOOST_TEST(memory.peak() <= memory_max);
}

BOOST_AUTO_TEST_CASE(a_write_of_nothing_is_a_write) {
  const temp_dir dir;
  auto options = small_memory();
  { const log_type log{dir / "log", options}; }
  options.mode = open_mode::read_only;
  log_type log{dir / "log", options};
  BOOST_TEST(throws(errc::read_only, [&] { log.append(rows{}); }));
  BOOST_TEST(throws(errc::read_only, [&] { log.erase(5, 5); }));
  BOOST_TEST(throws(errc::read_only, [&] { log.compact(); }));
  log.flush();  // of its own index
  BOOST_TEST(!log.maintain());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
