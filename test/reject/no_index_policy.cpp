// SPDX-License-Identifier: BSL-1.0
// error: logdb: Index<P>: P is not an index_policy; see logdb/policy/index.hpp
#include <logdb/logdb.hpp>

logdb::basic_log<logdb::Index<logdb::Fsync>> wal{"a.wal"};
