// SPDX-License-Identifier: BSL-1.0
// error: logdb: Locking<Fcntl> lets many processes write one log, and this index hears of one only:
//   use Index<Sparse>, Index<KeyDir> or Index<None>, or Locking<Flock>
#include <logdb/logdb.hpp>

logdb::timelog::with<logdb::Locking<logdb::Fcntl>> rows{"a.tl"};
