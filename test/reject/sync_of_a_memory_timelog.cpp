// SPDX-License-Identifier: BSL-1.0
// error: logdb: nothing of a log in memory with this index is ever durable; use a log on
//   Storage<Directory>
#include <logdb/logdb.hpp>

int main() {
  const logdb::memory_timelog log{"a.tl"};
  log.sync();
}
