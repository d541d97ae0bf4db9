// SPDX-License-Identifier: BSL-1.0
// error: logdb: Storage<P>: P is not a storage_policy; see logdb/policy/storage.hpp
#include <logdb/logdb.hpp>

logdb::basic_log<logdb::Storage<int>> wal{"a.wal"};
