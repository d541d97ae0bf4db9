// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE shared_large
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "crash/sim/shards.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

// Large transactions and large logs of many processes. LOGDB_LARGE_MIB says how large: 1024 for the
// transaction and 5000 for the log go beyond what 32 bits count.

namespace logdb::test {
namespace {

constexpr std::uint64_t record_bytes = 64 << 10;

std::uint64_t records_wanted() {
  return sim::number_from_environment("LOGDB_LARGE_MIB", 48) * (1 << 20) / record_bytes;
}

/// Is a record's bytes, which tell whose it is and the how many-th.
class numbered_record {
 public:
  explicit numbered_record(std::uint64_t writer) : writer_{writer} {}

  [[nodiscard]] const std::string& make(std::uint64_t number) {
    std::memcpy(bytes_.data(), &writer_, sizeof writer_);
    std::memcpy(bytes_.data() + sizeof writer_, &number, sizeof number);
    return bytes_;
  }

 private:
  std::uint64_t writer_;
  std::string bytes_ = std::string(record_bytes, 'r');
};

/// Counts the records of each writer and requires that they are in their order.
std::vector<std::uint64_t> count_in_order(const shared_wal& log, std::size_t writers) {
  std::vector<std::uint64_t> next(writers);
  for (const auto& record : log.records()) {
    std::uint64_t writer = 0;
    std::uint64_t number = 0;
    BOOST_REQUIRE(record.bytes().size() == record_bytes);
    std::memcpy(&writer, record.bytes().data(), sizeof writer);
    std::memcpy(&number, record.bytes().data() + sizeof writer, sizeof number);
    BOOST_REQUIRE(writer < writers);
    BOOST_REQUIRE(number == next[writer]++);
  }
  return next;
}

template <class Transaction>
void append_to(Transaction& unit, std::uint64_t writer, std::uint64_t records) {
  numbered_record bytes{writer};
  for (std::uint64_t i = 0; i < records; ++i) unit.append(bytes.make(i));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_large_transaction_commits_or_vanishes_whole) {
  const temp_dir place;
  const std::uint64_t records = records_wanted();
  const shared_wal beside{place / "log"};
  child_process commits{[&] {
    shared_wal log{place / "log"};
    auto unit = log.begin();
    append_to(unit, 0, records);
    unit.commit();
    return 0;
  }};
  const pipe_signal nearly;
  const pipe_signal never;
  child_process dies{[&] {
    shared_wal log{place / "log"};
    auto unit = log.begin();
    append_to(unit, 1, records);
    return nearly.announce() && never.wait() ? 0 : 1;
  }};
  BOOST_REQUIRE(nearly.wait());
  dies.kill();
  BOOST_TEST(commits.wait() == 0);
  BOOST_TEST((count_in_order(beside, 2) == std::vector<std::uint64_t>{records, 0}));
}

BOOST_AUTO_TEST_CASE(a_large_transaction_is_there_after_the_log_was_closed) {
  const temp_dir place;
  const std::uint64_t records = records_wanted();
  {
    shared_wal log{place / "log"};
    auto unit = log.begin();
    append_to(unit, 0, records);
    unit.commit();
    log.close();
  }
  const shared_wal again{place / "log"};
  BOOST_TEST((count_in_order(again, 1) == std::vector<std::uint64_t>{records}));
}

BOOST_AUTO_TEST_CASE(a_large_log_of_many_processes_keeps_every_record) {
  const temp_dir place;
  const std::uint64_t records = records_wanted() / 2;
  const auto write = [&](std::uint64_t writer) {
    return [&, writer] {
      shared_wal::with<Durability<Async>> log{place / "log"};
      numbered_record bytes{writer};
      for (std::uint64_t i = 0; i < records; ++i) log.append(bytes.make(i));
      log.close();
      return 0;
    };
  };
  child_process first{write(0)};
  child_process second{write(1)};
  BOOST_TEST(first.wait() == 0);
  BOOST_TEST(second.wait() == 0);
  const shared_wal again{place / "log"};
  BOOST_TEST((count_in_order(again, 2) == std::vector<std::uint64_t>{records, records}));
  BOOST_TEST(again.verify().intact());
}

}  // namespace logdb::test
