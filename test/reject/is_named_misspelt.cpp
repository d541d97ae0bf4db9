// SPDX-License-Identifier: BSL-1.0
// error: logdb: Storage<P>: P::file::hooks names is_named exactly if it has
#include <logdb/policy/storage_traits.hpp>

struct Typo {
  static constexpr logdb::file_hooks hooks{"is_named"};
  bool isnamed() const { return true; }
};

void use(Typo& typo) { (void)logdb::file_traits<Typo>::is_named(typo); }
