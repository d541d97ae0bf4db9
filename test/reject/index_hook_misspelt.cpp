// SPDX-License-Identifier: BSL-1.0
// error: logdb: Index<P>: P::hooks names what is no hook of an index
#include <logdb/logdb.hpp>

struct Typo : logdb::Sparse {
  static constexpr logdb::index_hooks hooks{"fault", "never_truncate"};
};

logdb::basic_log<logdb::Index<Typo>> wal{"a.wal"};
