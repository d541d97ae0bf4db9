// SPDX-License-Identifier: BSL-1.0
// error: logdb: Locking<P>: P::hooks names what is no hook of locking
#include <logdb/logdb.hpp>

struct Typo : logdb::Flock {
  static constexpr logdb::locking_hooks hooks{"compatibel_with"};
};

logdb::basic_log<logdb::Locking<Typo>> wal{"a.wal"};
