// SPDX-License-Identifier: BSL-1.0
// error: logdb: every argument of basic_log is Storage<>, Durability<>, Index<> or Locking<>;
//   wrap the policy in its axis, as in Durability<Fsync>
#include <logdb/logdb.hpp>

logdb::basic_log<logdb::Fsync> wal{"a.wal"};
