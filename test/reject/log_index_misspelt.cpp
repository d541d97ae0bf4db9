// SPDX-License-Identifier: BSL-1.0
// error: logdb: Index<P>: P::hooks names log_index exactly if P has
#include <logdb/logdb.hpp>

struct Typo : logdb::Sparse {
  static constexpr logdb::index_hooks hooks{"fault", "log_index"};
  template <class Policies>
  class log_indx {};
  template <class Policies>
  class snapshot {};
  template <class Log>
  class transaction {};
};

logdb::basic_log<logdb::Index<Typo>> wal{"a.wal"};
