// SPDX-License-Identifier: BSL-1.0
/// @file
/// stats() and verify(): the figures of a log since it was opened; whether every checksum holds.

#include <iostream>
#include <string>
#include <vector>

#include <logdb/logdb.hpp>

int main() {
  logdb::durable_wal wal{"stats.wal"};
  wal.append(std::vector<std::string>(1000, "a record of 24 bytes ..."));
  wal.append("and one more");

  const auto figures = wal.stats();
  std::cout << figures.records << " records, " << figures.records_appended << " appended now\n"
            << figures.groups << " groups, " << figures.syncs << " syncs, " << figures.heals
            << " healed\n"
            << figures.bytes_appended << " bytes of frames\n"
            << figures.bytes_on_disk << " bytes taken by " << figures.segments << " segments\n";

  const auto found = wal.verify();
  std::cout << std::boolalpha << found.records << " records in " << found.frames
            << " frames, intact: " << found.intact() << '\n';
  wal.close();
}
