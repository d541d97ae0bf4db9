// SPDX-License-Identifier: BSL-1.0
/// @file
/// append(): text, bytes, an empty record; what is too large is refused and changes nothing.

#include <array>
#include <cstddef>
#include <iostream>
#include <string>
#include <vector>

#include <logdb/logdb.hpp>

int main() {
  logdb::durable_wal wal{"append.wal", {.record_bytes_max = 1000}};

  wal.append("text");
  wal.append(std::string{"a string"});
  wal.append(std::array{std::byte{0}, std::byte{0xff}});
  wal.append(std::vector<std::byte>(3));
  wal.append("");

  try {
    wal.append(std::string(1001, 'x'));
  } catch (const logdb::error& refused) {
    std::cout << refused.code().message() << ": " << refused.remedy() << '\n';
  }
  for (const auto& record : wal.records()) {
    std::cout << "lsn " << record.lsn() << ": " << record.size() << " bytes\n";
  }
  wal.close();
}
