// SPDX-License-Identifier: BSL-1.0
// error: logdb: a policy names fault in its hooks exactly if its options have
#include <logdb/logdb.hpp>

struct Silent : logdb::Sparse {
  static constexpr logdb::index_hooks hooks{};
};

logdb::basic_log<logdb::Index<Silent>> wal{"a.wal"};
