// SPDX-License-Identifier: BSL-1.0
/// @file
/// read(): one record by its lsn.

#include <iostream>

#include <logdb/logdb.hpp>

int main() {
  logdb::durable_wal wal{"read.wal"};
  wal.append("one");
  const logdb::lsn at = wal.append("two");
  wal.append("three");

  const logdb::record record = wal.read(at);  // keeps its bytes readable while it lives
  std::cout << "lsn " << record.lsn() << ": " << record.text() << '\n';
  std::cout << "from " << wal.first_lsn() << " to " << wal.last_lsn() << '\n';

  try {
    static_cast<void>(wal.read(logdb::lsn{9}));
  } catch (const logdb::error& missing) {
    std::cout << missing.what() << '\n';
  }
  wal.close();
}
