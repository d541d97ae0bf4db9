// SPDX-License-Identifier: BSL-1.0
// error: logdb: Locking<Fcntl> lets many processes write one log: use Storage<Directory> or
//   Storage<SingleFile>, or Locking<Flock> for one writing process
#include <logdb/logdb.hpp>

logdb::basic_log<logdb::Storage<logdb::Memory>, logdb::Durability<logdb::None>,
                 logdb::Locking<logdb::Fcntl>>
    wal{"a.wal"};
