// SPDX-License-Identifier: BSL-1.0
// error: logdb: these policies do not fit, and the one with compatible_with<Policies>
#include <logdb/logdb.hpp>

struct Typo : logdb::Sparse {
  static constexpr logdb::index_hooks hooks{"fault", "compatible_with"};
  template <class Policies>
  static constexpr bool compatible_with = !Policies::storage::persistent;
};

logdb::basic_log<logdb::Index<Typo>> wal{"a.wal"};
