// SPDX-License-Identifier: BSL-1.0
/// @file
/// snapshot(): the log as it stood at one moment. Later appends do not show. It may outlive the
/// log; only that of a key-value log needs it, to look up keys.

#include <iostream>

#include <logdb/logdb.hpp>

int main() {
  logdb::durable_wal::snapshot_type then;
  {
    logdb::durable_wal wal{"snapshot.wal"};
    wal.append("one");
    wal.append("two");
    then = wal.snapshot();
    wal.append("three");
    std::cout << "log " << wal.last_lsn() << ", snapshot " << then.last_lsn() << '\n';
    wal.close();
  }
  for (const auto& record : then.records()) std::cout << record.text() << '\n';
}
