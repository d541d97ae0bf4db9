// SPDX-License-Identifier: BSL-1.0
// error: logdb: Storage<P>: P::file::hooks names identify exactly if it has
#include <logdb/policy/storage_traits.hpp>

struct Typo {
  static constexpr logdb::file_hooks hooks{"identify"};
  int identity() const { return 0; }
};

void use(Typo& typo) { (void)logdb::file_traits<Typo>::identify(typo, 0); }
