// SPDX-License-Identifier: BSL-1.0
// error: logdb: Durability<P>: P is not a durability_policy; see logdb/policy/durability.hpp
#include <logdb/logdb.hpp>

logdb::basic_log<logdb::Durability<int>> wal{"a.wal"};
