// SPDX-License-Identifier: BSL-1.0
// error: logdb: view() of a log is for the verbs of its index
#include <logdb/logdb.hpp>

int main() {
  logdb::durable_wal wal{"a.wal"};
  wal.view();
}
