// SPDX-License-Identifier: BSL-1.0
// error: logdb: basic_log takes one Durability<>, several were given; keep one
#include <logdb/logdb.hpp>

logdb::basic_log<logdb::Durability<logdb::Fsync>, logdb::Durability<logdb::Async>> wal{"a.wal"};
