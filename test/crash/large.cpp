// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE large
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <signal.h>
#include <span>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "crash/support/quick_system.hpp"
#include "crash/support/store.hpp"
#include "support/process.hpp"
#include "support/sanitizer.hpp"
#include "support/temp_dir.hpp"

namespace {

using logdb::lsn;
using logdb::test::smallest;
using logdb::test::texts_of;

/// Dies at the n-th call that changes the disk, before it is done.
struct mortal_system : logdb::test::quick_system {
  inline static int calls_left = -1;

  static void step() {
    if (calls_left >= 0 && calls_left-- == 0) ::kill(::getpid(), SIGKILL);
  }
  static handle open_file(handle directory, const char* name, logdb::platform::file_access access) {
    if (access == logdb::platform::file_access::create_new) step();
    return posix::open_file(directory, name, access);
  }
  static std::int64_t write(handle file, const logdb::platform::write_piece* pieces, int count,
                            std::uint64_t offset) {
    step();
    return posix::write(file, pieces, count, offset);
  }
  static int sync(handle) { return step(), 0; }
  static int sync_directory(handle) { return step(), 0; }
  static int rename(handle directory, const char* from, const char* to) {
    step();
    return posix::rename(directory, from, to);
  }
  static int unlink(handle directory, const char* name) {
    step();
    return posix::unlink(directory, name);
  }
};

using wal = logdb::basic_log<logdb::Storage<logdb::BasicDirectory<mortal_system>>>;

constexpr int records = 120;

std::string text_of(int i) { return std::to_string(i) + std::string(1000, 'l'); }

std::vector<std::string> large_texts() {
  std::vector<std::string> texts;
  for (int i = 0; i < records; ++i) texts.push_back(text_of(i));
  return texts;
}

/// Returns how many segment files there are.
std::ptrdiff_t segments_in(const std::filesystem::path& path) {
  const auto image = logdb::test::read_store(path);
  return std::ranges::count_if(image, [](const auto& file) {
    return logdb::format::parse_segment_name(file.first).has_value();
  });
}

template <class Transaction>
void append_many(Transaction& transaction, int from, int to) {
  for (int i = from; i < to; ++i) transaction.append(text_of(i));
}

BOOST_AUTO_TEST_CASE(a_transaction_larger_than_staging_survives_reopening) {
  const logdb::test::temp_dir place;
  {
    wal log{place / "log", smallest<wal>()};
    log.append("before");
    auto transaction = log.begin();
    append_many(transaction, 0, records);
    BOOST_TEST(transaction.commit() == lsn{records + 1});
    log.append("after");
  }
  const wal again{place / "log", smallest<wal>()};
  auto expected = large_texts();
  expected.insert(expected.begin(), "before");
  expected.emplace_back("after");
  BOOST_TEST(texts_of(again) == expected);
  BOOST_TEST(again.read(lsn{57}).text() == text_of(55));
  BOOST_TEST(again.verify().intact());
}

BOOST_AUTO_TEST_CASE(transactions_that_end_in_another_order_than_they_began_are_all_found) {
  const logdb::test::temp_dir place;
  const auto check = [](const wal& log) {
    auto expected = large_texts();
    for (const auto& text : large_texts()) expected.push_back(text);
    BOOST_TEST(texts_of(log) == expected);
  };
  {
    wal log{place / "log", smallest<wal>()};
    auto first = log.begin();
    append_many(first, 0, records);
    auto second = log.begin();
    append_many(second, 0, records);
    second.commit();
    first.commit();
    check(log);
  }
  check(wal{place / "log", smallest<wal>()});
}

BOOST_AUTO_TEST_CASE(a_transaction_sees_what_it_wrote_across_the_spill) {
  const logdb::test::temp_dir place;
  wal log{place / "log", smallest<wal>()};
  log.append("before");
  auto transaction = log.begin();
  for (int i = 0; i < records; ++i) {
    transaction.append(text_of(i));
    if (i % 17 != 0) continue;
    std::uint64_t at = 0;
    for (const auto& record : transaction.records()) {
      BOOST_TEST(record.lsn() == lsn{++at});
      BOOST_TEST(record.text() == (at == 1 ? "before" : text_of(static_cast<int>(at) - 2)));
    }
    BOOST_TEST(at == static_cast<std::uint64_t>(i) + 2);
  }
  BOOST_TEST(texts_of(log).size() == 1U);
}

/// Commits `kept` records around `dropped` ones that are rolled back, then as many more.
void check_nested_rollback(int kept, int dropped) {
  const logdb::test::temp_dir place;
  wal log{place / "log", smallest<wal>()};
  auto transaction = log.begin();
  append_many(transaction, 0, kept);
  {
    auto nested = transaction.begin();
    append_many(nested, 1000, 1000 + dropped);
    auto inner = nested.begin();
    append_many(inner, 2000, 2000 + dropped);
    inner.commit();
    nested.rollback();
  }
  append_many(transaction, kept, 2 * kept);
  std::vector<std::string> expected;
  for (int i = 0; i < 2 * kept; ++i) expected.push_back(text_of(i));
  BOOST_TEST((texts_of(transaction) == expected));
  transaction.commit();
  BOOST_TEST((texts_of(log) == expected));
}

BOOST_AUTO_TEST_CASE(a_nested_rollback_takes_back_across_the_spill) {
  for (const int kept : {1, 3, 4, 5, 40}) {
    for (const int dropped : {1, 3, 4, 5, 40}) check_nested_rollback(kept, dropped);
  }
}

BOOST_AUTO_TEST_CASE(a_transaction_that_is_given_up_leaves_no_file) {
  const logdb::test::temp_dir place;
  wal log{place / "log", smallest<wal>()};
  {
    auto transaction = log.begin();
    append_many(transaction, 0, records);
  }
  log.append("and on");
  log.close();
  BOOST_TEST(segments_in(place / "log") <= 2);
}

/// Commits a large transaction between two records and dies at the n-th step; returns whether it
/// got through.
bool survives(const std::filesystem::path& path, int steps) {
  logdb::test::child_process child{[&] {
    wal log{path, smallest<wal>()};
    log.append("before");
    mortal_system::calls_left = steps;
    auto transaction = log.begin();
    append_many(transaction, 0, records);
    transaction.commit();
    mortal_system::calls_left = -1;
    ::_exit(0);
    return 0;
  }};
  return child.wait() == 0;
}

BOOST_AUTO_TEST_CASE(a_large_transaction_is_whole_or_absent_wherever_its_process_dies) {
  bool through = false;
  bool absent = false;
  for (int steps = 0; !through; ++steps) {
    const logdb::test::temp_dir place;
    through = survives(place / "log", steps);
    wal log{place / "log", smallest<wal>()};
    BOOST_TEST(log.recovery().damages.empty());
    const auto texts = texts_of(log);
    BOOST_REQUIRE((texts.size() == 1 || texts.size() == records + 1));
    BOOST_TEST(texts[0] == "before");
    absent = absent || texts.size() == 1;
    if (texts.size() > 1)
      BOOST_TEST(std::equal(texts.begin() + 1, texts.end(), large_texts().begin()));
    if (through) BOOST_TEST(texts.size() == records + 1U);
    log.append("and on");
    BOOST_TEST(texts_of(log).size() == texts.size() + 1);
    log.close();
    // Log, the one made ready, and the transaction's if it is there: no orphans.
    BOOST_TEST(segments_in(place / "log") <= (texts.size() == 1 ? 2 : 3));
  }
  BOOST_TEST(absent);
}

/// Leaves holes where zeros would be written: what is nearly all zeros takes no room on the disk.
struct hollow_system : logdb::test::quick_system {
  static int allocate(handle file, std::uint64_t bytes) {
    const bool is_there = posix::size(file) >= static_cast<std::int64_t>(bytes);
    return is_there ? 0 : posix::resize(file, bytes);
  }
  static int allocate_range(handle file, std::uint64_t offset, std::uint64_t bytes) {
    return allocate(file, offset + bytes);
  }
  static std::int64_t write(handle file, const logdb::platform::write_piece* pieces, int count,
                            std::uint64_t offset) {
    std::uint64_t bytes = 0;
    for (const auto& each : std::span{pieces, static_cast<std::size_t>(count)}) {
      const logdb::bytes_view piece{static_cast<const std::byte*>(each.iov_base), each.iov_len};
      if (!logdb::detail::is_zero(piece)) return posix::write(file, pieces, count, offset);
      bytes += piece.size();
    }
    if (const int failed = allocate(file, offset + bytes); failed < 0) return failed;
    return static_cast<std::int64_t>(bytes);
  }
};

using hollow_wal = logdb::basic_log<logdb::Storage<logdb::BasicDirectory<hollow_system>>>;

/// Memory of which only what is written to takes room; empty where it cannot be had.
class hollow_memory {
 public:
  explicit hollow_memory(std::size_t bytes)
      : bytes_{bytes},
        at_{::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)} {}
  hollow_memory(const hollow_memory&) = delete;
  hollow_memory& operator=(const hollow_memory&) = delete;
  ~hollow_memory() {
    if (at_ != MAP_FAILED) ::munmap(at_, bytes_);
  }
  [[nodiscard]] std::span<std::byte> bytes() const {
    if (at_ == MAP_FAILED) return {};
    return {static_cast<std::byte*>(at_), bytes_};
  }

 private:
  std::size_t bytes_;
  void* at_;
};

BOOST_AUTO_TEST_CASE(the_largest_record_that_is_promised_is_read_back) {
  constexpr std::uint64_t most = (std::uint64_t{4} << 30) - (std::uint64_t{64} << 10);
  const hollow_memory memory{most};
  const auto record = memory.bytes();
  if (record.empty() || logdb::test::under_thread_sanitizer) {  // that remembers each byte
    BOOST_TEST_MESSAGE("4 GiB of memory cannot be had here");
    return;
  }
  record.front() = std::byte{'f'};
  record[most / 2] = std::byte{'m'};
  record.back() = std::byte{'b'};
  const logdb::test::temp_dir place;
  auto options = smallest<hollow_wal>();
  options.record_bytes_max = most;
  {
    hollow_wal log{place / "log", options};
    BOOST_TEST((log.append(logdb::bytes_view{record}) == lsn{1}));
    BOOST_TEST((log.append("after it") == lsn{2}));
    log.close();
  }
  const hollow_wal log{place / "log", options};
  const auto found = log.read(lsn{1});  // with its checksum
  BOOST_TEST_REQUIRE(found.size() == most);
  BOOST_TEST((found.bytes().front() == std::byte{'f'}));
  BOOST_TEST((found.bytes()[most / 2] == std::byte{'m'}));
  BOOST_TEST((found.bytes().back() == std::byte{'b'}));
  BOOST_TEST(log.read(lsn{2}).text() == "after it");
}

}  // namespace
