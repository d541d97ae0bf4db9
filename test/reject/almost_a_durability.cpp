// SPDX-License-Identifier: BSL-1.0
// error: logdb: Durability<P>: P is not a durability_policy; see logdb/policy/durability.hpp
#include <logdb/logdb.hpp>

struct NearlyFsync : logdb::Fsync {
  template <class View>
  static bool acknowledge(View&, std::uint64_t);  // has to return void
};

logdb::basic_log<logdb::Durability<NearlyFsync>> wal{"a.wal"};
