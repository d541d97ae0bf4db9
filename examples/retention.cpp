// SPDX-License-Identifier: BSL-1.0
/// @file
/// options::retention: what a log keeps, by records, bytes or age. Whole sealed segments go when a
/// segment is sealed or the log opens; the newest records always stay.

#include <iostream>
#include <string>

#include <logdb/logdb.hpp>

namespace {

logdb::durable_wal::options keep_records(std::uint64_t most) {
  return {.segment_bytes = 16 << 10, .retention = {.records_max = most}};
}

}  // namespace

int main() {
  {
    logdb::durable_wal wal{"retention.wal", keep_records(logdb::retention_options::unlimited)};
    for (int i = 1; i <= 100; ++i) wal.append(std::string(1000, 'x'));
    std::cout << "all: " << wal.stats().records << " records from lsn " << wal.first_lsn() << '\n';
    wal.close();
  }
  logdb::durable_wal wal{"retention.wal", keep_records(20)};
  const auto kept = wal.stats().records;
  std::cout << std::boolalpha << "at least the newest 20: " << (kept >= 20)
            << ", and less than a segment more: " << (kept < 36) << '\n';
  std::cout << "lsns go on: the next is " << wal.append("news") << '\n';
  wal.close();
}
