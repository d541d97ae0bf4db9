// SPDX-License-Identifier: BSL-1.0
// error: no member named 'mode'
#include <logdb/logdb.hpp>

int main() {
  logdb::memory_timelog::options options;
  options.mode = logdb::open_mode::read_only;
}
