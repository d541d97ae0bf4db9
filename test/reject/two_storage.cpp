// SPDX-License-Identifier: BSL-1.0
// error: logdb: basic_log takes one Storage<>, several were given; keep one
#include <logdb/logdb.hpp>

logdb::basic_log<logdb::Storage<logdb::Directory>, logdb::Storage<logdb::Memory>> wal{"a.wal"};
