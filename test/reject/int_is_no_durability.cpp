// SPDX-License-Identifier: BSL-1.0
// error: logdb: Durability<P>: P is not a durability_policy; see logdb/durability/policy.hpp
#include <logdb/logdb.hpp>

logdb::basic_log<logdb::Durability<int>> wal{"a.wal"};
