// SPDX-License-Identifier: BSL-1.0
// error: 'read'
#include <logdb/logdb.hpp>

int main() {
  logdb::durable_wal::with<logdb::Index<logdb::None>> wal{"a.wal"};
  return static_cast<int>(wal.read(logdb::lsn{1}).size());
}
