// SPDX-License-Identifier: BSL-1.0
// error: logdb: a time log gives up rows, not records; use erase_before() and compact()
#include <logdb/logdb.hpp>

int main() {
  const logdb::timelog log{"a.tl"};
  log.truncate_front(logdb::lsn{1});
}
