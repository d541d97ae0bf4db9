// SPDX-License-Identifier: BSL-1.0
// error: logdb: Storage<P>: P::hooks names close exactly if it has
#include <logdb/policy/storage_traits.hpp>

struct Typo {
  using file = int;
  static constexpr logdb::storage_hooks hooks{"close"};
  void clos(bool) noexcept {}
};

void use(Typo& typo) { logdb::storage_traits<Typo>::close(typo, true); }
