// SPDX-License-Identifier: BSL-1.0
// error: no member named 'retention'
#include <logdb/logdb.hpp>

int main() {
  logdb::memory_timelog::options options;
  options.retention.records_max = 10;
}
