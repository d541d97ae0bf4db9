// SPDX-License-Identifier: BSL-1.0
// error: logdb: basic_log takes one Index<>, several were given; keep one
#include <logdb/logdb.hpp>

logdb::basic_log<logdb::Index<logdb::Sparse>, logdb::Index<logdb::None>> wal{"a.wal"};
