// SPDX-License-Identifier: BSL-1.0
// error: logdb: a policy names compatible_with in its hooks exactly if
#include <logdb/logdb.hpp>

struct Silent : logdb::Fsync {
  static constexpr logdb::durability_hooks hooks{};
};

logdb::basic_log<logdb::Durability<Silent>> wal{"a.wal"};
