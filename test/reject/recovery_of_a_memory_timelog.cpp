// SPDX-License-Identifier: BSL-1.0
// error: no member named 'recovery'
#include <logdb/logdb.hpp>

int main() {
  logdb::memory_timelog::options options;
  options.recovery = logdb::recovery_mode::salvage;
}
