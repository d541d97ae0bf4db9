// SPDX-License-Identifier: BSL-1.0
// error: logdb: Durability<Fsync> promises stable storage, and Storage<Memory> is none: use
//   Durability<None>
#include <logdb/logdb.hpp>

logdb::basic_log<logdb::Storage<logdb::Memory>, logdb::Durability<logdb::Fsync>,
                 logdb::Locking<logdb::Flock>>
    wal{"a.wal"};

int main() {
  wal.append("later lines stay quiet");
  return static_cast<int>(wal.read(logdb::lsn{1}).size());
}
