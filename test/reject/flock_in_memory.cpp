// SPDX-License-Identifier: BSL-1.0
// error: logdb: Locking<Flock> guards a directory against other processes; Storage<Memory> has
//   none: use Locking<None>
#include <logdb/logdb.hpp>

logdb::basic_log<logdb::Storage<logdb::Memory>, logdb::Locking<logdb::Flock>> wal{"a.wal"};
