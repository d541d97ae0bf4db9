// SPDX-License-Identifier: BSL-1.0
// error: logdb: Storage<P>: P::file::hooks names probe exactly if it has
#include <logdb/policy/storage_traits.hpp>

struct Typo {
  static constexpr logdb::file_hooks hooks{"probe"};
  void prob(int, int) const {}
};

void use(Typo& typo) { logdb::file_traits<Typo>::probe(typo, 0, 0); }
