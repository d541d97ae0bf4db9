// SPDX-License-Identifier: BSL-1.0
/// @file
/// append() of a range: one frame, one sync, all of it or nothing after a crash. Returns the lsn of
/// the last record.

#include <iostream>
#include <string>
#include <vector>

#include <logdb/logdb.hpp>

int main() {
  logdb::durable_wal wal{"batch.wal"};
  wal.append("before");

  const std::vector<std::string> lines{"debit a 10", "credit b 10", "note thanks"};
  const logdb::lsn last = wal.append(lines);
  const logdb::lsn first = last - (lines.size() - 1);
  std::cout << "lsn " << first << " to " << last << ", " << wal.stats().syncs << " syncs\n";

  for (const auto& record : wal.records(first)) std::cout << record.text() << '\n';
  wal.close();
}
