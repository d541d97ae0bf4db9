// SPDX-License-Identifier: BSL-1.0
/// @file
/// recovery(): what an open found. Damage in what was promised is refused, nothing is changed;
/// recovery_mode::salvage opens it and reads what is intact.

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include <logdb/logdb.hpp>

namespace {

/// Overwrites a byte of a record in its segment, as a failing disk might.
void damage(const std::string& text) {
  for (const auto& entry : std::filesystem::directory_iterator{"recovery.wal"}) {
    std::fstream file{entry.path(), std::ios::in | std::ios::out | std::ios::binary};
    const std::string bytes{std::istreambuf_iterator<char>{file}, {}};
    const auto at = bytes.find(text);
    if (at == std::string::npos) continue;
    file.seekp(static_cast<std::streamoff>(at)).put('#');
  }
}

void replay(const logdb::durable_wal& wal) {
  try {
    for (const auto& record : wal.records()) std::cout << "  " << record.text() << '\n';
  } catch (const logdb::error& found) {
    std::cout << "  " << found.code().message() << " at lsn " << found.at().value() << '\n';
  }
}

}  // namespace

int main() {
  {
    logdb::durable_wal wal{"recovery.wal"};
    for (const auto* text : {"first", "second", "third"}) wal.append(text);
    wal.close();
  }
  damage("second");
  logdb::durable_wal wal{"recovery.wal"};
  const auto& report = wal.recovery();
  std::cout << std::boolalpha << "closed cleanly: " << report.clean << ", " << report.records
            << " records, lsn " << report.first << " to " << report.last << '\n';
  replay(wal);
  const auto found = wal.verify();
  std::cout << "verify: intact " << found.intact() << ", expected there lsn "
            << found.damages.at(0).expected << '\n';
  wal.close();

  logdb::durable_wal rescued{"recovery.wal", {.recovery = logdb::recovery_mode::salvage}};
  replay(rescued);
  rescued.close();
}
