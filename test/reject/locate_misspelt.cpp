// SPDX-License-Identifier: BSL-1.0
// error: logdb: Storage<P>: P::hooks names locate exactly if it has
#include <logdb/policy/storage_traits.hpp>

struct Typo {
  using file = int;
  static constexpr logdb::storage_hooks hooks{"locate"};
  std::filesystem::path path() const { return {}; }
};

void use(Typo& typo) { (void)logdb::storage_traits<Typo>::locate(typo, "x", 0); }
