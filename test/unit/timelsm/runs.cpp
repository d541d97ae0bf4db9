// SPDX-License-Identifier: BSL-1.0
// Runs of blocks that are damaged or missing, and directories that were cut or crafted.
#define BOOST_TEST_MODULE timelsm_runs
#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "stored_support.hpp"

namespace {

using namespace timelsm_test;  // NOLINT: a test

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

BOOST_AUTO_TEST_SUITE(timelsm_runs)

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

BOOST_AUTO_TEST_CASE(a_damaged_block_holds_up_no_writer) {
  const temp_dir dir;
  auto options = one_large_run();
  options.index.memtable_rows = options.index.partition_rows = 1000;
  options.index.l0_runs_max = 2;
  options.index.frozen_max = 1;
  {
    log_type log{dir / "log", options};
    fill(log, 0, 60'000);
    log.compact();
  }
  const auto run = largest_file(dir / "log");
  for (std::uintmax_t at = 5000; at < std::filesystem::file_size(run); at += 1000) flip(run, at);
  std::atomic<int> told = 0;
  options.index.log = [&told](std::string_view) { ++told; };
  log_type log{dir / "log", options};
  const auto before = log.size();
  for (std::int64_t i = 0; i < 20'000; ++i) log.append(i * 10, 1);  // all of them late
  BOOST_TEST(log.size() == before + 20'000);
  BOOST_TEST(throws(errc::corrupt, [&] { log.compact(); }));
  BOOST_TEST(told > 0);
  BOOST_TEST(log.last_lsn().value() > 20'000U);
}

BOOST_AUTO_TEST_CASE(deletions_that_were_lost_take_their_numbers_with_them) {
  index_type first{small_options()};
  fill(first, 0, 300);
  first.flush();
  auto sealed =
      std::make_shared<logdb::timelsm::tree<value_type>>(*first.snapshot().seen().at->sealed);
  for (auto& one : sealed->l1) one.applied = 5;
  index_type second{small_options()};
  second.load(sealed, {}, 2);
  second.erase({0, 9});
  second.pass_deletions(5);
  BOOST_TEST(second.snapshot().size() == 300U);  // the third was carried out, and nothing was in it
  second.erase({10, 19});
  BOOST_TEST(second.snapshot().size() == 290U);
  second.append(10, 1);
  BOOST_TEST(second.snapshot().count(10, 20) == 1U);
  BOOST_TEST(second.validate().empty());
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
  [[noreturn]] void fail(std::uint64_t) const override {
    throw logdb::error{errc::corrupt, "none"};
  }

 private:
  std::uint64_t number_;
};

using cache_type = logdb::timelsm::block_cache<value_type>;

std::shared_ptr<cache_type> make_cache() {
  return std::make_shared<cache_type>(logdb::timelsm::make_heap<logdb::platform::posix>(nullptr),
                                      1000);
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
      [](logdb::segment_number number) { return std::make_shared<no_file>(to_integer(number)); }}
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
    BOOST_TEST(throws(errc::corrupt,
                      [&] { static_cast<void>(decode(logdb::bytes_view{coded}.first(bytes))); }));
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
