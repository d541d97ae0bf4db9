// SPDX-License-Identifier: BSL-1.0
// error: logdb: Locking<P>: P is not a locking_policy; see logdb/policy/locking.hpp
#include <logdb/logdb.hpp>

logdb::basic_log<logdb::Locking<int>> wal{"a.wal"};
