// SPDX-License-Identifier: BSL-1.0
// error: logdb: a log in memory with this index has no records; read it with the index's verbs,
//   such as range() or all()
#include <logdb/logdb.hpp>

int main() {
  const logdb::memory_timelog log{"a.tl"};
  log.records();
}
