// SPDX-License-Identifier: BSL-1.0
// error: logdb: Index<P>: P::hooks names forget_hints exactly if its
#include <logdb/logdb.hpp>

struct Silent : logdb::Sparse {
  class segment_index : public logdb::Sparse::segment_index {
   public:
    using logdb::Sparse::segment_index::segment_index;
    void forget_hints() {}
  };
};

logdb::basic_log<logdb::Index<Silent>> wal{"a.wal"};
