// SPDX-License-Identifier: BSL-1.0
// error: logdb: Locking<Fcntl> lets many processes write one log: use Storage<Directory>, or
//   Locking<Flock> for one writing process
#include <logdb/logdb.hpp>

logdb::shared_wal::with<logdb::Storage<logdb::SingleFile>> wal{"a.wal"};
