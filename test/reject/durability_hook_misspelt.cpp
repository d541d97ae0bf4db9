// SPDX-License-Identifier: BSL-1.0
// error: logdb: Durability<P>: P::hooks names what is no hook of durability
#include <logdb/logdb.hpp>

struct Typo : logdb::Fsync {
  static constexpr logdb::durability_hooks hooks{"compatibel_with"};
};

logdb::basic_log<logdb::Durability<Typo>> wal{"a.wal"};
