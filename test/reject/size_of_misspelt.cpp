// SPDX-License-Identifier: BSL-1.0
// error: logdb: Storage<P>: P::hooks names size_of exactly if it has
#include <logdb/policy/storage_traits.hpp>

struct Typo {
  using file = int;
  static constexpr logdb::storage_hooks hooks{"size_of"};
  int sizeof_(std::string_view) const { return 0; }
};

void use(Typo& typo) { (void)logdb::storage_traits<Typo>::size_of(typo, "x"); }
