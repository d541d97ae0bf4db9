// SPDX-License-Identifier: BSL-1.0
// error: logdb: Index<P>: P::hooks names sections exactly if its
#include <vector>

#include <logdb/logdb.hpp>

struct Silent : logdb::Sparse {
  class segment_index : public logdb::Sparse::segment_index {
   public:
    using logdb::Sparse::segment_index::segment_index;
    std::vector<logdb::index_section> sections() const { return {}; }
  };
};

logdb::basic_log<logdb::Index<Silent>> wal{"a.wal"};
