// SPDX-License-Identifier: BSL-1.0
// error: logdb: a policy names compatible_with in its hooks exactly if
#include <logdb/logdb.hpp>

struct Typo : logdb::Sparse {
  static constexpr logdb::index_hooks hooks{"fault", "compatible_with"};
  template <class Policies>
  static constexpr bool compatibel_with = Policies::storage::persistent;
};

logdb::basic_log<logdb::Index<Typo>> wal{"a.wal"};
