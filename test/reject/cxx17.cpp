// SPDX-License-Identifier: BSL-1.0
// flags: -std=c++17
// error: logdb needs C++20: compile with -std=c++20 or later
#include <logdb/logdb.hpp>
