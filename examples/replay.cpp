// SPDX-License-Identifier: BSL-1.0
/// @file
/// records(): all, from an lsn on, a half-open range; a forward range for algorithms. A record that
/// is copied keeps its bytes readable, whatever becomes of the log.

#include <algorithm>
#include <iostream>
#include <optional>
#include <string>

#include <logdb/logdb.hpp>

int main() {
  std::optional<logdb::record> kept;
  {
    logdb::durable_wal wal{"replay.wal"};
    for (int i = 1; i <= 6; ++i) wal.append("record " + std::to_string(i));

    const auto print = [](const auto& records) {
      for (const auto& record : records) std::cout << ' ' << record.lsn();
      std::cout << '\n';
    };
    print(wal.records());
    print(wal.records(logdb::lsn{4}));
    print(wal.records(logdb::lsn{2}, logdb::lsn{4}));  // without 4
    print(wal.records(logdb::lsn{4}, logdb::lsn{2}));  // inverted: empty

    const auto records = wal.records();
    const auto found = std::ranges::find(records, "record 5", &logdb::record::text);
    if (found != records.end()) kept = *found;
    wal.close();
  }
  if (kept) std::cout << kept->text() << ", read after the log was closed and gone\n";
}
