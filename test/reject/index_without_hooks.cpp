// SPDX-License-Identifier: BSL-1.0
// error: logdb: Index<P>: P needs 'static constexpr logdb::index_hooks hooks{...}'
#include <logdb/logdb.hpp>

struct Forgot : logdb::Sparse {
  static constexpr bool hooks = true;
};

logdb::basic_log<logdb::Index<Forgot>> wal{"a.wal"};
