// SPDX-License-Identifier: BSL-1.0
// A time log whose rows stand in blocks in the log: more of them than memory may hold.
#define BOOST_TEST_MODULE timelsm_stored
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory_resource>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "../../support/temp_dir.hpp"
#include "support.hpp"

namespace {

using namespace timelsm_test;  // NOLINT: a test
using logdb::errc;
using logdb::test::temp_dir;
using log_type = logdb::basic_timelog<value_type>;

/// Gives memory and remembers how much was out at most.
class counted_memory final : public std::pmr::memory_resource {
 public:
  [[nodiscard]] std::size_t peak() const { return peak_; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    const std::size_t now = bytes_ += bytes;
    for (auto peak = peak_.load(); peak < now && !peak_.compare_exchange_weak(peak, now);) {
    }
    return ::operator new (bytes, std::align_val_t{alignment});
  }
  void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override {
    bytes_ -= bytes;
    ::operator delete (memory, bytes, std::align_val_t{alignment});
  }
  [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
    return this == &other;
  }

  std::atomic<std::size_t> bytes_ = 0;
  std::atomic<std::size_t> peak_ = 0;
};

constexpr std::size_t memory_max = 1 << 20;
constexpr std::int64_t rows_many = 10 * memory_max / 16;

log_type::options small_memory(std::pmr::memory_resource* memory = nullptr) {
  log_type::options options;
  options.segment_bytes = 256 << 10;
  options.durability.staging_bytes = 64 << 10;
  options.index.memory_bytes_max = memory_max;
  options.index.memory = memory;
  return options;
}

/// Returns a time for each number: ascending, but each eighth a little late.
std::int64_t time_of(std::int64_t i) { return i % 8 == 7 ? 10 * i - 555 : 10 * i; }

template <class Log>
void fill(Log& log, std::int64_t from, std::int64_t to) {
  for (std::int64_t at = from; at < to; at += 1000) {
    rows batch;
    for (auto i = at; i < std::min(at + 1000, to); ++i) {
      batch.emplace_back(time_of(i), static_cast<value_type>(i));
    }
    log.append(batch);
  }
}

model filled(std::int64_t to) {
  model all;
  for (std::int64_t i = 0; i < to; ++i) all.append(time_of(i), static_cast<value_type>(i));
  return all;
}

/// Requires that everything is as in the model, range by range, with few rows held at a time.
void require_same_parts(const log_type& log, const model& wanted) {
  const auto seen = log.snapshot();
  BOOST_REQUIRE_EQUAL(seen.size(), wanted.size());
  const std::int64_t last = 10 * rows_many;
  for (std::int64_t at = -1000; at < last; at += 100'000) {
    require_same(seen, wanted, {at, at + 99'999});
  }
  for (std::int64_t at = 5; at < last; at += 33'330) require_same(seen, wanted, {at, at});
}

template <class Call>
bool throws(errc expected, Call call) {
  try {
    call();
  } catch (const logdb::error& seen) {
    return seen.condition() == expected;
  }
  return false;
}

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
  const auto value = [](std::int64_t i) { return std::string(static_cast<std::size_t>(i % 40), 'a'); };
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


/// Returns options under which the run of many rows is the largest file.
log_type::options one_large_run() {
  auto options = small_memory();
  options.segment_bytes = 64 << 10;
  options.index.memory_bytes_max = 64 << 20;
  return options;
}

std::filesystem::path largest_file(const std::filesystem::path& in) {
  std::filesystem::path largest;
  for (const auto& file : std::filesystem::directory_iterator{in}) {
    if (largest.empty() || file.file_size() > std::filesystem::file_size(largest)) {
      largest = file.path();
    }
  }
  return largest;
}

void flip(const std::filesystem::path& in, std::uintmax_t offset) {
  std::fstream file{in, std::ios::in | std::ios::out | std::ios::binary};
  file.seekg(static_cast<std::streamoff>(offset));
  const auto byte = static_cast<char>(file.get() ^ 0x10);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(byte);
}

BOOST_AUTO_TEST_CASE(a_damaged_block_is_an_error_that_names_it_and_never_other_rows) {
  const temp_dir dir;
  const auto options = one_large_run();
  {
    log_type log{dir / "log", options};
    fill(log, 0, 100'000);
    log.compact();
  }
  const auto run = largest_file(dir / "log");
  BOOST_REQUIRE(!run.empty());
  const auto size = std::filesystem::file_size(run);
  for (std::uintmax_t offset = 5000; offset < size; offset += size / 23) {
    flip(run, offset);
    {
      const log_type log{dir / "log", options};
      bool told = false;
      try {
        rows seen;
        for (const auto& [time, value] : log.all()) seen.emplace_back(time, value);
        BOOST_TEST((seen == filled(100'000).all()));  // in padding nothing is damaged
      } catch (const logdb::error& damage) {
        told = damage.condition() == errc::corrupt;
        BOOST_TEST(std::string{damage.what()}.find(run.filename().string()) != std::string::npos);
      }
      BOOST_TEST(told);
      BOOST_TEST(!log.verify().damages.empty());
      BOOST_TEST(log.size() == 100'000U);
    }
    flip(run, offset);
  }
  const log_type log{dir / "log", options};
  BOOST_TEST(log.verify().damages.empty());
}

BOOST_AUTO_TEST_CASE(a_run_that_is_missing_is_an_error_at_the_open) {
  const temp_dir dir;
  const auto options = one_large_run();
  {
    log_type log{dir / "log", options};
    fill(log, 0, 100'000);
    log.compact();
  }
  std::filesystem::remove(largest_file(dir / "log"));
  BOOST_TEST(throws(errc::corrupt, [&] { log_type log(dir / "log", options); }));
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

// --- the directory -------------------------------------------------------------------------------

/// Is a file of which nothing is read.
class no_file final : public logdb::timelsm::run_file {
 public:
  explicit no_file(std::uint64_t number) : number_{number} {}
  [[nodiscard]] logdb::segment_number number() const override {
    return logdb::segment_number{number_};
  }
  [[nodiscard]] std::uint64_t bytes() const override { return 1 << 20; }
  [[nodiscard]] logdb::bytes_view record(std::uint64_t) const override { return {}; }
  [[noreturn]] void fail(std::uint64_t) const override { throw logdb::error{errc::corrupt, "none"}; }

 private:
  std::uint64_t number_;
};

using cache_type = logdb::timelsm::block_cache<value_type>;

std::shared_ptr<cache_type> make_cache() {
  return std::make_shared<cache_type>(std::make_shared<logdb::timelsm::heap>(nullptr), 1000);
}

logdb::timelsm::directory<value_type> drawn_directory(const std::shared_ptr<cache_type>& cache) {
  namespace lsm = logdb::timelsm;
  lsm::directory<value_type> made;
  const auto put = [&](lsm::sorted_run<value_type>& to, std::uint64_t file, std::int64_t first,
                       std::int64_t last, std::uint64_t applied) {
    lsm::block_entry where{std::make_shared<no_file>(file), 4096 * file, 5000, 4000, first, last};
    to.push_back(lsm::make_slice<value_type>(
        std::make_shared<lsm::stored_block<value_type>>(cache, where), applied));
  };
  put(made.sealed->l1, 3, first_time, -5, 7);
  put(made.sealed->l1, 9, -5, 80, 2);
  put(made.sealed->l1, 3, 80, last_time, 0);
  put(made.sealed->l0.emplace_back(), 12, 5, 5, 9);
  made.deleted = {{first_time, 3, 4}, {5, 9, 11}, {10, last_time, 1}};
  return made;
}

logdb::timelsm::directory<value_type> decode(logdb::bytes_view coded) {
  return logdb::timelsm::directory_decoder<value_type>{
      coded, make_cache(),
      [](logdb::segment_number number) {
        return std::make_shared<no_file>(to_integer(number));
      }}
      .run();
}

BOOST_AUTO_TEST_CASE(a_directory_is_read_as_it_was_written) {
  const auto made = drawn_directory(make_cache());
  const auto coded = logdb::timelsm::directory_encoder<value_type>{made}.run();
  const auto read = decode(coded);
  BOOST_TEST(read.sealed->l1.size() == 3U);
  BOOST_TEST(read.sealed->l0.size() == 1U);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& a = made.sealed->l1[i];
    const auto& b = read.sealed->l1[i];
    BOOST_TEST((a.first == b.first && a.last == b.last && a.applied == b.applied));
    BOOST_TEST((a.size == b.size && a.stored->where().offset == b.stored->where().offset));
    BOOST_TEST((a.stored->where().file->number() == b.stored->where().file->number()));
    BOOST_TEST((made.deleted[i].first == read.deleted[i].first));
    BOOST_TEST((made.deleted[i].last == read.deleted[i].last));
    BOOST_TEST((made.deleted[i].deletion == read.deleted[i].deletion));
  }
}

BOOST_AUTO_TEST_CASE(a_directory_cut_anywhere_is_refused) {
  const auto coded =
      logdb::timelsm::directory_encoder<value_type>{drawn_directory(make_cache())}.run();
  for (std::size_t bytes = 0; bytes < coded.size(); ++bytes) {
    BOOST_TEST(throws(errc::corrupt, [&] {
      static_cast<void>(decode(logdb::bytes_view{coded}.first(bytes)));
    }));
  }
}

BOOST_AUTO_TEST_CASE(a_directory_with_any_bit_flipped_is_refused_or_sound) {
  auto coded = logdb::timelsm::directory_encoder<value_type>{drawn_directory(make_cache())}.run();
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < 8 * coded.size(); ++bit) {
    const auto mask = static_cast<std::byte>(1U << bit % 8);
    coded[bit / 8] ^= mask;
    try {
      const auto read = decode(coded);
      BOOST_TEST(read.sealed->l1.size() <= coded.size());
    } catch (const logdb::error& failure) {
      refused += failure.condition() == errc::corrupt ? 1 : 0;
    }
    coded[bit / 8] ^= mask;
  }
  BOOST_TEST(refused > coded.size());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
