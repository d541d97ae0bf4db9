// SPDX-License-Identifier: BSL-1.0
/// @file
/// find_time(): the first record of a moment or later. A record's time is when its commit group
/// began: at most the group's length before its append.

#include <chrono>
#include <iostream>

#include <logdb/logdb.hpp>

int main() {
  logdb::durable_wal wal{"find_time.wal"};
  wal.append("in the morning");

  const logdb::timestamp noon = std::chrono::system_clock::now();
  wal.append("after noon");  // each of these appends is a group: it waits for its sync
  wal.append("in the evening");

  if (const auto from = wal.find_time(noon)) {
    for (const auto& record : wal.records(*from)) std::cout << record.text() << '\n';
  }
  if (!wal.find_time(noon + std::chrono::hours{1})) std::cout << "nothing an hour later\n";
  wal.close();
}
