// SPDX-License-Identifier: BSL-1.0
// error: logdb: Index<P>: P::hooks names require exactly if it has require(options)
#include <logdb/logdb.hpp>

struct Typo : logdb::Sparse {
  static constexpr logdb::index_hooks hooks{"fault", "require"};
  template <class Options>
  static void requires_(const Options&) {}
};

logdb::basic_log<logdb::Index<Typo>> wal{"a.wal"};
