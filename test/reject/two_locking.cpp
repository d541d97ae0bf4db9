// SPDX-License-Identifier: BSL-1.0
// error: logdb: basic_log takes one Locking<>, several were given; keep one
#include <logdb/logdb.hpp>

logdb::basic_log<logdb::Locking<logdb::Flock>, logdb::Locking<logdb::None>> wal{"a.wal"};
