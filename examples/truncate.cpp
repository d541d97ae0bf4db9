// SPDX-License-Identifier: BSL-1.0
/// @file
/// truncate_front(): gives up whole sealed segments below a record. Readers that hold them are not
/// disturbed.

#include <iostream>
#include <string>

#include <logdb/logdb.hpp>

int main() {
  // Small segments, so that there are some to give up.
  logdb::durable_wal wal{"truncate.wal", {.segment_bytes = 16 << 10}};
  for (int i = 0; i < 10; ++i) wal.append(std::string(5000, 'x'));

  const auto before = wal.snapshot();
  const logdb::lsn first = wal.truncate_front(logdb::lsn{6});
  std::cout << std::boolalpha << "asked for 6, kept from 6 or before: " << (first <= logdb::lsn{6})
            << ", something went: " << (first > logdb::lsn{1}) << '\n';
  std::cout << "the snapshot still has " << before.read(logdb::lsn{1}).size()
            << " bytes of lsn 1\n";
  try {
    static_cast<void>(wal.read(logdb::lsn{1}));
  } catch (const logdb::error& gone) {
    std::cout << gone.code().message() << ": " << gone.remedy() << '\n';
  }
  wal.close();
}
