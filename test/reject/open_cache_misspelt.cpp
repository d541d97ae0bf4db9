// SPDX-License-Identifier: BSL-1.0
// error: logdb: Storage<P>: P::hooks names open_cache exactly if it has
#include <logdb/policy/storage_traits.hpp>

struct Typo {
  using file = int;
  static constexpr logdb::storage_hooks hooks{"open_cache"};
  int open_cach(std::string_view) const { return 0; }
};

void use(Typo& typo) { (void)logdb::storage_traits<Typo>::open_cache(typo, "x"); }
