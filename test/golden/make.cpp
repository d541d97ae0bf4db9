// SPDX-License-Identifier: BSL-1.0
/// @file
/// Writes a golden store of this version of the format: run once when the format changes, with the
/// directory to make. Its output is committed and then only read, by golden.cpp.

#include <iostream>

#include "contents.hpp"

namespace {

void fill(logdb::durable_wal& wal) {
  const auto records = logdb::test::golden_records();
  const auto batch = records.begin() + logdb::test::golden_singles;
  const auto rest = batch + logdb::test::golden_batch;
  for (auto record = records.begin(); record != batch; ++record) wal.append(*record);
  wal.append(std::vector<std::string>(batch, rest));
  wal.cursor("mailer").acknowledge(logdb::lsn{logdb::test::golden_acknowledged});
  for (auto record = rest; record != records.end(); ++record) wal.append(*record);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: make_golden DIRECTORY\n";
    return 2;
  }
  logdb::durable_wal wal{arguments[1], logdb::test::golden_options<logdb::durable_wal>()};
  fill(wal);
  wal.close();
}
