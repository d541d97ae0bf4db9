// SPDX-License-Identifier: BSL-1.0
// A time log whose rows stand in blocks in the log: more of them than memory may hold.
#define BOOST_TEST_MODULE timelsm_stored
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "stored_support.hpp"

namespace {

using namespace timelsm_test;  // NOLINT: a test

BOOST_AUTO_TEST_SUITE(timelsm_stored)

BOOST_AUTO_TEST_CASE(ten_times_the_memory_is_written_read_deleted_from_and_opened_again) {
  const temp_dir dir;
  model wanted = filled(rows_many);
  {
    counted_memory memory;
    {
      log_type log{dir / "log", small_memory(&memory)};
      fill(log, 0, rows_many);
      BOOST_TEST(log.size() == static_cast<std::size_t>(rows_many));
      require_same_parts(log, wanted);
      for (std::int64_t at = 0; at < 10 * rows_many; at += 50'000) {
        log.erase(at, at + 7000);
        wanted.erase({at, at + 6999});
      }
      require_same_parts(log, wanted);
      log.compact();
      require_same_parts(log, wanted);
      BOOST_TEST(log.validate().empty());
      BOOST_TEST(log.index_stats().rows == wanted.size());
      BOOST_TEST(log.index_stats().tombstones < 64U);
      BOOST_TEST(log.index_stats().cached_bytes <= memory_max / 4);
    }
    BOOST_TEST(memory.peak() <= memory_max);
  }
  counted_memory memory;
  const log_type log{dir / "log", small_memory(&memory)};
  BOOST_TEST(log.index_stats().blocks_read == 0U);
  require_same_parts(log, wanted);
  BOOST_TEST(log.validate().empty());
  BOOST_TEST(log.verify().damages.empty());
  BOOST_TEST(memory.peak() <= memory_max);
}

BOOST_AUTO_TEST_CASE(an_open_reads_no_rows_however_many_there_are) {
  std::map<std::int64_t, logdb::timelsm_stats> seen;
  for (const std::int64_t count : {std::int64_t{65'536}, rows_many}) {
    const temp_dir dir;
    auto options = small_memory();
    options.index.memory_bytes_max = 64 << 20;
    {
      log_type log{dir / "log", options};
      fill(log, 0, count);
      log.compact();
      fill(log, count, count + 500);
    }
    const log_type log{dir / "log", options};
    seen[count] = log.index_stats();
    BOOST_TEST(seen[count].blocks_read == 0U);
    BOOST_TEST(seen[count].rows_replayed == 500U);
    BOOST_TEST(seen[count].stored_rows == static_cast<std::size_t>(count));
    BOOST_TEST(seen[count].bytes_opened < 4000U + 20 * seen[count].stored_blocks);
    BOOST_TEST(log.size() == static_cast<std::size_t>(count) + 500);
  }
}

BOOST_AUTO_TEST_CASE(a_close_leaves_little_to_replay) {
  const temp_dir dir;
  auto options = small_memory();
  options.index.checkpoint_bytes = 1 << 20;
  options.index.memory_bytes_max = 64 << 20;
  {
    log_type log{dir / "log", options};
    fill(log, 0, 30'000);
    BOOST_TEST(log.index_stats().checkpoints == 0U);
  }
  const log_type log{dir / "log", options};
  BOOST_TEST(log.index_stats().rows_replayed == 0U);
  BOOST_TEST(log.size() == 30'000U);
}

BOOST_AUTO_TEST_CASE(a_checkpoint_writes_what_is_new_and_the_directory) {
  const temp_dir dir;
  log_type log{dir / "log"};
  fill(log, 0, 100'000);
  log.compact();
  const auto first = log.index_stats();
  BOOST_TEST(first.rows_stored == 100'000U);
  fill(log, 200'000, 210'000);
  log.compact();
  const auto second = log.index_stats();
  BOOST_TEST(second.rows_stored == 110'000U);
  log.compact();
  BOOST_TEST(log.index_stats().rows_stored == 110'000U);
  BOOST_TEST(log.index_stats().stored_rows == 110'000U);
}

BOOST_AUTO_TEST_CASE(runs_that_are_no_longer_needed_are_given_up) {
  const temp_dir dir;
  auto options = small_memory();
  std::uint64_t most = 0;
  std::uint64_t stored = 0;
  {
    log_type log{dir / "log", options};
    for (int round = 0; round < 40; ++round) {
      fill(log, 0, 20'000);
      log.erase_all();
      fill(log, 0, 1000);
      log.compact();
      most = std::max(most, log.stats().bytes_on_disk);
    }
    stored = log.index_stats().bytes_stored;
    BOOST_TEST(log.size() == 1000U);
    BOOST_TEST(log.stats().segments <= 16U);
  }
  BOOST_TEST(most < 2U << 20);
  std::size_t files = 0;
  for (const auto& file : std::filesystem::directory_iterator{dir / "log"}) {
    files += file.is_regular_file() ? 1 : 0;
  }
  BOOST_TEST(files <= 18U);
  BOOST_TEST(stored > 0U);
}

/// Returns the bytes that the files of a log take.
std::uint64_t bytes_in(const std::filesystem::path& log) {
  std::uint64_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator{log}) bytes += file.file_size();
  return bytes;
}

BOOST_AUTO_TEST_CASE(whoever_compacts_again_and_again_keeps_little_beside_what_is_needed) {
  const temp_dir dir;
  auto options = small_memory();
  options.index.memory_bytes_max = 64 << 20;
  // The active segment, and one made ready; what nobody needs of runs; staging.
  const std::uint64_t beside = 3 * options.segment_bytes + (options.durability.staging_bytes << 1);
  std::uint64_t needed = 0;
  std::optional<logdb::time_snapshot<value_type>> kept;
  for (int opened = 0; opened < 3; ++opened) {
    log_type log{dir / "log", options};
    if (opened == 0) fill(log, 0, 60'000);
    for (int round = 0; round < 8; ++round) {
      for (std::int64_t i = 0; i < 60'000; i += 600) log.append(time_of(i), 1);
      log.compact();
      if (needed == 0) needed = 2 * log.index_stats().bytes_stored;
      BOOST_TEST(bytes_in(dir / "log") <= needed + beside);
      if (!kept) kept = log.snapshot();
    }
    BOOST_TEST(log.size() == 60'000 + 800 * (static_cast<std::size_t>(opened) + 1));
    BOOST_TEST(kept->size() == 60'100U);
    BOOST_TEST(listed(kept->all()).size() == 60'100U);
  }
}

BOOST_AUTO_TEST_CASE(a_run_of_which_little_is_needed_is_moved) {
  const temp_dir dir;
  log_type log{dir / "log", small_memory()};
  fill(log, 0, 100'000);
  log.compact();
  const auto before = log.stats().bytes_on_disk;
  log.erase(1000, 900'000);
  log.compact();
  fill(log, 100'000, 101'000);
  log.compact();
  BOOST_TEST(log.stats().bytes_on_disk + 100'000 < before);
  BOOST_TEST(log.index_stats().rows_stored > 105'000U);
  model wanted = filled(101'000);
  wanted.erase({1000, 899'999});
  require_same(log.snapshot(), wanted);
}

BOOST_AUTO_TEST_CASE(many_small_runs_become_few) {
  const temp_dir dir;
  log_type log{dir / "log", small_memory()};
  for (std::int64_t at = 0; at < 300'000; at += 2000) {
    fill(log, at, at + 2000);
    log.compact();
  }
  BOOST_TEST(log.stats().segments < 80U);
  BOOST_TEST(log.index_stats().rows_stored < 300'000U * 8);
  require_same_parts(log, filled(300'000));
}

BOOST_AUTO_TEST_CASE(a_span_stays_while_it_is_held_whatever_is_read_since) {
  const temp_dir dir;
  log_type log{dir / "log", small_memory()};
  fill(log, 0, rows_many / 4);
  log.compact();
  std::vector<logdb::time_span<value_type>> held;
  for (const auto& span : log.spans(0, 5000)) held.push_back(span);
  std::size_t rows = 0;
  for (const auto& span : log.spans()) rows += span.size();
  BOOST_TEST(rows == log.size());
  BOOST_REQUIRE(!held.empty());
  BOOST_TEST((listed_spans(held) == listed(log.range(0, 5000))));
}

BOOST_AUTO_TEST_CASE(a_snapshot_stays_whatever_is_compacted_and_given_up) {
  const temp_dir dir;
  log_type log{dir / "log", small_memory()};
  fill(log, 0, 50'000);
  log.compact();
  const auto kept = log.snapshot();
  log.erase_all();
  log.compact();
  fill(log, 0, 10);
  log.compact();
  log.close();
  require_same(kept, filled(50'000));
}

BOOST_AUTO_TEST_CASE(byte_values_are_read_from_their_blocks) {
  const temp_dir dir;
  logdb::timelog::options options;
  options.index.memory_bytes_max = 64 << 10;
  const auto value = [](std::int64_t i) {
    return std::string(static_cast<std::size_t>(i % 40), 'a');
  };
  {
    logdb::timelog log{dir / "log", options};
    for (std::int64_t i = 0; i < 20'000; ++i) log.append(i % 5000, value(i));
    log.compact();
    log.erase(10, 20);
    log.compact();
  }
  logdb::timelog log{dir / "log", options};
  BOOST_TEST(log.size() == 20'000U - 4 * 10);
  std::vector<std::string_view> texts;  // valid as long as the range, also when blocks are let go
  const auto all = log.range(100, 4000);
  for (const auto& [time, text] : all) texts.push_back(text.text());
  std::size_t at = 0;
  for (std::int64_t time = 100; time < 4000; ++time) {
    for (std::int64_t i = time; i < 20'000; i += 5000) BOOST_REQUIRE(texts[at++] == value(i));
  }
  BOOST_TEST(at == texts.size());
}

BOOST_AUTO_TEST_CASE(a_reader_beside_the_writer_follows_within_its_memory) {
  const temp_dir dir;
  log_type log{dir / "log", small_memory()};
  fill(log, 0, 1000);
  log.sync();
  counted_memory memory;
  auto options = small_memory(&memory);
  options.mode = logdb::open_mode::read_only;
  const log_type reader{dir / "log", options};
  for (std::int64_t at = 1000; at < 200'000; at += 20'000) {
    fill(log, at, at + 20'000);
    log.sync();
    BOOST_TEST(reader.size() == log.size());
  }
  log.erase(5000, 700'000);
  log.compact();
  fill(log, 201'000, 202'000);
  log.sync();
  BOOST_TEST((listed(reader.all()) == listed(log.all())));
  BOOST_TEST(reader.validate().empty());
  BOOST_TEST(memory.peak() <= memory_max);
}

BOOST_AUTO_TEST_CASE(each_row_that_went_is_told_once_however_often_the_log_is_opened) {
  const temp_dir dir;
  std::map<value_type, int> told;
  auto options = small_memory();
  options.index.on_drop = [&told](std::int64_t, const value_type& value) { ++told[value]; };
  for (std::int64_t life = 0; life < 6; ++life) {
    log_type log{dir / "log", options};
    fill(log, life * 10'000, (life + 1) * 10'000);
    log.erase(life * 100'000, life * 100'000 + 50'000);
    log.erase(life * 50'000, life * 50'000 + 500);
    if (life % 2 == 1) log.compact();
  }
  log_type log{dir / "log", options};
  log.compact();
  const auto once = [](const auto& one) { return one.second == 1; };
  BOOST_TEST(std::ranges::all_of(told, once));
  BOOST_TEST(told.size() + log.size() == 60'000U);
}

BOOST_AUTO_TEST_CASE(a_log_in_one_file_keeps_its_runs_there) {
  const temp_dir dir;
  using one_file = log_type::with<logdb::Storage<logdb::SingleFile>>;
  one_file::options options;
  options.segment_bytes = 256 << 10;
  options.index.memory_bytes_max = memory_max;
  {
    one_file log{dir / "log", options};
    fill(log, 0, 150'000);
    log.erase(0, 300'000);
    log.compact();
  }
  const one_file log{dir / "log", options};
  model wanted = filled(150'000);
  wanted.erase({0, 299'999});
  require_same(log.snapshot(), wanted);
  BOOST_TEST(log.index_stats().stored_rows == wanted.size());
}

BOOST_AUTO_TEST_CASE(a_merge_keeps_the_blocks_of_which_it_reads_a_part) {
  const temp_dir dir;
  counted_memory memory;
  auto options = small_memory(&memory);
  options.index.maintenance = logdb::maintenance_mode::by_hand;
  options.index.memory_bytes_max = 256 << 10;
  options.index.l0_runs_max = 64;
  log_type log{dir / "log", options};
  model wanted;
  std::int64_t drawn = 1;
  for (value_type value = 0; value < 25'000; ++value) {
    drawn = drawn * 48'271 % 2'147'483'647;
    const auto in_order = static_cast<std::int64_t>(10 * value);
    const std::int64_t time = value < 10'000 ? in_order : drawn % 100'000;
    log.append(time, value);
    wanted.append(time, value);
  }
  log.checkpoint();
  BOOST_TEST(log.index_stats().l0_runs > 20U);
  require_same(log.snapshot(), wanted);
  log.compact();
  require_same(log.snapshot(), wanted);
  BOOST_TEST(log.validate().empty());
}

BOOST_AUTO_TEST_CASE(without_a_thread_maintain_writes_the_checkpoint_that_is_due) {
  const temp_dir dir;
  auto options = small_memory();
  options.index.maintenance = logdb::maintenance_mode::by_hand;
  options.index.checkpoint_bytes = 1000;
  log_type log{dir / "log", options};
  fill(log, 0, 3000);
  while (log.maintain()) {
  }
  BOOST_TEST(log.index_stats().checkpoints == 1U);
  BOOST_TEST(log.index_stats().stored_rows == 3000U);
}

BOOST_AUTO_TEST_CASE(too_little_memory_is_refused) {
  const temp_dir dir;
  auto options = small_memory();
  options.index.memory_bytes_max = (64 << 10) - 1;
  BOOST_TEST(throws(errc::invalid_argument, [&] { log_type log(dir / "log", options); }));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
