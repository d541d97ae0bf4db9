// SPDX-License-Identifier: BSL-1.0
// error: logdb: a log with this index gives up no record by its age: use erase() and compact()
#include <logdb/logdb.hpp>

int main() {
  const logdb::timelog log{"a.tl"};
  log.truncate_front(logdb::lsn{1});
}
