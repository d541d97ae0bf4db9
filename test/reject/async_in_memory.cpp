// SPDX-License-Identifier: BSL-1.0
// error: logdb: Durability<Async> promises stable storage soon, and Storage<Memory> is none: use
//   Durability<None>
#include <logdb/logdb.hpp>

logdb::async_wal::with<logdb::Storage<logdb::Memory>, logdb::Locking<logdb::None>> wal{"a.wal"};
