// SPDX-License-Identifier: BSL-1.0
// error: logdb: Index<P>: P is not an index_policy; see logdb/policy/index.hpp
#include <logdb/logdb.hpp>

struct Nearly : logdb::Sparse {
  using segment_index = int;
};

logdb::basic_log<logdb::Index<Nearly>> wal{"a.wal"};
