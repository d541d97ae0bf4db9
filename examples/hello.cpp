// SPDX-License-Identifier: BSL-1.0
/// @file
/// The shortest program: appends a record durably, reads all of them back.

#include <iostream>

#include <logdb/logdb.hpp>

int main() {
  logdb::durable_wal wal{"orders.wal"};               // opens or creates a directory
  const logdb::lsn at = wal.append("order 42 paid");  // on disk when it returns
  std::cout << "appended as lsn " << at << '\n';
  for (const auto& record : wal.records()) std::cout << record.text() << '\n';
  wal.close();  // throws what a destructor cannot
}
