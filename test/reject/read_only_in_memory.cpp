// SPDX-License-Identifier: BSL-1.0
// error: no member named 'mode'
#include <logdb/logdb.hpp>

int main() {
  logdb::basic_log<logdb::Storage<logdb::Memory>>::options options;
  options.mode = logdb::open_mode::read_only;
}
