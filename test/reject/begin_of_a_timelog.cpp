// SPDX-License-Identifier: BSL-1.0
// error: logdb: a time log has no transactions; append a range of rows, which is atomic
#include <logdb/logdb.hpp>

int main() {
  const logdb::timelog log{"a.tl"};
  log.begin();
}
