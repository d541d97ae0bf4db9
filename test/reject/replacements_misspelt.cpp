// SPDX-License-Identifier: BSL-1.0
// error: logdb: Storage<P>: P::hooks names replacements exactly if it has
#include <logdb/policy/storage_traits.hpp>

struct Typo {
  using file = int;
  static constexpr logdb::storage_hooks hooks{"replacements"};
  int replacement() const { return 0; }
};

void use(Typo& typo) { (void)logdb::storage_traits<Typo>::replacements(typo); }
