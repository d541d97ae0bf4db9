// SPDX-License-Identifier: BSL-1.0
// error: logdb: Durability<Fsync> promises stable storage, and Storage<Memory> is none: use
//   Durability<None>
#include <logdb/logdb.hpp>

logdb::basic_log<logdb::Storage<logdb::Memory>, logdb::Durability<logdb::Fsync>> wal{"a.wal"};
