// SPDX-License-Identifier: BSL-1.0
/// @file
/// open_mode::read_only: beside a live writer, in this process or another; takes no lock, writes
/// nothing, needs no permission to write. A second writer is refused.

#include <iostream>

#include <logdb/logdb.hpp>

int main() {
  logdb::durable_wal writer{"read_only.wal"};
  writer.append("one");

  logdb::durable_wal reader{"read_only.wal", {.mode = logdb::open_mode::read_only}};
  std::cout << "the reader sees lsn " << reader.last_lsn() << '\n';
  writer.append("two");
  std::cout << "and now lsn " << reader.last_lsn() << '\n';
  for (const auto& record : reader.records()) std::cout << record.text() << '\n';

  try {
    reader.append("three");
  } catch (const logdb::error& refused) {
    std::cout << refused.what() << '\n';
  }
  try {
    logdb::durable_wal second{"read_only.wal"};
  } catch (const logdb::error& refused) {
    std::cout << refused.what() << '\n';
  }
  writer.close();
}
