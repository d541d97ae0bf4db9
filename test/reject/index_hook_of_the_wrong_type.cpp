// SPDX-License-Identifier: BSL-1.0
// error: logdb: Index<P>: P::hooks names what is no hook of an index
#include <logdb/logdb.hpp>

struct Numbers : logdb::Sparse {
  static constexpr logdb::index_hooks hooks{"fault", 1};
};

logdb::basic_log<logdb::Index<Numbers>> wal{"a.wal"};
