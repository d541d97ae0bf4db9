// SPDX-License-Identifier: BSL-1.0
// error: logdb: Locking<Fcntl> lets many processes write one log, and this index hears of one only:
//   use an index that learns from the log what others wrote, or Locking<Flock>
#include <logdb/logdb.hpp>

struct Deaf : logdb::Sparse {
  static constexpr logdb::index_hooks hooks{"fault", "one_writer"};
};

logdb::basic_log<logdb::Index<Deaf>, logdb::Locking<logdb::Fcntl>> wal{"a.wal"};
