// SPDX-License-Identifier: BSL-1.0
// error: logdb: a log with this index has no transactions; append a range, which is atomic
#include <logdb/logdb.hpp>

int main() {
  const logdb::memory_timelog log{"a.tl"};
  log.begin();
}
