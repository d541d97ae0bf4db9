// SPDX-License-Identifier: BSL-1.0
/// @file
/// Storage<SingleFile>: the log is one regular file, and a close leaves nothing beside it.

#include <filesystem>
#include <iostream>
#include <set>
#include <string>

#include <logdb/logdb.hpp>

using one_file_wal = logdb::durable_wal::with<logdb::Storage<logdb::SingleFile>>;

namespace {

void list_files() {
  std::set<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator{"."}) {
    names.insert(file.path().filename().string());
  }
  std::cout << "files:";
  for (const auto& name : names) std::cout << ' ' << name;
  std::cout << '\n';
}

}  // namespace

int main() {
  one_file_wal wal{"orders.log"};
  wal.append("order 42 paid");
  list_files();
  wal.close();
  list_files();

  // 0: what is dead is given back at this close, however little it is.
  one_file_wal again{"orders.log", {.storage = {.compact_ratio = 0}}};
  for (const auto& record : again.records()) std::cout << record.text() << '\n';
  again.close();
  list_files();
}
