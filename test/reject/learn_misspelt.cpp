// SPDX-License-Identifier: BSL-1.0
// error: logdb: Index<P>: P::hooks names learn exactly if its segment_index has
#include <logdb/logdb.hpp>

struct Typo : logdb::Sparse {
  static constexpr logdb::index_hooks hooks{"fault", "learn"};
};

logdb::basic_log<logdb::Index<Typo>> wal{"a.wal"};
