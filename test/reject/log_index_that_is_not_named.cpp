// SPDX-License-Identifier: BSL-1.0
// error: logdb: Index<P>: P::hooks names log_index exactly if P has
#include <logdb/logdb.hpp>

struct Silent : logdb::Sparse {
  template <class Policies>
  class snapshot {};
};

logdb::basic_log<logdb::Index<Silent>> wal{"a.wal"};
