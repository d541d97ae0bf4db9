// SPDX-License-Identifier: BSL-1.0
// error: logdb: Storage<P>: P::hooks names share exactly if it has
#include <logdb/policy/storage_traits.hpp>

struct Typo {
  using file = int;
  static constexpr logdb::storage_hooks hooks{"share"};
  void shared(Typo&, bool) {}
};

void use(Typo& typo) { logdb::storage_traits<Typo>::share(typo, typo, true); }
