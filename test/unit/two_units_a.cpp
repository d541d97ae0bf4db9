// SPDX-License-Identifier: BSL-1.0
// Two units that include everything link, and share one copy of what is inline.
#include <cstdio>

#include <logdb/event_log.hpp>
#include <logdb/logdb.hpp>

#include "two_units.hpp"

int main() {
  const void* here = &logdb::error_category();
  const bool same = here == logdb::test::address_in_other_unit();
  std::puts(same ? "one category in two units" : "two units have a category each");
  return same ? 0 : 1;
}
