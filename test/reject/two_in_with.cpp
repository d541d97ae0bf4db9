// SPDX-License-Identifier: BSL-1.0
// error: logdb: basic_log takes one Index<>, several were given; keep one
#include <logdb/logdb.hpp>

logdb::durable_wal::with<logdb::Index<logdb::Sparse>, logdb::Index<logdb::None>> wal{"a.wal"};
