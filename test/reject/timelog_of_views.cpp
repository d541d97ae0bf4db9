// SPDX-License-Identifier: BSL-1.0
// error: logdb: a durable time log would store addresses: V is a pointer, or a range that may be a
//   view; use a type that holds what V refers to, or bytes_value
#include <span>

#include <logdb/timelog.hpp>

int main() { logdb::basic_timelog<std::span<const int>> log{"a.log"}; }
