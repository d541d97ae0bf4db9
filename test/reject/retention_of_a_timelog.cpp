// SPDX-License-Identifier: BSL-1.0
// error: no member named 'retention'
#include <logdb/logdb.hpp>

int main() {
  logdb::timelog::options options;
  options.retention.records_max = 10;
}
