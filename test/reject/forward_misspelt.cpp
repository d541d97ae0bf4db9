// SPDX-License-Identifier: BSL-1.0
// error: logdb: Index<P>: P::hooks names reads_staging, so its segment_index needs
#include <logdb/logdb.hpp>

struct Typo : logdb::Sparse {
  static constexpr logdb::index_hooks hooks{"fault", "reads_staging"};
};

logdb::basic_log<logdb::Index<Typo>> wal{"a.wal"};
